//! What a file source is told.

use std::time::Duration;

use tributary_core::RecordLimit;
use twox_hash::XxHash3_64;

/// What to do when the beginning of a file is not what it was when the file was first read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnChanged {
    /// Read it as a new file.
    #[default]
    Read,
    /// Refuse to start.
    Fail,
}

/// One of several workers that share the inputs of a pipeline among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    worker: u64,
    of: u64,
}

impl Share {
    /// Worker `worker` of `of`, counted from 1; `None` when there is no such worker.
    pub fn new(worker: u64, of: u64) -> Option<Self> {
        (1..=of).contains(&worker).then_some(Self { worker, of })
    }

    /// Whether an input of this name is this worker's: exactly one of them takes it, whatever else there is. Standard
    /// input is the first one's.
    pub fn takes(self, name: &str) -> bool {
        let turn = if name == "-" { 0 } else { XxHash3_64::oneshot(name.as_bytes()) % self.of };
        turn + 1 == self.worker
    }
}

/// The options of a file source.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the source in the pipeline; every split begins with it, and `source:<name>` is the scope of all
    /// its batches.
    pub name: String,
    /// Paths and glob patterns; `-` is standard input. Splits are named by the paths as they are given here, so that
    /// a relative path stays relative. A pattern matches files only, none that begin with a dot unless it says so.
    pub paths: Vec<String>,
    /// Records beyond this are cut to their beginning.
    pub record_limit: RecordLimit,
    /// About how many bytes of memory the records of a batch take.
    pub batch_bytes: usize,
    /// What to do when the beginning of a file has changed.
    pub on_changed: OnChanged,
    /// Whether a path or pattern may match nothing.
    pub optional: bool,
    /// In a stream: how often the paths are looked at again. A pattern may match nothing yet. A file that is another one
    /// than at the last look is read up to its last complete record, a compressed one not at all yet. None: everything is
    /// read once.
    pub poll: Option<Duration>,
    /// The part of the files that this source takes; all without it.
    pub share: Option<Share>,
    /// A text that no other run uses (an attempt id): standard input is a new split in each run, for it cannot be
    /// resumed. Used for nothing else.
    pub nonce: String,
}

impl Options {
    /// 8 MiB: what each batch costs (its arrays, its dictionaries) is then a small part of what its rows cost.
    pub const BATCH_BYTES: usize = 8 << 20;

    /// The defaults, for a source of this name and these paths.
    pub fn new(name: impl Into<String>, paths: Vec<String>) -> Self {
        Self {
            name: name.into(),
            paths,
            record_limit: RecordLimit::DEFAULT,
            batch_bytes: Self::BATCH_BYTES,
            on_changed: OnChanged::default(),
            optional: false,
            poll: None,
            share: None,
            nonce: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_one_worker() {
        for of in 1..9 {
            let workers: Vec<Share> = (1..=of).filter_map(|worker| Share::new(worker, of)).collect();
            let mut turns = vec![0; workers.len()];
            for name in (0..1_000).map(|number| format!("in/{number}.gz")).chain(["-".to_owned()]) {
                let takers: Vec<usize> = (0..workers.len()).filter(|worker| workers[*worker].takes(&name)).collect();
                let [taker] = takers.as_slice() else { panic!("{name}: {takers:?}") };
                turns[*taker] += 1;
            }
            assert!(turns.iter().all(|turn| *turn > 1_000 / of / 2), "{turns:?}");
        }
        assert_eq!((Share::new(0, 4), Share::new(5, 4), Share::new(1, 0)), (None, None, None));
    }
}
