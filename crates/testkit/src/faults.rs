//! Trouble on order: the n-th call at a place fails or panics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tributary_core::{Failure, Fault};

/// Where trouble can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Building a line.
    Build,
    /// [`Source::next`](tributary_core::Source::next).
    Next,
    /// [`Source::release`](tributary_core::Source::release).
    Release,
    /// [`Decoder::decode`](tributary_core::Decoder::decode); it can only panic.
    Decode,
    /// [`Transform::scope`](tributary_core::Transform::scope).
    Restore,
    /// [`Scope::apply`](tributary_core::Scope::apply); it can only panic.
    Apply,
    /// [`CommittedKeys::day`](tributary_core::CommittedKeys::day).
    Keys,
    /// [`Sink::write`](tributary_core::Sink::write).
    Write,
    /// [`Sink::seal`](tributary_core::Sink::seal).
    Seal,
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The call fails with this fault.
    Fail(Fault),
    /// The call panics.
    Panic,
}

#[derive(Debug, Default)]
struct Calls {
    count: u64,
    orders: BTreeMap<u64, Trouble>,
}

/// Orders and counts of calls. Clones share them, and so they outlive a line.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    places: Arc<Mutex<BTreeMap<Place, Calls>>>,
}

impl Faults {
    /// Orders `trouble` for call number `nth` at `place`, counted from 1 over the whole life of the fakes.
    pub fn order(&self, place: Place, nth: u64, trouble: Trouble) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(place).or_default().orders.insert(nth, trouble);
    }

    /// How often `place` was called.
    pub fn calls(&self, place: Place) -> u64 {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&place).map_or(0, |calls| calls.count)
    }

    /// A call at `place`: what was ordered for it happens.
    ///
    /// # Panics
    /// When that was ordered.
    #[expect(clippy::panic, reason = "it was ordered")]
    pub fn hit(&self, place: Place) -> Result<(), Failure> {
        let trouble = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let calls = places.entry(place).or_default();
            calls.count += 1;
            calls.orders.get(&calls.count).copied()
        };
        match trouble {
            None => Ok(()),
            Some(Trouble::Fail(fault)) => Err(Failure::new(fault, "test/ordered", format!("ordered at {place:?}"))),
            Some(Trouble::Panic) => panic!("ordered at {place:?}"),
        }
    }
}
