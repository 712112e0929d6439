//! The one place that knows the names of the log's objects.
//!
//! ```text
//! _tributary/tables/<table>.json                          who owns the table
//! _tributary/<pipeline>/commits/<epoch>.json              a commit record
//! _tributary/<pipeline>/commits/<epoch>.done              its files are published
//! _tributary/<pipeline>/checkpoints/<epoch>.json          everything up to this epoch, published
//! _tributary/<pipeline>/ended/<epoch>-<digest>.json       splits that have ended, sorted
//! _tributary/<pipeline>/manifests/<table>/<day=…>/<epoch>-<digest>.json   live files
//! _tributary/<pipeline>/state/<attempt>-<number>          a snapshot of a scope
//! _tributary/<pipeline>/leases/<source>/<number>          who reads which split of a source
//! ```
//! Epochs have 20 digits, so that the order of names is the order of epochs.

use tributary_core::{Attempt, Epoch, InvalidName, Key, PartitionPath, PipelineId, TableId};

use crate::digest::TextDigest;

/// The folder of everything that is not a table.
const HOUSE: &str = "_tributary";

/// The names of one pipeline's log.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: String,
}

impl Layout {
    pub(crate) fn of(pipeline: &PipelineId) -> Self {
        Self { root: format!("{HOUSE}/{pipeline}") }
    }

    pub(crate) fn commits(&self) -> Result<Key, InvalidName> {
        format!("{}/commits", self.root).parse()
    }

    pub(crate) fn commit(&self, epoch: Epoch) -> Result<Key, InvalidName> {
        format!("{}/commits/{:020}.json", self.root, epoch.number()).parse()
    }

    pub(crate) fn done(&self, epoch: Epoch) -> Result<Key, InvalidName> {
        format!("{}/commits/{:020}.done", self.root, epoch.number()).parse()
    }

    pub(crate) fn checkpoints(&self) -> Result<Key, InvalidName> {
        format!("{}/checkpoints", self.root).parse()
    }

    pub(crate) fn checkpoint(&self, epoch: Epoch) -> Result<Key, InvalidName> {
        format!("{}/checkpoints/{:020}.json", self.root, epoch.number()).parse()
    }

    pub(crate) fn ended(&self, epoch: Epoch, digest: TextDigest) -> Result<Key, InvalidName> {
        format!("{}/ended/{:020}-{}.json", self.root, epoch.number(), digest.digits()).parse()
    }

    pub(crate) fn all_ended(&self) -> Result<Key, InvalidName> {
        format!("{}/ended", self.root).parse()
    }

    pub(crate) fn manifests(&self) -> Result<Key, InvalidName> {
        format!("{}/manifests", self.root).parse()
    }

    pub(crate) fn manifest(
        &self,
        table: &TableId,
        partition: PartitionPath,
        epoch: Epoch,
        digest: TextDigest,
    ) -> Result<Key, InvalidName> {
        let (number, digits) = (epoch.number(), digest.digits());
        format!("{}/manifests/{table}/{partition}/{number:020}-{digits}.json", self.root).parse()
    }

    pub(crate) fn states(&self) -> Result<Key, InvalidName> {
        format!("{}/state", self.root).parse()
    }

    pub(crate) fn state(&self, attempt: &Attempt, number: usize) -> Result<Key, InvalidName> {
        format!("{}/state/{attempt}-{number:06}", self.root).parse()
    }
}

/// The folder of the leases by which the processes of `pipeline` share the splits of `source`. The log does not read it.
///
/// # Errors
/// When the name of the source makes no key.
pub fn leases_folder(pipeline: &PipelineId, source: &str) -> Result<Key, InvalidName> {
    format!("{HOUSE}/{pipeline}/leases/{source}").parse()
}

/// The folder that says who owns which table.
pub(crate) fn owners() -> Result<Key, InvalidName> {
    format!("{HOUSE}/tables").parse()
}

/// Who owns `table`.
pub(crate) fn owner(table: &TableId) -> Result<Key, InvalidName> {
    format!("{HOUSE}/tables/{table}.json").parse()
}

/// What an object of `commits/` or `checkpoints/` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogName {
    /// A record.
    Record(Epoch),
    /// A mark that an epoch is published.
    Done(Epoch),
}

/// Reads the name of an object of `commits/` or `checkpoints/`; `None` for what is not ours.
pub(crate) fn log_name(key: &Key) -> Option<LogName> {
    let (number, kind) = key.file_name().split_once('.')?;
    if number.len() != 20 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let epoch = Epoch::new(number.parse().ok()?);
    match kind {
        "json" => Some(LogName::Record(epoch)),
        "done" => Some(LogName::Done(epoch)),
        _ => None,
    }
}

/// The epoch of the checkpoint record that an object of `ended/` or `manifests/` was written for.
pub(crate) fn list_epoch(key: &Key) -> Option<Epoch> {
    let (number, _) = key.file_name().split_once('-')?;
    let is_number = number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok().map(Epoch::new)).flatten()
}

/// The attempt that wrote this state object.
pub(crate) fn state_attempt(key: &Key) -> Option<Attempt> {
    key.file_name().split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_epochs_do_and_read_back() {
        let layout = Layout::of(&"p".parse().unwrap());
        let nine = layout.commit(Epoch::new(9)).unwrap();
        let ten = layout.commit(Epoch::new(10)).unwrap();
        assert_eq!(nine.as_str(), "_tributary/p/commits/00000000000000000009.json");
        assert!(nine < ten);
        assert_eq!(log_name(&ten), Some(LogName::Record(Epoch::new(10))));
        assert_eq!(log_name(&layout.done(Epoch::new(10)).unwrap()), Some(LogName::Done(Epoch::new(10))));
    }

    #[test]
    fn a_record_comes_after_its_mark_and_before_the_next_epoch() {
        // `list` after the record of a checkpoint's epoch therefore begins with the next epoch.
        let layout = Layout::of(&"p".parse().unwrap());
        let names = [
            layout.done(Epoch::new(7)).unwrap(),
            layout.commit(Epoch::new(7)).unwrap(),
            layout.done(Epoch::new(8)).unwrap(),
        ];
        assert!(names.is_sorted());
    }

    #[test]
    fn a_state_object_tells_its_attempt() {
        let layout = Layout::of(&"p".parse().unwrap());
        let attempt = Attempt::from_bits(7);
        assert_eq!(list_epoch(&layout.ended(Epoch::new(7), TextDigest::of(b"")).unwrap()), Some(Epoch::new(7)));
        assert_eq!(list_epoch(&layout.commit(Epoch::new(7)).unwrap()), None);
        assert_eq!(state_attempt(&layout.state(&attempt, 3).unwrap()), Some(attempt));
    }
}
