//! What comes of one shard: pages become batches, positions follow one another.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tributary_core::{
    After, Body, Conflict, Delta, Headers, InvalidName, Position, RawBatch, Record, RecordLimit, ScopeId,
    SequenceNumber, Span, SplitId, Timestamp,
};

use crate::aggregated::user_records;
use crate::client::from_date_time;
use crate::feed::Page;
use crate::place::{self, From};
use crate::shard::Shards;

/// A shard that is ours.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    split: SplitId,
    scope: ScopeId,
    origin: Arc<str>,
    range: (u128, u128),
    /// It takes nothing more, so that its end is to come.
    is_closed: bool,
    limit: RecordLimit,
    retention: Duration,
    /// Up to where it was handed on.
    handed: Position,
    /// Up to where it was read.
    pub(crate) at: Position,
    until: Option<Until>,
    /// Whether nothing more is read of it: a shard that is over, or that a batch has read as far as it goes.
    pub(crate) is_done: bool,
    /// User records that belong to other shards, by their hash keys.
    pub(crate) foreign: u64,
}

/// Where a batch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Until {
    /// Before the first record that arrived at this moment or later.
    pub(crate) moment: Timestamp,
    /// Also where nothing follows for now.
    pub(crate) or_at_tip: bool,
}

/// What cannot be taken.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The spans do not fit together.
    Positions(Conflict),
    /// A record has a number that is none.
    Number(InvalidName),
}

/// How long a quiet shard is read before that is committed, as a part of what the stream keeps.
const QUIET_PART: u32 = 4;

impl Part {
    /// The shard `id` of `shards` from `at` on.
    pub(crate) fn new(shards: &Shards, stream: &str, id: &str, at: Position) -> Self {
        Self {
            id: id.to_owned(),
            split: shards.split(id),
            scope: shards.scope(id),
            origin: format!("{stream}/{id}").into(),
            range: shards.get(id).map_or((0, u128::MAX), |shard| shard.range),
            is_closed: shards.get(id).is_some_and(|shard| shard.is_closed),
            limit: RecordLimit::DEFAULT,
            retention: Duration::MAX,
            handed: at.clone(),
            at,
            until: None,
            is_done: false,
            foreign: 0,
        }
    }

    pub(crate) fn limited(self, limit: RecordLimit, retention: Duration, until: Option<Until>) -> Self {
        Self { limit, retention, until, ..self }
    }

    /// Where reading goes on; `None` at the end.
    pub(crate) fn resume(&self) -> Option<From> {
        place::resume(&self.at)
    }

    /// Whether what arrived after the position may have been deleted by `now`.
    pub(crate) fn is_overrun(&self, now: Timestamp) -> bool {
        place::overrun(&self.at, now, self.retention).is_some()
    }

    /// The record that it stands at or behind.
    pub(crate) const fn sequence(&self) -> Option<&SequenceNumber> {
        match &self.at {
            Position::After(after) => Some(&after.sequence),
            Position::Start | Position::Since(_) | Position::Offset(_) | Position::Polled(_) | Position::End => None,
        }
    }

    /// Reading goes on as of the oldest moment that is kept, and what lies between is a gap, which the commit stage judges by
    /// `commit.on_gap`.
    pub(crate) fn skip(&mut self, now: Timestamp) {
        let Some(place) = place::overrun(&self.at, now, self.retention) else { return };
        let since = place::seen_until(&self.at).map(|moment| moment.to_string()).unwrap_or_default();
        let oldest = place::seen_until(&place).map(|moment| moment.to_string()).unwrap_or_default();
        tracing::error!(
            shard = self.id,
            %since,
            %oldest,
            "the stream no longer keeps what arrived between these two moments, if anything did"
        );
        // What was read before is handed on already: pages are, one by one.
        (self.handed, self.at) = (place.clone(), place);
    }

