//! The decoders of a line, and who of them decodes what.
//!
//! Each remembers what it read, so that what recurs is neither read nor kept twice where the same decoder gets it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tributary_core::{Decoder, ScopeId, Transform};

/// A batch of so many bytes goes to any decoder that is idle; a smaller one waits for that of its scope, which is worth more to it
/// than the fraction of a millisecond until it is there.
const LARGE: usize = 256 << 10;

/// A decoder at work, and its place.
pub(crate) struct Lent {
    decoder: Box<dyn Decoder>,
    place: usize,
    back: mpsc::Sender<(usize, Box<dyn Decoder>)>,
}

impl Lent {
    pub(crate) fn get(&mut self) -> &mut dyn Decoder {
        self.decoder.as_mut()
    }

    /// Gives it back.
    pub(crate) fn rest(self) {
        // Nobody needs it any more when the pool is gone.
        drop(self.back.try_send((self.place, self.decoder)));
    }
}

enum Place {
    /// Nobody needed it yet.
    Empty,
    Busy,
    Idle(Box<dyn Decoder>),
}

/// The decoders, made when they are needed.
pub(crate) struct Pool {
    transform: Arc<dyn Transform>,
    places: Vec<Place>,
    /// The place that decodes a scope: by turns, in the order in which scopes appeared.
    homes: BTreeMap<ScopeId, usize>,
    back: mpsc::Sender<(usize, Box<dyn Decoder>)>,
    returned: mpsc::Receiver<(usize, Box<dyn Decoder>)>,
}

impl Pool {
    /// So many decoders at most, at least one.
    pub(crate) fn new(transform: Arc<dyn Transform>, decoders: usize) -> Self {
        // The channel has room for exactly these.
        let (back, returned) = mpsc::channel(decoders.max(1));
        let places = (0..decoders.max(1)).map(|_| Place::Empty).collect();
        Self { transform, places, homes: BTreeMap::new(), back, returned }
    }

    /// One for a batch of this scope and so many bytes; waits for it. One that panicked does not come back.
    pub(crate) async fn take(&mut self, scope: &ScopeId, bytes: usize) -> Lent {
        while let Ok(returned) = self.returned.try_recv() {
            self.put(returned);
        }
        let home = self.home(scope);
        loop {
            let free = match home {
                Some(home) if self.is_free(home) => Some(home),
                Some(_) if bytes < LARGE => None,
                _ => (0..self.places.len()).find(|place| self.is_free(*place)),
            };
            if let Some(lent) = free.and_then(|place| self.lend(place)) {
                return lent;
            }
            // It never ends, for `back` is kept.
            if let Some(returned) = self.returned.recv().await {
                self.put(returned);
            }
        }
    }

    /// Where the batches of a scope go; none where it is the only one.
    fn home(&mut self, scope: &ScopeId) -> Option<usize> {
        let home = match self.homes.get(scope) {
            Some(home) => *home,
            None => {
                let home = self.homes.len() % self.places.len();
                self.homes.insert(scope.clone(), home);
                home
            }
        };
        (self.homes.len() > 1).then_some(home)
    }

    fn is_free(&self, place: usize) -> bool {
        !matches!(self.places.get(place), None | Some(Place::Busy))
    }

    fn lend(&mut self, place: usize) -> Option<Lent> {
        let decoder = match std::mem::replace(self.places.get_mut(place)?, Place::Busy) {
            Place::Empty => self.transform.decoder(),
            Place::Idle(decoder) => decoder,
            Place::Busy => return None,
        };
        Some(Lent { decoder, place, back: self.back.clone() })
    }

    fn put(&mut self, (place, decoder): (usize, Box<dyn Decoder>)) {
        if let Some(place) = self.places.get_mut(place) {
            *place = Place::Idle(decoder);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tributary_testkit::{Faults, NoteTransform};

    use super::*;

    fn pool(decoders: usize) -> Pool {
        Pool::new(Arc::new(NoteTransform::new(Faults::default())), decoders)
    }

    fn split(number: u32) -> ScopeId {
        ScopeId::new(format!("split:calls/events/{number}"))
    }

    fn made(pool: &Pool) -> usize {
        pool.places.iter().filter(|place| !matches!(place, Place::Empty)).count()
    }

    #[tokio::test]
    async fn one_scope_has_every_decoder_and_makes_another_only_when_all_are_busy() {
        let mut pool = pool(2);
        for _ in 0..3 {
            pool.take(&split(0), 1).await.rest();
        }
        assert_eq!(made(&pool), 1);
        let (first, second) = (pool.take(&split(0), 1).await, pool.take(&split(0), 1).await);
        assert_eq!((first.place, second.place, made(&pool)), (0, 1, 2));
        assert!(pool.take(&split(0), LARGE).now_or_never().is_none());
        second.rest();
        assert_eq!(pool.take(&split(0), 1).await.place, 1);
    }

    #[tokio::test]
    async fn scopes_keep_their_decoder_unless_much_waits() {
        let mut pool = pool(2);
        for _ in 0..3 {
            for (number, home) in [(0, 0), (1, 1), (2, 0)] {
                let lent = pool.take(&split(number), 1).await;
                assert_eq!(lent.place, home);
                lent.rest();
            }
        }
        let busy = pool.take(&split(0), 1).await;
        assert!(pool.take(&split(2), LARGE - 1).now_or_never().is_none(), "a small batch waits for its own");
        let other = pool.take(&split(2), LARGE).await;
        assert_eq!(other.place, 1, "a large one does not");
        busy.rest();
        assert_eq!(pool.take(&split(2), 1).await.place, 0);
    }
}
