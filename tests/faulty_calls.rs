//! Runs that write to S3 while calls break: refused, cut on the way there, or done without a reply.

use std::collections::BTreeMap;

use tributary_testkit::{CallFault, FaultProxy};

use crate::engines::Engines;
use crate::engines::weed::Weed;
use crate::inputs::{events, scale};
use crate::lab::{Lab, balance, difference};

/// Of a thousand calls so many break. The SDK's eight tries are then seldom used up.
const PER_MILLE: u64 = 200;

/// One run has few calls of a kind, and may break none of them in the way that counts: so many runs more are tried.
const MORE: u64 = 12;

#[test]
fn calls_that_break_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (Some(weed), Some(engines)) = (Weed::start(folder.path()), Engines::get()) else { return };
    let options = "[commit]\ninput = \"1 MiB\"";
    let input = events("--agents 20 --events 500 --days 2 --seed 4 --duplicates 0.02");
    let plain = Lab::new(options);
    plain.input("events.jsonl", &input);
    let expect = balance(&plain.run());

    let mut broken: BTreeMap<(String, CallFault), u64> = BTreeMap::new();
    let mut seed = 0;
    while seed < scale() || (!are_silent(&broken) && seed < scale() + MORE) {
        let proxy = FaultProxy::start(weed.address(), seed, PER_MILLE).unwrap();
        let lab = Lab::in_s3(&proxy.endpoint(), &format!("faults/{seed}"), options);
        lab.input("events.jsonl", &input);
        let summary = lab.run();
        assert_eq!(balance(&summary), expect, "seed {seed}: {:?}", proxy.broken());
        let fetched = lab.fetch(&engines, &weed.endpoint(), "fetched");
        assert_eq!(difference(&plain.lake(), &fetched), Some(Vec::new()), "seed {seed}");
        for (call, times) in proxy.broken() {
            *broken.entry(call).or_default() += times;
        }
        seed += 1;
    }
    assert!(are_silent(&broken), "a call was never done in silence: {broken:?}");
}

/// Whether the calls on which exactly-once hangs have lost their replies.
fn are_silent(broken: &BTreeMap<(String, CallFault), u64>) -> bool {
    ["PutObject", "UploadPart", "CompleteMultipartUpload"].iter().all(|operation| {
        let lost = [CallFault::DropReply, CallFault::CutReply].map(|fault| ((*operation).to_owned(), fault));
        lost.iter().any(|call| broken.contains_key(call))
    })
}
