//! Records that the Kinesis Producer Library has packed.

use tributary_core::{After, Position, SequenceNumber, SplitId};
use tributary_testkit::{aggregate, hash_key};

use crate::fake::{Fake, STREAM};
use crate::line::{SharedLog, join, lock, options, read_records};
use crate::play;

#[test]
fn user_records_come_one_by_one_in_their_order() {
    play("aggregated::user_records_come_one_by_one_in_their_order", async {
        let fake = Fake::start(1);
        let shard =
            fake.put("packed", aggregate(&[("agent-1", None, b"a"), ("agent-2", None, b"b"), ("agent-1", None, b"c")]));
        fake.put("agent-1", "d");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 4).await;
        let log = lock(&log);
        assert_eq!(log.texts(), ["a", "b", "c", "d"]);
        assert_eq!(log.records[1].key.as_deref(), Some(&b"agent-2"[..]));
        let index = |record: usize| match &log.records[record].position {
            Position::After(after) => after.index,
            position => panic!("{position}"),
        };
        assert_eq!([0, 1, 2, 3].map(index), [Some(0), Some(1), Some(2), None]);
        let Position::After(after) = log.position(&fake, &shard) else { panic!("it was read") };
        assert_eq!(after.index, None, "the whole of it");
    });
}

/// Strictly behind the record and the index in it.
#[test]
fn reading_goes_on_inside_of_a_record() {
    play("aggregated::reading_goes_on_inside_of_a_record", async {
        let fake = Fake::start(1);
        fake.put("agent-1", "before");
        let shard =
            fake.put("packed", aggregate(&[("agent-1", None, b"a"), ("agent-2", None, b"b"), ("agent-1", None, b"c")]));
        fake.put("agent-1", "d");
        let number = fake.stream(|stream, _| stream.records()[1].sequence);
        for (index, expect) in
            [(Some(0), &["b", "c", "d"][..]), (Some(1), &["c", "d"]), (Some(2), &["d"]), (None, &["d"])]
        {
            let sequence = SequenceNumber::try_from(number.to_string()).unwrap();
            let created = fake.stream(|stream, _| stream.created.div_euclid(1_000));
            let split = SplitId::new(format!("calls/{STREAM}@{created}/{shard}"));
            let at = Position::from(After { sequence, index, seen_until: Some(fake.now()) });
            let log = SharedLog::default();
            lock(&log).checkpoint = [(split, at)].into_iter().collect();
            let group = join(&fake, options(&fake)).await;
            read_records(&group, &fake, &log, expect.len()).await;
            assert_eq!(lock(&log).texts(), expect, "behind {index:?}");
        }
    });
}

/// After a split, records that were packed before it reach a shard that is not that of all that is in them. Who packs sends
/// those once more.
#[test]
fn what_belongs_to_another_shard_is_left_to_that() {
    play("aggregated::what_belongs_to_another_shard_is_left_to_that", async {
        let fake = Fake::start(2);
        let (low, high): (Vec<String>, Vec<String>) =
            (0..20).map(|key| format!("agent-{key}")).partition(|key| hash_key(key) < u128::MAX / 2);
        let explicit = u128::MAX.to_string();
        fake.put(
            &low[0],
            aggregate(&[
                (&low[0], None, b"here"),
                (&high[0], None, b"there"),
                (&low[1], Some(&explicit), b"there by its explicit key"),
                (&high[1], Some("0"), b"here by its explicit key"),
            ]),
        );
        fake.put(&high[0], "there");
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        read_records(&group, &fake, &log, 3).await;
        let mut texts = lock(&log).texts();
        texts.sort();
        assert_eq!(texts, ["here", "here by its explicit key", "there"]);
    });
}

/// All of a record may belong elsewhere: the position moves on.
#[test]
fn a_record_of_which_nothing_is_ours_is_accounted_for() {
    play("aggregated::a_record_of_which_nothing_is_ours_is_accounted_for", async {
        let fake = Fake::start(2);
        let keys = || (0..20).map(|key| format!("agent-{key}"));
        let low = keys().find(|key| hash_key(key) < u128::MAX / 2).unwrap();
        let high = keys().find(|key| hash_key(key) > u128::MAX / 2).unwrap();
        let shard = fake.put(&low, aggregate(&[(&high, None, b"there")]));
        let log = SharedLog::default();
        let group = join(&fake, options(&fake)).await;
        let ended =
            crate::line::read(&group, &fake, &log, |log| matches!(log.position(&fake, &shard), Position::After(_)));
        assert!(matches!(ended.await, crate::line::Ended::Reached));
        assert!(lock(&log).records.is_empty());
    });
}
