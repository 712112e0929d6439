use proptest::prelude::*;
use tributary_core::{Position, Span, SplitId};

use super::*;

fn name(text: &str) -> Key {
    text.parse().unwrap()
}

/// Written by hand when format 1 was released; it stays readable for ever.
#[test]
fn records_of_format_1_stay_readable() {
    let body = include_bytes!("../../testdata/commit-v1.json");
    let record: Record = decode(&name("commit-v1.json"), body).unwrap();
    assert_eq!((record.epoch, record.tally.read, record.adds[0].rows), (Epoch::new(7), 40, 35));
    assert_eq!(record.adds[0].ticket.parts.len(), 2);
    assert_eq!((record.bans.len(), record.replaces.len(), record.delta.len()), (1, 1, 3));
    assert!(record.tally.is_balanced());
    assert_eq!(decode::<Record>(&name("x"), &encode(&record).unwrap()).unwrap(), record);
}

#[test]
fn checkpoint_records_of_format_1_stay_readable() {
    let body = include_bytes!("../../testdata/checkpoint-v1.json");
    let record: crate::checkpoint::CheckpointRecord = decode(&name("checkpoint-v1.json"), body).unwrap();
    assert_eq!((record.epoch, record.bans.len(), record.manifests.len()), (Epoch::new(99), 1, 1));
    let again: crate::checkpoint::CheckpointRecord = decode(&name("x"), &encode(&record).unwrap()).unwrap();
    assert_eq!(again, record);
}

#[test]
fn what_is_not_ours_is_refused() {
    let text = include_str!("../../testdata/commit-v1.json");
    let unknown = text.replacen("\"format\": 1,", "\"format\": 1, \"colour\": \"red\",", 1);
    let error = decode::<Record>(&name("x"), unknown.as_bytes()).unwrap_err();
    assert!(matches!(&error, CommitError::Damaged { reason, .. } if reason.contains("colour")), "{error}");
    // A newer one may have anything in it: it is refused for its format, not for its fields.
    let newer = text.replacen("\"format\": 1,", "\"format\": 2, \"colour\": \"red\",", 1);
    let error = decode::<Record>(&name("x"), newer.as_bytes()).unwrap_err();
    assert!(matches!(error, CommitError::NewerFormat { format: 2, newest: 1, .. }), "{error}");
    assert!(matches!(decode::<Record>(&name("x"), b"[1]"), Err(CommitError::Damaged { .. })));
}

fn record(bits: u128, ends: &[u64], rows: &[u64], kinds: &[bool]) -> Record {
    let digest = TextDigest::of(&bits.to_le_bytes());
    let attempt = Attempt::from_bits(bits);
    let mut delta = Delta::default();
    for (number, end) in ends.iter().enumerate() {
        let to = if end % 3 == 0 { Position::End } else { Position::Offset(*end) };
        let span = Span::new(Position::Start, to).unwrap();
        delta.append(Delta::of(SplitId::new(format!("s{number}/\"ä")), span)).unwrap();
    }
    let file = |(number, rows): (usize, &u64)| SealedFile {
        table: TableId::new("t"),
        partition: "day=2025-07-01".parse().unwrap(),
        key: name(&format!("t/day=2025-07-01/{attempt}-{number}.parquet")),
        ticket: tributary_core::Ticket {
            upload: attempt.to_string(),
            parts: (0..*rows % 3).map(|part| part.to_string()).collect(),
            bytes: *rows,
            digest: tributary_core::Digest::from_crc64(*rows),
        },
        rows: *rows,
    };
    let state = |(number, full): (usize, &bool)| StateEntry {
        scope: ScopeId::new(format!("scope {number}")),
        kind: if *full { StateKind::Full } else { StateKind::Delta },
        object: SideObject::of(name(&format!("x/{number}")), b"state"),
    };
    let first = bits.is_multiple_of(2);
    Record {
        format: FORMAT,
        pipeline: "p".parse().unwrap(),
        epoch: Epoch::new(rows.len() as u64),
        attempt: attempt.clone(),
        claimed_at: Timestamp::from_micros(rows.iter().sum::<u64>() as i64),
        parent: (!first).then_some(digest),
        options: digest,
        options_text: first.then(|| BTreeMap::from([("a".to_owned(), "b".to_owned())])),
        delta,
        checkpoint: digest,
        adds: rows.iter().enumerate().map(file).collect(),
        replaces: ends.iter().map(|end| name(&format!("t/{end}"))).collect(),
        bans: kinds.iter().map(|_| attempt.clone()).collect(),
        state: kinds.iter().enumerate().map(state).collect(),
        tally: Tally { read: ends.len() as u64, made_rows: ends.len() as u64, ..Tally::default() },
    }
}

proptest! {
    #[test]
    fn json_round_trip(
        bits: u128,
        ends in proptest::collection::vec(1_u64..1_000, 0..4),
        rows in proptest::collection::vec(1_u64..1 << 40, 0..4),
        kinds in proptest::collection::vec(any::<bool>(), 0..3),
    ) {
        let record = record(bits, &ends, &rows, &kinds);
        let body = encode(&record).unwrap();
        prop_assert_eq!(decode::<Record>(&name("x"), &body).unwrap(), record);
    }
}
