//! Whatever the bytes: no panic, INV-1 holds, and the same outcome from a decoder that has seen the batch before.
//!
//! `cargo fuzz run decode crates/connect/testdata/agent` from the folder `crates/connect` (needs cargo-fuzz and a nightly
//! toolchain).
#![no_main]

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tributary_connect::{Connect, Options, tables};
use tributary_core::{
    Body, Decoder, Delta, Position, RawBatch, Record, RecordLimit, ScopeId, SplitId, Timestamp, Transform,
};

static USED: OnceLock<Mutex<Box<dyn Decoder>>> = OnceLock::new();

fn connect() -> Connect {
    Connect::new(Options {
        families: [tributary_connect::Family::Agent, tributary_connect::Family::Case, tributary_connect::Family::Audit].into(),
        lookups: std::sync::Arc::default(),
        tables: tables().into_iter().map(|table| table.id).collect(),
        dedup_horizon: std::time::Duration::from_secs(48 * 3_600),
        dedup_memory: 1 << 20,
        recall: tributary_connect::Recall::Remember,
        record_limit: RecordLimit::new(1 << 20),
        privacy: tributary_connect::Privacy::default(),
        scratch: None,
        links: None,
    })
}

fuzz_target!(|bytes: &[u8]| {
    let record = Record {
        split: SplitId::new("fuzz/file"),
        origin: Arc::from("file"),
        position: Position::Offset(0),
        arrived_at: None,
        key: None,
        headers: tributary_core::Headers::default(),
        body: Body::Whole(Bytes::copy_from_slice(bytes)),
    };
    let batch = RawBatch {
        scope: ScopeId::new("fuzz"),
        records: vec![record],
        delta: Delta::default(),
        read_at: Some(Timestamp::from_micros(1_751_673_600_000_000)),
    };
    let fresh = connect().decoder().decode(&batch);
    let skipped: u64 = fresh.skipped.values().sum();
    assert_eq!(fresh.read, (fresh.events.len() + fresh.rejected.len()) as u64 + skipped);

    let used = USED.get_or_init(|| Mutex::new(connect().decoder()));
    let again = used.lock().expect("no panic before").decode(&batch);
    assert_eq!(again.events, fresh.events);
    assert_eq!(again.rejected, fresh.rejected);

    let tally = connect().scope(&ScopeId::new("fuzz"), &[]).expect("no state to read").apply(fresh).tally;
    assert!(tally.is_balanced());
});