    /// Takes a page; the batch that it makes, if it makes one. `now` is when it was asked for.
    pub(crate) fn take(&mut self, page: Page, now: Timestamp) -> Result<Option<RawBatch>, Wrong> {
        let is_empty = page.records.is_empty();
        let mut records = Vec::with_capacity(page.records.len());
        for record in page.records {
            if !self.take_record(record, &mut records)? {
                break;
            }
        }
        let behind = page.behind.unwrap_or(0).max(0);
        if page.is_last && !self.is_done {
            self.at = Position::End;
            self.is_done = true;
        } else if !self.is_done && is_empty {
            // A page with records proves nothing: those that arrived in the same millisecond may be in the next.
            let seen = now.plus_micros(behind.saturating_mul(-1_000));
            let is_at_tip = behind == 0 && !self.is_closed;
            self.is_done = self.until.is_some_and(|until| until.or_at_tip && is_at_tip || seen >= until.moment);
            self.quiet(seen);
        }
        self.batch(records).map_err(Wrong::Positions)
    }

    /// Everything up to `seen` is read. That alone is worth a commit now and then: without it nobody could say later whether
    /// retention deleted anything.
    fn quiet(&mut self, seen: Timestamp) {
        let known = place::seen_until(&self.at);
        // A batch that has read all there is may be the last for long.
        let every = if self.is_done { self.retention / QUIET_PART / 6 } else { self.retention / QUIET_PART };
        let is_due = match known {
            Some(known) => place::earlier(seen, every) > known,
            None => true,
        };
        if is_due && self.handed == self.at {
            self.at = place::quiet_until(&self.at, seen);
        }
    }

    /// Whether more of the page is wanted.
    fn take_record(&mut self, record: aws_sdk_kinesis::types::Record, into: &mut Vec<Record>) -> Result<bool, Wrong> {
        let arrived = record.approximate_arrival_timestamp.as_ref().and_then(from_date_time);
        if let (Some(until), Some(arrived)) = (self.until, arrived)
            && arrived >= until.moment
        {
            self.is_done = true;
            return Ok(false);
        }
        // From what is numbered otherwise reading could not go on.
        let sequence = SequenceNumber::try_from(record.sequence_number).map_err(Wrong::Number)?;
        let done = place::done_of(&self.at, &sequence);
        if let Position::After(after) = &self.at
            && (sequence < after.sequence || sequence == after.sequence && done == 0)
        {
            return Ok(true);
        }
        let whole = After { sequence, index: None, seen_until: arrived };
        let key = record.partition_key.map(Bytes::from);
        let data = Bytes::from(record.data.into_inner());
        match user_records(&data) {
            None => into.push(self.record(whole.clone(), arrived, key, data)),
            Some(users) => {
                for (index, user) in (0_u32..).zip(users).skip(done as usize) {
                    // Whoever aggregates sends what belongs elsewhere to its own shard too, as soon as it sees it here.
                    if user.hash_key < self.range.0 || user.hash_key > self.range.1 {
                        self.leave_out();
                        continue;
                    }
                    let inside = After { index: Some(index), ..whole.clone() };
                    into.push(self.record(inside, arrived, Some(user.partition_key), user.data));
                }
            }
        }
        let seen_until = arrived.max(place::seen_until(&self.at));
        self.at = Position::from(After { seen_until, ..whole });
        Ok(true)
    }

    /// A user record belongs to another shard.
    fn leave_out(&mut self) {
        if self.foreign == 0 {
            tracing::warn!(
                shard = self.id,
                "packed records that belong to other shards by their hash keys are left to those: the Kinesis Producer Library \
                 puts them there again, and other packers may not"
            );
        }
        self.foreign += 1;
    }

    fn record(&self, at: After, arrived_at: Option<Timestamp>, key: Option<Bytes>, data: Bytes) -> Record {
        let body = match data.len() {
            length if length > self.limit.bytes() => {
                Body::TooLong { head: data.slice(..RecordLimit::HEAD), length: length as u64 }
            }
            _ => Body::Whole(data),
        };
        Record {
            split: self.split.clone(),
            origin: Arc::clone(&self.origin),
            position: Position::from(at),
            arrived_at,
            key,
            headers: Headers::default(),
            body,
        }
    }

    fn batch(&mut self, records: Vec<Record>) -> Result<Option<RawBatch>, Conflict> {
        if self.handed == self.at {
            return Ok(None);
        }
        let span = Span::new(std::mem::replace(&mut self.handed, self.at.clone()), self.at.clone())?;
        let delta = Delta::of(self.split.clone(), span);
        Ok(Some(RawBatch { scope: self.scope.clone(), records, delta, read_at: None }))
    }
}
