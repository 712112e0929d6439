//! Gaps: which columns differ where a chain is broken. They are read of the row groups that have an event beside a break.

use std::collections::BTreeMap;

use arrow_schema::ArrowError;
use tributary_connect::agent_time::{Digest, Digester, Gap, Side};
use tributary_core::Timestamp;

use crate::derive::Deriver;
use crate::error::Error;
use crate::scan::{Reader, Reading, metadata};
use crate::sightings::{Origin, paired};

/// So many are told at once at most: some 10 MB with what is read for them.
pub(crate) const MOST_BROKEN: usize = 16_384;

/// Rows that are read at once.
const BATCH_ROWS: usize = 4_096;

/// An event beside a break.
pub(crate) struct Told {
    pub(crate) at: Timestamp,
    pub(crate) event: Box<str>,
    pub(crate) origin: Origin,
}

/// A chain that is broken between two events of an agent.
pub(crate) struct Broken {
    pub(crate) agent: usize,
    pub(crate) last: Told,
    pub(crate) this: Told,
    pub(crate) event_type: Option<Box<str>>,
}

/// Each was asked for; a mistake of ours.
fn not_read() -> Error {
    Error::Rows(ArrowError::ComputeError("a snapshot beside a gap was not read".to_owned()))
}

/// Snapshots by the row that they stand in.
type Digests = BTreeMap<(Origin, bool), Digest>;

impl Deriver<'_> {
    /// Makes rows of the breaks that were found.
    pub(crate) async fn tell_gaps(&mut self) -> Result<(), Error> {
        let broken = std::mem::take(&mut self.broken);
        let mut wanted: BTreeMap<u32, Vec<(usize, Side)>> = BTreeMap::new();
        for Broken { last, this, .. } in &broken {
            for (origin, side) in [(last.origin, Side::Current), (this.origin, Side::Previous)] {
                wanted.entry(origin.group).or_default().push((origin.row as usize, side));
            }
        }
        let mut digests = Digests::new();
        for (group, rows) in wanted {
            self.read_digests(group, rows, &mut digests).await?;
        }
        for Broken { agent, last, this, event_type } in broken {
            let found = [(last.origin, true), (this.origin, false)].map(|at| digests.get(&at));
            let [Some(current), Some(previous)] = found else { return Err(not_read()) };
            let gap = Gap::between((last.at, &last.event), current, (this.at, &this.event), previous);
            if let Some(gap) = gap {
                self.rows.push_gap(&self.agents[agent].id, &gap, event_type.as_deref(), self.rules.now);
            }
        }
        Ok(())
    }

    /// Reads snapshots of some rows of a row group.
    async fn read_digests(&self, group: u32, mut rows: Vec<(usize, Side)>, digests: &mut Digests) -> Result<(), Error> {
        let Some((file, number)) = self.opened.get(group) else { return Ok(()) };
        let footer = metadata(self.store, file).await?;
        let columns = paired();
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let (key, reading) = (file.key.clone(), Reading::Coded(&[]));
        let mut reader = Reader::new(key, &footer, &names, Some(*number), BATCH_ROWS, &reading)?;
        rows.sort_unstable_by_key(|(row, _)| *row);
        let (mut digester, mut first) = ([Digester::default(), Digester::default()], 0);
        while let Some(batch) = reader.next(self.store).await? {
            let end = first + batch.num_rows();
            for (digester, side) in digester.iter_mut().zip([Side::Previous, Side::Current]) {
                let here = rows.iter().filter(|(row, of)| *of == side && (first..end).contains(row));
                let here: Vec<usize> = here.map(|(row, _)| row - first).collect();
                if here.is_empty() {
                    continue;
                }
                let missing = || Error::Column { key: file.key.clone(), column: "a column of a snapshot" };
                let found = digester.digests(&batch, side, &here).ok_or_else(missing)?;
                for (row, digest) in here.into_iter().zip(found) {
                    let origin = Origin { group, row: (first + row) as u32 };
                    digests.insert((origin, side == Side::Current), digest);
                }
            }
            first = end;
            if rows.last().is_none_or(|(row, _)| *row < first) {
                break;
            }
        }
        Ok(())
    }
}
