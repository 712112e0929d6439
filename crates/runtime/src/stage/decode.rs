//! The first half of transform: several decoders side by side, results in order.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;
use tributary_core::{Decoded, Delta, ScopeId, Timestamp, Transform};

use super::Fetched;
use super::pool::{Lent, Pool};
use crate::budget::Hold;

/// A batch after decoding, with all that rides beside it.
pub(crate) struct Work {
    pub(crate) scope: ScopeId,
    pub(crate) decoded: Decoded,
    pub(crate) delta: Delta,
    pub(crate) read_at: Option<Timestamp>,
    pub(crate) since: Instant,
    pub(crate) bytes: u64,
    pub(crate) hold: Hold,
}

/// Starts a decoding for each batch as soon as a decoder is idle and there is room for its result. Ends with its
/// input, or when nobody takes the results.
///
/// The channel holds the decodings in the order of the batches, finished or not: that is what keeps the order, and
/// its capacity is what bounds them.
pub(crate) async fn decode(
    transform: Arc<dyn Transform>,
    decoders: usize,
    mut batches: mpsc::Receiver<Fetched>,
    results: mpsc::Sender<JoinHandle<Work>>,
) {
    let mut pool = Pool::new(transform, decoders);
    loop {
        let Ok(place) = results.reserve().await else { return };
        let fetched = tokio::select! {
            biased;
            () = results.closed() => return,
            fetched = batches.recv() => fetched,
        };
        let Some(fetched) = fetched else { return };
        let decoder = tokio::select! {
            biased;
            // A decoder that panicked does not come back, but then its result ends the stage.
            () = results.closed() => return,
            decoder = pool.take(&fetched.batch.scope, fetched.batch.bytes()) => decoder,
        };
        place.send(spawn_blocking(move || decode_one(fetched, decoder)));
    }
}

fn decode_one(fetched: Fetched, mut decoder: Lent) -> Work {
    let Fetched { batch, since, hold } = fetched;
    let decoded = decoder.get().decode(&batch);
    decoder.rest();
    let bytes = batch.bytes() as u64;
    Work { scope: batch.scope, decoded, delta: batch.delta, read_at: batch.read_at, since, bytes, hold }
}
