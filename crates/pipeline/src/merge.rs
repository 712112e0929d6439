//! Several sources as one.

use std::collections::BTreeSet;
use std::task::Poll;

use async_trait::async_trait;
use tributary_core::{Checkpoint, Failure, Lag, RawBatch, ScopeId, Source, UnreadInput};

/// The scope of all files of a pipeline, whatever their sources are called.
const SCOPE: &str = "files";

/// Sources one after the other, each to its end: what a batch wants; or side by side: what a stream wants, whose sources
/// do not end. Their splits differ, because each source begins the names of its splits with its own, so one commit covers
/// them all.
pub(crate) struct Merged {
    sources: Vec<Box<dyn Source>>,
    side_by_side: bool,
    /// One after the other: the one that is being read; past the last, nothing follows. Side by side: the one that is
    /// asked first.
    current: usize,
    /// Side by side: those that have ended.
    ended: BTreeSet<usize>,
}

impl Merged {
    pub(crate) fn new(sources: Vec<Box<dyn Source>>, side_by_side: bool) -> Self {
        Self { sources, side_by_side, current: 0, ended: BTreeSet::new() }
    }

    /// The next batch of whichever source has one first.
    async fn first(&mut self) -> Result<Option<RawBatch>, Failure> {
        let (count, first, ended) = (self.sources.len(), self.current, &self.ended);
        let asked = self.sources.iter_mut().enumerate().filter(|(number, _)| !ended.contains(number));
        let mut asked: Vec<_> = asked.map(|(number, source)| (number, source.next())).collect();
        // Each is asked first in turn, so that none starves.
        asked.sort_by_key(|(number, _)| (number + count - first) % count);
        let next = std::future::poll_fn(|context| {
            for (number, next) in &mut asked {
                if let Poll::Ready(batch) = next.as_mut().poll(context) {
                    return Poll::Ready((*number, batch));
                }
            }
            Poll::Pending
        });
        // Cancel-safe, as each source is: the others are asked again.
        let (number, batch) = next.await;
        drop(asked);
        self.current = (number + 1) % count;
        let batch = batch?;
        if batch.is_none() {
            self.ended.insert(number);
        }
        Ok(batch)
    }
}

#[async_trait]
impl Source for Merged {
    async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
        while self.side_by_side && self.ended.len() < self.sources.len() {
            if let Some(mut batch) = self.first().await? {
                batch.scope = ScopeId::new(SCOPE);
                return Ok(Some(batch));
            }
        }
        if self.side_by_side {
            return Ok(None);
        }
        while let Some(source) = self.sources.get_mut(self.current) {
            // Cancel-safe, as each source is: nothing changes between the answer and the return.
            if let Some(mut batch) = source.next().await? {
                // One scope for all of them: what two sources both have is a duplicate.
                batch.scope = ScopeId::new(SCOPE);
                return Ok(Some(batch));
            }
            self.current += 1;
        }
        Ok(None)
    }

    async fn release(&mut self, durable: &Checkpoint) -> Result<(), Failure> {
        for source in &mut self.sources {
            source.release(durable).await?;
        }
        Ok(())
    }

    fn lag(&self) -> Option<Lag> {
        self.sources.iter().filter_map(|source| source.lag()).reduce(add)
    }

    fn unread(&self) -> Vec<UnreadInput> {
        self.sources.iter().flat_map(|source| source.unread()).collect()
    }
}

/// The lag of two sources. Of two kinds there is no sum: the first is shown.
fn add(left: Lag, right: Lag) -> Lag {
    match (left, right) {
        (Lag::Bytes { read, total }, Lag::Bytes { read: more, total: further }) => {
            Lag::Bytes { read: read + more, total: total + further }
        }
        (Lag::Records(left), Lag::Records(right)) => Lag::Records(left + right),
        (Lag::Millis(left), Lag::Millis(right)) => Lag::Millis(left.max(right)),
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tributary_core::Delta;

    use super::*;

    /// Gives so many empty batches under its name.
    struct Counted {
        name: &'static str,
        left: u32,
        released: Arc<Mutex<Vec<&'static str>>>,
    }

    #[async_trait]
    impl Source for Counted {
        async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
            if self.left == 0 {
                return Ok(None);
            }
            self.left -= 1;
            let batch = RawBatch {
                scope: ScopeId::new(self.name),
                records: Vec::new(),
                delta: Delta::default(),
                read_at: None,
            };
            Ok(Some(batch))
        }

        async fn release(&mut self, _: &Checkpoint) -> Result<(), Failure> {
            self.released.lock().unwrap().push(self.name);
            Ok(())
        }

        fn lag(&self) -> Option<Lag> {
            Some(Lag::Bytes { read: 1, total: u64::from(self.left) })
        }

        fn unread(&self) -> Vec<UnreadInput> {
            vec![UnreadInput { name: self.name.to_owned(), reason: String::new() }]
        }
    }

    /// Has nothing yet.
    struct Waiting;

    #[async_trait]
    impl Source for Waiting {
        async fn next(&mut self) -> Result<Option<RawBatch>, Failure> {
            std::future::pending().await
        }

        async fn release(&mut self, _: &Checkpoint) -> Result<(), Failure> {
            Ok(())
        }

        fn lag(&self) -> Option<Lag> {
            None
        }

        fn unread(&self) -> Vec<UnreadInput> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn a_source_that_waits_holds_up_no_other() {
        let released = Arc::default();
        let counted =
            |name, left| -> Box<dyn Source> { Box::new(Counted { name, left, released: Arc::clone(&released) }) };
        let mut merged = Merged::new(vec![counted("a", 2), Box::new(Waiting), counted("b", 1)], true);
        for _ in 0..3 {
            assert!(merged.next().await.unwrap().is_some());
        }
        let more = tokio::time::timeout(std::time::Duration::from_millis(20), merged.next()).await;
        assert!(more.is_err(), "it waits for the one that has not ended");
        let mut merged = Merged::new(vec![counted("a", 1), counted("b", 1)], true);
        assert!(merged.next().await.unwrap().is_some() && merged.next().await.unwrap().is_some());
        assert!(merged.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn sources_follow_one_another_and_all_are_told_of_commits() {
        let released = Arc::new(Mutex::new(Vec::new()));
        let counted =
            |name, left| -> Box<dyn Source> { Box::new(Counted { name, left, released: Arc::clone(&released) }) };
        let mut merged = Merged::new(vec![counted("a", 2), counted("empty", 0), counted("b", 1)], false);
        assert_eq!(merged.lag(), Some(Lag::Bytes { read: 3, total: 3 }));

        let mut scopes = Vec::new();
        while let Some(batch) = merged.next().await.unwrap() {
            scopes.push(batch.scope.as_str().to_owned());
        }
        assert_eq!(scopes, ["files"; 3], "what two sources both have is a duplicate");
        assert!(merged.next().await.unwrap().is_none());
        merged.release(&Checkpoint::default()).await.unwrap();
        assert_eq!(*released.lock().unwrap(), ["a", "empty", "b"]);
        assert_eq!(merged.unread().len(), 3);
    }
}
