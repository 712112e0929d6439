//! Whose events a batch of a stream holds, and by which keys they came.

use tributary_core::{Record, Subject};
use twox_hash::XxHash3_64;

use crate::dictionary::{Code, Texts};

/// The agents of a batch by their codes.
#[derive(Debug, Default)]
pub(crate) struct Subjects(Vec<Option<Key>>);

/// The keys of the records of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Always(u64),
    NoneOrSeveral,
}

impl Subjects {
    /// An event of `agent` came in `record`. Records of files have no key that could matter.
    #[inline]
    pub(crate) fn saw(&mut self, agent: Code, record: &Record) {
        let (Some(index), Some(_)) = (agent.index(), record.arrived_at) else { return };
        if self.0.len() <= index {
            self.0.resize(index + 1, None);
        }
        let key = record.key.as_ref().map_or(Key::NoneOrSeveral, |key| Key::Always(XxHash3_64::oneshot(key)));
        if let Some(known) = self.0.get_mut(index) {
            *known = match known {
                Some(before) if *before != key => Some(Key::NoneOrSeveral),
                _ => Some(key),
            };
        }
    }

    /// Those that were seen; `agents` gives the codes their names.
    pub(crate) fn finish(self, agents: &Texts) -> Vec<Subject> {
        let named = |(index, key): (usize, Option<Key>)| {
            let id = XxHash3_64::oneshot(agents.text(index)?);
            let key = match key? {
                Key::Always(key) => Some(key),
                Key::NoneOrSeveral => None,
            };
            Some(Subject { id, key })
        };
        self.0.into_iter().enumerate().filter_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tributary_core::{Body, Position, SplitId, Timestamp};

    use super::*;

    fn record(key: Option<&'static str>, arrived_at: Option<Timestamp>) -> Record {
        Record {
            split: SplitId::new("calls/events/0"),
            origin: Arc::from("events/0"),
            position: Position::Offset(0),
            arrived_at,
            key: key.map(Bytes::from),
            headers: tributary_core::Headers::default(),
            body: Body::Whole(Bytes::new()),
        }
    }

    #[test]
    fn an_agent_is_told_with_its_key_if_it_has_one() {
        let mut agents = Texts::default();
        let [ann, bob, cyd, dan] = ["ann", "bob", "cyd", "dan"].map(|name| agents.code(name));
        let now = Some(Timestamp::from_micros(1));
        let mut subjects = Subjects::default();
        for (agent, key) in [(bob, Some("b")), (ann, Some("a")), (bob, Some("b")), (ann, Some("x")), (cyd, None)] {
            subjects.saw(agent, &record(key, now));
        }
        subjects.saw(dan, &record(Some("d"), None));
        subjects.saw(Code::NULL, &record(Some("d"), now));
        let keys: Vec<Option<u64>> = subjects.finish(&agents).iter().map(|subject| subject.key).collect();
        assert_eq!(keys, [None, Some(XxHash3_64::oneshot(b"b")), None]);
    }
}
