//! What every [`ObjectStore`] has to do, as one suite: call [`run`] from a test of the implementation. It says no by
//! panicking.
#![expect(
    clippy::unwrap_used,
    reason = "a conformance suite is a test that other crates call: it says no by panicking"
)]

use std::sync::Arc;

use bytes::Bytes;
use tributary_core::{Attempt, Key, Ticket};

use crate::{Completed, Created, ObjectStore, StoreError, digest_of};

/// Runs the whole suite; `make` gives a new, empty store each time.
pub async fn run<S: ObjectStore + 'static>(make: impl Fn() -> Arc<S>) {
    reading_and_deleting(make().as_ref()).await;
    create_race(make().as_ref()).await;
    list_order(make().as_ref()).await;
    upload_life(make().as_ref()).await;
    completing_twice(make().as_ref()).await;
    completing_after_a_loss(make().as_ref()).await;
    aborting(make().as_ref()).await;
    empty_object(make().as_ref()).await;
    big_object(make().as_ref()).await;
    odd_names(make().as_ref()).await;
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn attempt(number: u128) -> Attempt {
    Attempt::from_bits(number)
}

/// A key that holds the attempt, as those of all uploads do.
fn file(number: u128, name: &str) -> Key {
    key(&format!("{name}-{}", attempt(number)))
}

/// Uploads `chunks` under `name` and seals them.
async fn sealed(store: &dyn ObjectStore, name: &Key, chunks: &[Bytes]) -> Ticket {
    let mut upload = store.begin(&attempt(1), name).await.unwrap();
    for chunk in chunks {
        upload.write(chunk.clone()).await.unwrap();
    }
    upload.seal().await.unwrap()
}

async fn reading_and_deleting(store: &dyn ObjectStore) {
    let name = key("a/b.json");
    assert_eq!(store.read(&name).await.unwrap(), None);
    assert_eq!(store.size(&name).await.unwrap(), None);
    store.delete(&name).await.unwrap();
    assert_eq!(store.create(&name, Bytes::from_static(b"0123456789")).await.unwrap(), Created::New);
    assert_eq!(store.size(&name).await.unwrap(), Some(10));
    assert_eq!(store.read_range(&name, 2..5).await.unwrap(), Bytes::from_static(b"234"));
    assert_eq!(store.read_range(&name, 10..10).await.unwrap(), Bytes::new());
    assert!(store.read_range(&name, 8..11).await.is_err(), "a range beyond the end is an error, not a short answer");
    assert_eq!(store.read_ranges(&name, &[]).await.unwrap(), Vec::<Bytes>::new());
    let ranges = [6..8, 0..1, 1..3, 4..4, 0..10, 9..10];
    assert_eq!(store.read_ranges(&name, &ranges).await.unwrap(), ["67", "0", "12", "", "0123456789", "9"]);
    assert!(store.read_ranges(&name, &[0..1, 8..11]).await.is_err());
    assert_eq!(store.read(&key("a")).await.ok().flatten(), None, "a folder is no object");
    assert_eq!(store.read(&key("a/b.json/c")).await.unwrap(), None, "nothing is below an object");
    store.delete(&name).await.unwrap();
    assert_eq!(store.read(&name).await.unwrap(), None);
}

/// Of 8 callers exactly one creates, and all agree on whose bytes stand there.
async fn create_race(store: &dyn ObjectStore) {
    for round in 0..20 {
        let name = key(&format!("race/{round:03}.json"));
        let racer = |number: u8| {
            let name = name.clone();
            async move { (number, store.create(&name, Bytes::from(vec![number; 100])).await.unwrap()) }
        };
        let (a, b, c, d, e, f, g, h) =
            tokio::join!(racer(0), racer(1), racer(2), racer(3), racer(4), racer(5), racer(6), racer(7));
        let outcomes = [a, b, c, d, e, f, g, h];
        let winners: Vec<u8> = outcomes.iter().filter(|(_, made)| *made == Created::New).map(|(who, _)| *who).collect();
        let &[winner] = winners.as_slice() else { return assert_eq!(winners.len(), 1, "one winner") };
        let body = Bytes::from(vec![winner; 100]);
        for (who, made) in outcomes.iter().filter(|(who, _)| *who != winner) {
            assert_eq!(*made, Created::Exists(body.clone()), "loser {who} gets the winner's bytes");
        }
        assert_eq!(store.read(&name).await.unwrap(), Some(body));
    }
}

