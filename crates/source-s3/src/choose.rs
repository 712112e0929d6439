//! Which of the listed objects are read, which split each of them is, and where it resumes.

use std::collections::HashMap;

use tributary_core::{Checkpoint, Position, SplitId};

use crate::Options;
use crate::list::Object;

/// An object that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) object: Object,
    pub(crate) split: SplitId,
    /// The committed position.
    pub(crate) from: Position,
}

/// What becomes of a listed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// It is read.
    Read(Box<Input>),
    /// It cannot be read; why.
    Left(String),
    /// It is read already, or holds nothing, or another worker reads it.
    Done,
    /// It is not meant.
    Passed,
    /// It is the lake's own.
    Lake,
}

/// The split that takes the place of one whose bytes came damaged: the object is read again from its beginning. Its first
/// span, up to byte 0, says so for good.
pub(crate) fn again(split: &SplitId) -> SplitId {
    SplitId::new(format!("{split}~"))
}

/// Whether a split is one of those.
pub(crate) fn is_again(split: &SplitId) -> bool {
    split.as_str().ends_with('~')
}

/// What was read of which object.
#[derive(Debug)]
pub(crate) struct Known {
    positions: HashMap<SplitId, Position>,
}

impl Known {
    pub(crate) fn new(source: &str, checkpoint: &Checkpoint) -> Self {
        let is_ours = |split: &SplitId| split.as_str().strip_prefix(source).is_some_and(|rest| rest.starts_with('/'));
        let ours = checkpoint.positions().filter(|(split, _)| is_ours(split));
        Self { positions: ours.map(|(split, position)| (split.clone(), position.clone())).collect() }
    }

    /// It was handed out up to this position.
    pub(crate) fn reached(&mut self, split: &SplitId, position: &Position) {
        self.positions.insert(split.clone(), position.clone());
    }

    /// What becomes of `object`.
    pub(crate) fn choose(&self, options: &Options, object: Object) -> Chosen {
        if let Some(lake) = &options.lake
            && (lake.is_empty() || object.key.strip_prefix(lake.as_str()).is_some_and(|rest| rest.starts_with('/')))
        {
            return Chosen::Lake;
        }
        if !is_meant(options, &object) {
            return Chosen::Passed;
        }
        if object.size == 0 || options.share.is_some_and(|share| !share.takes(&object.key)) {
            return Chosen::Done;
        }
        let mut split = SplitId::new(format!("{}/{}@{}", options.name, object.key, object.tag));
        if self.positions.contains_key(&again(&split)) {
            split = again(&split);
        }
        let from = self.positions.get(&split).cloned().unwrap_or(Position::Start);
        if from == Position::End {
            return Chosen::Done;
        }
        if let Some(archive) = object.archive {
            return Chosen::Left(format!("it is archived ({archive}); restore it, and it is read by the next run"));
        }
        Chosen::Read(Box::new(Input { object, split, from }))
    }
}

fn is_meant(options: &Options, object: &Object) -> bool {
    let key = object.key.as_str();
    // What a console makes to show an empty folder.
    let is_folder = key.ends_with('/') && object.size == 0;
    let modified = |is_right: &dyn Fn(tributary_core::Timestamp) -> bool| object.modified.is_none_or(is_right);
    !is_folder
        && key.strip_prefix(&options.folder()).is_some_and(|rest| options.keys.contain(rest))
        && options.start_after.as_deref().is_none_or(|after| key > after)
        && options.end_before.as_deref().is_none_or(|before| key < before)
        && options.modified_since.is_none_or(|since| modified(&|moment| moment >= since))
        && options.modified_before.is_none_or(|before| modified(&|moment| moment < before))
}

#[cfg(test)]
mod tests {
    use tributary_core::Timestamp;

    use super::*;
    use crate::Keys;

    fn options() -> Options {
        Options {
            keys: Keys::matching(&["**/*.gz".to_owned()]).unwrap(),
            start_after: Some("in/b".to_owned()),
            end_before: Some("in/x".to_owned()),
            modified_since: Some(Timestamp::from_micros(10)),
            modified_before: Some(Timestamp::from_micros(20)),
            lake: Some("in/lake".to_owned()),
            ..Options::new("archive", "events", "in")
        }
    }

    fn object(key: &str, micros: i64) -> Object {
        let modified = Some(Timestamp::from_micros(micros));
        Object { key: key.to_owned(), tag: "t".to_owned(), is_etag: true, size: 1, modified, archive: None }
    }

    #[test]
    fn keys_and_times_are_borders() {
        let known = Known::new("archive", &Checkpoint::default());
        let is_read = |object: Object| matches!(known.choose(&options(), object), Chosen::Read(_));
        assert!(is_read(object("in/c/d.gz", 10)));
        assert!(is_read(object("in/lakes.gz", 19)));
        for passed in [
            object("in/c/d.zip", 10),
            object("out/c/d.gz", 10),
            object("in/a.gz", 10),
            object("in/x.gz", 10),
            object("in/c/d.gz", 9),
            object("in/c/d.gz", 20),
        ] {
            assert_eq!(known.choose(&options(), passed.clone()), Chosen::Passed, "{passed:?}");
        }
        assert_eq!(known.choose(&options(), object("in/lake/agent_event/a.gz", 10)), Chosen::Lake);
        let empty = Object { size: 0, ..object("in/c.gz", 10) };
        assert_eq!(known.choose(&options(), empty), Chosen::Done);
        let archived = Object { archive: Some("GLACIER"), ..object("in/c.gz", 10) };
        assert!(matches!(known.choose(&options(), archived), Chosen::Left(reason) if reason.contains("GLACIER")));
    }

    #[test]
    fn what_was_read_is_known_by_key_and_tag() {
        let split = |name: &str| SplitId::new(name.to_owned());
        let checkpoint = [
            (split("archive/in/c.gz@t"), Position::End),
            (split("archive/in/d.gz@t"), Position::Offset(7)),
            (split("archives/in/e.gz@t"), Position::End),
        ];
        let mut known = Known::new("archive", &checkpoint.into_iter().collect());
        let from = |known: &Known, object: Object| match known.choose(&options(), object) {
            Chosen::Read(input) => Some(input.from),
            _ => None,
        };
        assert_eq!(from(&known, object("in/c.gz", 10)), None);
        assert_eq!(from(&known, Object { tag: "u".to_owned(), ..object("in/c.gz", 10) }), Some(Position::Start));
        assert_eq!(from(&known, object("in/d.gz", 10)), Some(Position::Offset(7)));
        assert_eq!(from(&known, object("in/e.gz", 10)), Some(Position::Start));
        // It came damaged: what was read of it does not count.
        known.reached(&split("archive/in/d.gz@t~"), &Position::Offset(0));
        assert_eq!(from(&known, object("in/d.gz", 10)), Some(Position::Offset(0)));
        known.reached(&split("archive/in/d.gz@t~"), &Position::End);
        assert_eq!(from(&known, object("in/d.gz", 10)), None);
    }
}
