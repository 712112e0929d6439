//! Up to where executions of flows are in the lake, and whom nothing may be heard of again.

use std::collections::BTreeMap;

use bytes::Bytes;
use tributary_core::{Day, Epoch, ScopeId, ScopeState, Timestamp};

use crate::error::Error;

/// The first bytes: what it is, and its format version.
const MAGIC: &[u8; 9] = b"TribFlow\x01";

/// Whose state it is.
const TABLE: &str = "contact_flow_events";

/// Bytes of a contact that waits.
const WAITING_BYTES: usize = 20;

/// What the last commit of executions left behind; a side object of that commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Up to this epoch lines and events were looked at.
    pub(crate) epoch: Option<Epoch>,
    /// The contacts with an execution that goes on, by [`hash`](super::read::hash): the moment of its last line (of a task so much later as it is waited for longer), and the day
    /// of the contact's first line. They are looked at again when nothing more is expected of them.
    pub(crate) waiting: BTreeMap<u64, (Timestamp, Day)>,
}

impl Walked {
    /// The scope under which it is kept.
    pub fn scope() -> ScopeId {
        ScopeId::new(TABLE)
    }

    /// As the newest snapshot has it.
    ///
    /// # Errors
    /// [`Error::State`] when it is damaged or newer than this version.
    pub fn of(states: &[ScopeState]) -> Result<Self, Error> {
        let Some(state) = states.last() else { return Ok(Self::default()) };
        let damaged = || Error::State { table: TABLE, reason: "its bytes are not those that were written" };
        let (magic, rest) = state.bytes.split_first_chunk::<9>().ok_or_else(damaged)?;
        if magic[..8] == MAGIC[..8] && magic != MAGIC {
            return Err(Error::State { table: TABLE, reason: "it was written by a newer version" });
        }
        let (epoch, rest) = rest.split_first_chunk::<8>().filter(|_| magic == MAGIC).ok_or_else(damaged)?;
        let (contacts, []) = rest.as_chunks::<WAITING_BYTES>() else { return Err(damaged()) };
        let waiting = contacts.iter().map(|contact| {
            let (hash, rest) = contact.split_first_chunk::<8>()?;
            let (last, day) = rest.split_first_chunk::<8>()?;
            let day = Day::from_days(i32::from_le_bytes(day.try_into().ok()?));
            Some((u64::from_le_bytes(*hash), (Timestamp::from_micros(i64::from_le_bytes(*last)), day)))
        });
        let waiting = waiting.collect::<Option<BTreeMap<_, _>>>().ok_or_else(damaged)?;
        Ok(Self { epoch: Some(Epoch::new(u64::from_le_bytes(*epoch))), waiting })
    }

    pub(crate) fn bytes(&self) -> Bytes {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.epoch.map_or(0, Epoch::number).to_le_bytes());
        for (hash, (last, day)) in &self.waiting {
            bytes.extend_from_slice(&hash.to_le_bytes());
            bytes.extend_from_slice(&last.micros().to_le_bytes());
            bytes.extend_from_slice(&day.days().to_le_bytes());
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use tributary_core::StateKind;

    use super::*;

    #[test]
    fn it_is_read_back_and_nothing_else() {
        let state = |bytes: &[u8]| [ScopeState { kind: StateKind::Full, bytes: Bytes::copy_from_slice(bytes) }];
        let waiting = BTreeMap::from([
            (7, (Timestamp::from_micros(-5), Day::from_days(20_000))),
            (u64::MAX, (Timestamp::from_micros(9), Day::from_days(-1))),
        ]);
        let walked = Walked { epoch: Some(Epoch::new(12)), waiting };
        let bytes = walked.bytes();
        assert_eq!(Walked::of(&state(&bytes)).unwrap(), walked);
        assert_eq!(Walked::of(&[]).unwrap(), Walked::default());
        for cut in (0..bytes.len()).filter(|cut| *cut < 17 || (cut - 17) % WAITING_BYTES != 0) {
            assert!(Walked::of(&state(&bytes[..cut])).is_err(), "{cut}");
        }
        let mut newer = bytes.to_vec();
        newer[8] = 2;
        assert!(Walked::of(&state(&newer)).unwrap_err().to_string().contains("newer version"));
    }
}
