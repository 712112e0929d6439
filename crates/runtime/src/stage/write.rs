//! write: hands rows to the sink, adds up what they account for, and seals at each barrier.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tributary_commit::Proposal;
use tributary_core::{Attempt, Clock, Delta, SealedFile, Sink, TableId, Tally, Timestamp};

use super::{Ended, Flow, Rows, Seal, Sealed};
use crate::clock::new_attempt;
use crate::progress::Reporter;
use crate::{Phase, RunError, StageName};

const STAGE: StageName = StageName::Write;

/// The stage that owns the sink.
pub(crate) struct Write {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) guarded: bool,
    pub(crate) flow: mpsc::Receiver<Flow>,
    pub(crate) next: mpsc::Sender<Sealed>,
    /// Where the transform stage is told that seal number so-and-so is needed soon.
    pub(crate) wanted: watch::Sender<Option<u64>>,
    pub(crate) reporter: Reporter,
}

/// The epoch that is being written.
struct Open {
    attempt: Attempt,
    began: Timestamp,
    delta: Delta,
    tally: Tally,
}

impl Write {
    /// Writes until its input ends. Rows without a seal behind them are dropped: they are read again.
    pub(crate) async fn run(mut self) -> Result<Ended, RunError> {
        let mut open = None;
        let mut seals = 0;
        loop {
            let flow = tokio::select! {
                biased;
                () = self.next.closed() => return Ok(Ended::Closed),
                flow = self.flow.recv() => flow,
            };
            match flow {
                None => return Ok(Ended::Write),
                Some(Flow::Rows(rows)) => {
                    let epoch = open.get_or_insert_with(|| begin(self.sink.as_mut(), self.clock.as_ref()));
                    self.take(epoch, rows).await?;
                    if self.sink.fill().full {
                        self.wanted.send_replace(Some(seals));
                    }
                }
                Some(Flow::Seal(seal)) => {
                    let Some(epoch) = open.take() else {
                        return Err(RunError::broken(STAGE, "an epoch that accounts for nothing was to be sealed"));
                    };
                    let sealed = self.seal(epoch, seal).await?;
                    seals += 1;
                    if self.next.send(sealed).await.is_err() {
                        return Ok(Ended::Closed);
                    }
                }
            }
        }
    }

    /// Gives the rows of one batch to the sink. Its share of the budget is given back at the end.
    async fn take(&mut self, open: &mut Open, rows: Rows) -> Result<(), RunError> {
        self.reporter.enter(Phase::Writing);
        let Rows { tables, delta, tally, hold } = rows;
        balanced(&tally)?;
        for batch in tables {
            self.sink.write(batch).await.map_err(RunError::at(STAGE))?;
        }
        drop(hold);
        fail::fail_point!("write:after_rows", |_| std::process::abort());
        open.delta.append(delta).map_err(|conflict| RunError::broken(STAGE, conflict.to_string()))?;
        open.tally.append(&tally);
        Ok(())
    }

    /// Makes the epoch's bytes durable.
    async fn seal(&mut self, open: Open, seal: Seal) -> Result<Sealed, RunError> {
        self.reporter.enter(Phase::Sealing);
        fail::fail_point!("seal:begin", |_| std::process::abort());
        let files = self.sink.seal().await.map_err(RunError::at(STAGE))?;
        balanced(&open.tally)?;
        complete(&open.tally, &files)?;
        let proposal = Proposal {
            attempt: open.attempt,
            delta: open.delta,
            tally: open.tally,
            adds: files,
            replaces: Vec::new(),
            bans: Vec::new(),
            state: seal.states,
            guarded: self.guarded,
            read: Vec::new(),
            began: open.began,
        };
        Ok(Sealed { proposal, reason: seal.reason })
    }
}

fn begin(sink: &mut dyn Sink, clock: &dyn Clock) -> Open {
    let attempt = new_attempt(clock);
    sink.begin(&attempt);
    Open { attempt, began: clock.now(), delta: Delta::default(), tally: Tally::default() }
}

/// INV-1.
fn balanced(tally: &Tally) -> Result<(), RunError> {
    if tally.is_balanced() {
        return Ok(());
    }
    let promise = format!(
        "INV-1: read {} = made rows {} + duplicates {} + rejected {} + skipped {}",
        tally.read,
        tally.made_rows,
        tally.duplicates,
        tally.rejected,
        tally.skipped_total()
    );
    Err(RunError::broken(STAGE, promise))
}

/// Every row that was given to the sink is in one of the files it sealed.
fn complete(tally: &Tally, files: &[SealedFile]) -> Result<(), RunError> {
    let mut sealed: BTreeMap<TableId, u64> = BTreeMap::new();
    for file in files {
        *sealed.entry(file.table.clone()).or_default() += file.rows;
    }
    if sealed == tally.rows {
        return Ok(());
    }
    let promise = format!("the sink sealed the rows it was given: given {:?}, sealed {sealed:?}", tally.rows);
    Err(RunError::broken(STAGE, promise))
}

#[cfg(test)]
mod tests {
    use tributary_core::{Day, Digest, Fault, PartitionPath, Ticket};

    use super::*;

    fn file(table: &str, rows: u64) -> SealedFile {
        let ticket = Ticket { upload: "u".to_owned(), parts: Vec::new(), bytes: 1, digest: Digest::from_crc64(0) };
        let partition = PartitionPath::of(Day::EARLIEST);
        SealedFile { table: TableId::new(table), partition, key: "a/b".parse().unwrap(), ticket, rows }
    }

    fn rows(counts: &[(&str, u64)]) -> Tally {
        let rows = counts.iter().map(|&(table, rows)| (TableId::new(table), rows)).collect();
        Tally { rows, ..Tally::default() }
    }

    /// INV-1 at run time: a count that does not add up is a mistake of ours, never a commit.
    #[test]
    fn an_unbalanced_count_is_refused() {
        let tally = Tally { read: 3, made_rows: 1, duplicates: 1, ..Tally::default() };
        let error = balanced(&tally).unwrap_err();
        assert_eq!((error.fault(), error.code()), (Fault::Bug, "runtime/broken"));
        assert!(balanced(&Tally { read: 2, ..tally }).is_ok());
    }

    #[test]
    fn a_sink_that_loses_rows_is_refused() {
        let tally = rows(&[("a", 3), ("b", 1)]);
        assert!(complete(&tally, &[file("a", 1), file("b", 1), file("a", 2)]).is_ok());
        for files in [vec![file("a", 3)], vec![file("a", 2), file("b", 1)], vec![file("a", 3), file("b", 2)]] {
            assert!(complete(&tally, &files).is_err(), "{files:?}");
        }
        assert!(complete(&rows(&[]), &[]).is_ok());
    }
}