async fn list_order(store: &dyn ObjectStore) {
    assert_eq!(store.list(&key("t"), None).await.unwrap(), Vec::new());
    // `-` sorts before `/`, which sorts before `0`: the order is that of whole names, not of folders.
    for name in ["t/a/2", "t/a/10", "t/a-b/1", "t/a0", "t/b", "tt/x", "t-/x"] {
        store.create(&key(name), Bytes::from_static(b"x")).await.unwrap();
    }
    let all = ["t/a-b/1", "t/a/10", "t/a/2", "t/a0", "t/b"].map(key);
    assert_eq!(store.list(&key("t"), None).await.unwrap(), all);
    assert_eq!(store.list(&key("t"), Some(&key("t/a/10"))).await.unwrap(), all[2..]);
    assert_eq!(store.list(&key("t"), Some(&key("t/a/11"))).await.unwrap(), all[2..], "`after` need not exist");
    assert_eq!(store.list(&key("t/a"), None).await.unwrap(), all[1..3]);
}

async fn upload_life(store: &dyn ObjectStore) {
    let name = file(7, "agent_event/day=2025-07-01/x");
    let chunks = [Bytes::from_static(b"hello "), Bytes::new(), Bytes::from_static(b"world")];
    let mut upload = store.begin(&attempt(7), &name).await.unwrap();
    for chunk in chunks {
        upload.write(chunk).await.unwrap();
    }
    invisible(store, &name).await;
    let ticket = upload.seal().await.unwrap();
    assert_eq!((ticket.bytes, ticket.digest), (11, digest_of(b"hello world")));
    invisible(store, &name).await;
    let pending = store.uploads().await.unwrap();
    let found: Vec<_> = pending.iter().map(|upload| (&upload.key, &upload.attempt, upload.upload.as_str())).collect();
    assert_eq!(found, [(&name, &attempt(7), ticket.upload.as_str())]);

    assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Now);
    assert_eq!(store.read(&name).await.unwrap(), Some(Bytes::from_static(b"hello world")));
    assert_eq!(store.list(&key("agent_event"), None).await.unwrap(), [name]);
    assert_eq!(store.uploads().await.unwrap(), []);
}

async fn invisible(store: &dyn ObjectStore, name: &Key) {
    assert_eq!(store.read(name).await.unwrap(), None);
    assert_eq!(store.size(name).await.unwrap(), None);
    assert_eq!(store.list(&key("agent_event"), None).await.unwrap(), []);
    let below = store.list(&key("_tributary"), None).await.unwrap();
    assert_eq!(below, [], "what waits is not listed anywhere");
}

async fn completing_twice(store: &dyn ObjectStore) {
    let name = file(1, "t/day=2025-07-01/x");
    let ticket = sealed(store, &name, &[Bytes::from_static(b"abc")]).await;
    assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Now);
    store.complete(&name, &ticket).await.unwrap();
    let (left, right) = tokio::join!(store.complete(&name, &ticket), store.complete(&name, &ticket));
    left.unwrap();
    right.unwrap();
    // Aborting what was completed touches nothing.
    store.abort(&name, &ticket.upload).await.unwrap();
    assert_eq!(store.read(&name).await.unwrap(), Some(Bytes::from_static(b"abc")));
}

/// For stores that know of their own completions; S3 may answer 200 twice.
pub async fn tells_who_completed(store: &dyn ObjectStore) {
    let name = file(1, "t/x");
    let ticket = sealed(store, &name, &[Bytes::from_static(b"abc")]).await;
    assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Now);
    assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Before);
}

async fn completing_after_a_loss(store: &dyn ObjectStore) {
    let name = file(1, "t/day=2025-07-01/x");
    let ticket = sealed(store, &name, &[Bytes::from_static(b"abc")]).await;
    store.abort(&name, &ticket.upload).await.unwrap();
    assert!(matches!(store.complete(&name, &ticket).await, Err(StoreError::Gone { .. })));
    // Somebody else's object of the same name: of another length, and of the same length.
    for foreign in ["abcd", "abd"] {
        assert_eq!(store.create(&name, Bytes::from(foreign)).await.unwrap(), Created::New);
        let refused = store.complete(&name, &ticket).await;
        assert!(matches!(refused, Err(StoreError::Different { .. })), "{foreign}: {refused:?}");
        store.delete(&name).await.unwrap();
    }
}

