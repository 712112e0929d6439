//! A process dies at each named place of the protocol, on a folder; the next one finishes, and the lake is that of a run
//! without accidents. Death is a panic here; the line test kills real processes at the same places.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken expectation of a test panics")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fail::FailScenario;
use tempfile::TempDir;
use tributary_commit::{Claim, CommitError, CommitLog, LogOptions, OptionDigest, Proposal};
use tributary_core::{
    Attempt, Clock, Delta, Key, Position, ScopeId, SealedFile, Span, SplitId, StateKind, TableId, Tally, Timestamp,
};
use tributary_store::{FolderStore, ObjectStore};

const PLACES: [&str; 12] = [
    "commit:recovering",
    "commit:before_claim",
    "commit:after_claim",
    "commit:after_first_complete",
    "commit:before_done",
    "commit:after_done",
    "commit:before_checkpoint",
    "commit:after_checkpoint",
    "store:before_create",
    "store:after_create",
    "store:before_complete",
    "store:after_complete",
];

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }
}

fn options() -> LogOptions {
    LogOptions {
        pipeline: "p".parse().unwrap(),
        options: OptionDigest::new(BTreeMap::new()),
        accept_change: false,
        tables: vec![TableId::new("t")],
        takeover: Duration::from_secs(60),
        attempt_age: Duration::from_secs(86_400),
        checkpoint_every: LogOptions::CHECKPOINT_EVERY,
    }
}

/// 3 files of 1,000 ended splits each: every epoch brings a checkpoint record.
async fn propose(store: &dyn ObjectStore, attempt: u128, epoch: u64) -> Result<Proposal, CommitError> {
    let mut adds = Vec::new();
    for number in 0..3 {
        let attempt = Attempt::from_bits(attempt);
        let key: Key = format!("t/day=2025-07-0{}/{epoch}-{attempt}.parquet", number + 1).parse().unwrap();
        let mut upload = store.begin(&attempt, &key).await?;
        upload.write(Bytes::from(format!("epoch {epoch} file {number}"))).await?;
        let partition = format!("day=2025-07-0{}", number + 1).parse().unwrap();
        adds.push(SealedFile { table: TableId::new("t"), partition, key, ticket: upload.seal().await?, rows: 1 });
    }
    let mut delta = Delta::default();
    for number in 0..1_000 {
        let span = Span::new(Position::Start, Position::End).unwrap();
        delta.append(Delta::of(SplitId::new(format!("{epoch}/{number}")), span)).unwrap();
    }
    let state = vec![(ScopeId::new("files"), StateKind::Delta, Bytes::from(format!("state {epoch}")))];
    Ok(Proposal {
        attempt: Attempt::from_bits(attempt),
        delta,
        tally: Tally { read: 3, made_rows: 3, ..Tally::default() },
        adds,
        replaces: Vec::new(),
        bans: Vec::new(),
        state,
        guarded: true,
        read: Vec::new(),
        began: Timestamp::from_micros(0),
    })
}

/// What `tributary run` does: finishes what is unfinished, then commits what is missing of 3 epochs.
async fn run(lake: &Path, attempts: u128) -> Result<(), CommitError> {
    let store: Arc<dyn ObjectStore> = Arc::new(FolderStore::open(lake)?);
    let mut log = CommitLog::open(Arc::clone(&store), options(), Arc::new(Still)).await?;
    let recovered = log.recover().await?;
    for permit in recovered.unfinished {
        log.publish(permit).await?;
    }
    for epoch in 0..3 {
        if *recovered.checkpoint.position(&SplitId::new(format!("{epoch}/0"))) == Position::End {
            continue;
        }
        let proposal = propose(store.as_ref(), attempts + u128::from(epoch), epoch).await?;
        let Claim::Owned(permit) = log.claim(proposal).await? else { panic!("nobody else is there") };
        log.publish(permit).await?;
    }
    Ok(())
}

fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The bytes of all visible files, sorted, and the states that a restart would read.
fn lake(root: &Path) -> (Vec<Bytes>, Vec<Bytes>) {
    in_runtime(async {
        let store: Arc<dyn ObjectStore> = Arc::new(FolderStore::open(root).unwrap());
        let mut files = Vec::new();
        for key in store.list(&"t".parse().unwrap(), None).await.unwrap() {
            files.push(store.read(&key).await.unwrap().unwrap());
        }
        files.sort();
        let mut log = CommitLog::open(store, options(), Arc::new(Still)).await.unwrap();
        let recovered = log.recover().await.unwrap();
        assert!(recovered.unfinished.is_empty());
        assert_eq!(recovered.checkpoint.len(), 3_000);
        assert_eq!(recovered.live.len(), 9);
        (files, recovered.states.into_values().flatten().map(|state| state.bytes).collect())
    })
}

#[test]
fn a_death_at_any_place_leaves_the_lake_of_a_plain_run() {
    let scenario = FailScenario::setup();
    let plain = TempDir::new().unwrap();
    in_runtime(run(plain.path(), 1)).unwrap();
    let expected = lake(plain.path());
    assert_eq!(expected.0.len(), 9);
    for place in PLACES {
        // The first time, and some times later: in the owner's file, in a record, in a side object, in a mark.
        let skips: &[u32] = if place.starts_with("store:") { &[0, 2, 5] } else { &[0, 1] };
        for skip in skips {
            let root = TempDir::new().unwrap();
            fail::cfg(place, &format!("{skip}*off->panic(killed)")).unwrap();
            let died = catch_unwind(AssertUnwindSafe(|| in_runtime(run(root.path(), 100))));
            fail::remove(place);
            assert!(*skip > 0 || !matches!(died, Ok(Ok(()))), "{place} was never reached");
            in_runtime(run(root.path(), 200)).unwrap();
            assert_eq!(lake(root.path()), expected, "{place} after {skip}");
        }
    }
    scenario.teardown();
}