async fn aborting(store: &dyn ObjectStore) {
    let names = ["t/1", "t/2", "t/3"].map(|name| file(1, name));
    let ticket = sealed(store, &names[0], &[Bytes::from_static(b"1")]).await;
    let open = store.begin(&attempt(1), &names[1]).await.unwrap();
    let kept = sealed(store, &names[2], &[Bytes::from_static(b"3")]).await;
    store.abort(&names[0], &ticket.upload).await.unwrap();
    store.abort(&names[0], &ticket.upload).await.unwrap();
    store.abort(&key("t/never"), "nothing").await.unwrap();
    open.abort().await.unwrap();
    let left: Vec<Key> = store.uploads().await.unwrap().into_iter().map(|upload| upload.key).collect();
    assert_eq!(left, names[2..]);
    // The others of the attempt are not touched, and a new one can be begun after the last is gone.
    assert_eq!(store.complete(&names[2], &kept).await.unwrap(), Completed::Now);
    let again = sealed(store, &names[0], &[Bytes::from_static(b"1")]).await;
    assert_eq!(store.complete(&names[0], &again).await.unwrap(), Completed::Now);
}

async fn empty_object(store: &dyn ObjectStore) {
    let name = file(1, "t/empty");
    let ticket = sealed(store, &name, &[]).await;
    assert_eq!((ticket.bytes, ticket.digest), (0, digest_of(b"")));
    assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Now);
    store.complete(&name, &ticket).await.unwrap();
    assert_eq!(store.read(&name).await.unwrap(), Some(Bytes::new()));
    assert_eq!(store.create(&key("t/empty2"), Bytes::new()).await.unwrap(), Created::New);
    assert_eq!(store.create(&key("t/empty2"), Bytes::from_static(b"x")).await.unwrap(), Created::Exists(Bytes::new()));
}

/// 20 MB in chunks of a size that divides nothing.
async fn big_object(store: &dyn ObjectStore) {
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let bytes = Bytes::from(bytes);
    let chunk = 1_234_567;
    let chunks: Vec<Bytes> =
        (0..bytes.len()).step_by(chunk).map(|from| bytes.slice(from..(from + chunk).min(bytes.len()))).collect();
    let name = file(1, "t/big");
    let ticket = sealed(store, &name, &chunks).await;
    assert_eq!((ticket.bytes, ticket.digest), (20_000_000, digest_of(&bytes)));
    assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Now);
    assert_eq!(store.size(&name).await.unwrap(), Some(20_000_000));
    assert_eq!(store.read_range(&name, 19_000_000..19_000_100).await.unwrap(), bytes.slice(19_000_000..19_000_100));
    assert!(store.read(&name).await.unwrap() == Some(bytes), "the bytes are those that were written");
}

async fn odd_names(store: &dyn ObjectStore) {
    let long = format!("t/{}/{}", "x".repeat(200), "y".repeat(200));
    let names = ["t/a b", "t/100%", "t/%2F", "t/ä€😀", "t/a=b,c;d+e&f", "t/'\"#?*", "t/-", "t/..x", long.as_str()];
    for name in names.map(|name| file(1, name)) {
        let ticket = sealed(store, &name, &[Bytes::from(name.to_string())]).await;
        let pending: Vec<Key> = store.uploads().await.unwrap().into_iter().map(|upload| upload.key).collect();
        assert!(pending.iter().eq([&name]), "{pending:?}");
        assert_eq!(store.complete(&name, &ticket).await.unwrap(), Completed::Now);
        assert_eq!(store.read(&name).await.unwrap(), Some(Bytes::from(name.to_string())));
    }
    let mut sorted = names.map(|name| file(1, name)).to_vec();
    sorted.sort_unstable();
    assert_eq!(store.list(&key("t"), None).await.unwrap(), sorted);
}
