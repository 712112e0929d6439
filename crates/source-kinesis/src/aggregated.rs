//! Records that the Kinesis Producer Library (KPL), or a library that packs as it does, has put into one.
//!
//! Four bytes of magic, a protobuf message of tables of keys and of user records, and the MD5 of the message. Source:
//! github.com/awslabs/amazon-kinesis-producer, aggregation-format.md. What is in doubt is decided as by the consumer of the
//! same house (KCL: github.com/awslabs/amazon-kinesis-client, `AggregatorUtil.deaggregate`), but for two cases:
//!
//! - It loses the user records from one on whose index or hash key cannot be resolved. Here such a record is not taken for
//!   an aggregated one: it is handed on as it came, so that somebody hears of it.
//! - It drops a whole aggregated record when the hash key of one user record lies outside of the shard. Here each user
//!   record has its [`hash_key`](UserRecord::hash_key), for a rule about that one alone. The KPL packs by what it knows of
//!   the shards, and puts again those user records that turn out to have come into a shard of another range (its
//!   `retrier.cc`, `succeed_if_correct_shard`). So a user record outside of its shard's range comes once more, in the shard
//!   where it belongs, and those beside it may not. Libraries that pack what is for several shards put nothing again: see
//!   github.com/awslabs/kinesis-aggregation, potential_data_loss.md.
//!
//! The tags are not read (the KPL writes none), and what is in a user record is its own: nothing is unpacked twice.

use bytes::Bytes;
use md5::{Digest as _, Md5};

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Bytes of an MD5.
const DIGEST: usize = 16;

/// What somebody has put, before it was packed with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The key that it was put by; UTF-8 where the producer kept to the format.
    pub partition_key: Bytes,
    /// Which shard it belongs to: the explicit hash key, or the MD5 of the partition key, the first byte the highest.
    pub hash_key: u128,
    /// Its bytes: a slice of the record that it came in, which they keep in memory.
    pub data: Bytes,
}

/// The user records of an aggregated record, in their order; `None` when it is none: the magic is missing, the MD5 or the
/// message is wrong, or an index or a hash key leads nowhere. Copies no payload; work and memory are linear in `record`.
pub fn user_records(record: &Bytes) -> Option<Vec<UserRecord>> {
    let packed = Packed::read(message(record)?)?;
    let mut hashes = vec![None; packed.partition_keys.len()];
    let resolved = packed.records.iter().map(|user_record| {
        let at = usize::try_from(user_record.partition_key?).ok()?;
        let partition_key = *packed.partition_keys.get(at)?;
        let hash_key = match user_record.explicit_hash_key {
            Some(at) => explicit(packed.explicit_hash_keys.get(usize::try_from(at).ok()?)?)?,
            // Many may have the same key, and a key may be long.
            None => *hashes.get_mut(at)?.get_or_insert_with(|| hash_of(partition_key)),
        };
        let data = record.slice_ref(user_record.data?);
        Some(UserRecord { partition_key: record.slice_ref(partition_key), hash_key, data })
    });
    resolved.collect()
}

/// The hash key by which Kinesis finds the shard for a partition key.
fn hash_of(partition_key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

/// A hash key in decimal digits.
fn explicit(digits: &[u8]) -> Option<u128> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The message in a record, if it is whole. As the KCL has it, an empty message is none.
fn message(record: &[u8]) -> Option<&[u8]> {
    let (message, digest) = record.strip_prefix(&MAGIC)?.split_last_chunk::<DIGEST>()?;
    let is_whole = !message.is_empty() && Md5::digest(message).as_slice() == digest;
    is_whole.then_some(message)
}

/// `AggregatedRecord` of the format. Its tables may stand behind the records that point into them.
#[derive(Debug, Default)]
struct Packed<'a> {
    partition_keys: Vec<&'a [u8]>,
    explicit_hash_keys: Vec<&'a [u8]>,
    records: Vec<PackedRecord<'a>>,
}

/// `Record` of the format.
#[derive(Debug, Default)]
struct PackedRecord<'a> {
    partition_key: Option<u64>,
    explicit_hash_key: Option<u64>,
    data: Option<&'a [u8]>,
}

impl<'a> Packed<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut packed = Self::default();
        for field in Fields(message) {
            match field? {
                (1, Value::Bytes(key)) => packed.partition_keys.push(key),
                (2, Value::Bytes(key)) => packed.explicit_hash_keys.push(key),
                (3, Value::Bytes(record)) => packed.records.push(PackedRecord::read(record)?),
                _ => {}
            }
        }
        Some(packed)
    }
}

impl<'a> PackedRecord<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut record = Self::default();
        // Of a field that comes twice the last one counts (protobuf.dev, "Last One Wins").
        for field in Fields(message) {
            match field? {
                (1, Value::Number(index)) => record.partition_key = Some(index),
                (2, Value::Number(index)) => record.explicit_hash_key = Some(index),
                (3, Value::Bytes(data)) => record.data = Some(data),
                _ => {}
            }
        }
        Some(record)
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a type that the format has no field of.
    Fixed,
}

/// The fields of a protobuf message, each by its number; `None` where the rest is none. Source:
/// protobuf.dev/programming-guides/encoding. Groups, which were given up long ago, are refused.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            // Nothing can be said of what follows.
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        let number = tag >> 3;
        (number > 0).then_some((number, value))
    }

    /// Seven bits a byte, the lowest first, ten bytes at most.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, ProptestConfig, any, prop_assert_eq, prop_oneof, proptest};
    use proptest::sample::Index;
    use proptest::strategy::Strategy;
    use tributary_testkit::aggregate;

    use super::*;

    /// Bytes that are written in hexadecimal digits.
    fn from_hex(digits: &str) -> Vec<u8> {
        let digits: Vec<char> = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
    }

    /// A message with its magic and its MD5.
    fn sealed(message: &[u8]) -> Bytes {
        [&MAGIC, message, Md5::digest(message).as_slice()].concat().into()
    }

    /// Source: github.com/awslabs/lambda-streams-to-firehose, test/testTransformerResolvers.test.js, "should support 1 KPL
    /// records".
    #[test]
    fn what_the_kpl_has_packed() {
        let record = from_hex(
            "f3899ac2 0a05 6b65792d30 1a25 0800 1a21
             54657374696e67204b504c2041676772656761746564205265636f726420312d30
             655b61df77a88bd5690c6f39ebf23736",
        );
        let expect = UserRecord {
            partition_key: Bytes::from_static(b"key-0"),
            // printf key-0 | md5sum
            hash_key: 0xb442_8b7e_85e1_fa85_481a_f630_7d7f_3cf7,
            data: Bytes::from_static(b"Testing KPL Aggregated Record 1-0"),
        };
        assert_eq!(user_records(&record.into()), Some(vec![expect]));
    }

    /// Source: github.com/awslabs/kinesis-aggregation, java/KinesisDeaggregatorV2/README.md, "SampleLambdaEvent.json": a
    /// hundred user records with an explicit hash key, the letters forwards and backwards in turn.
    #[test]
    fn what_the_java_aggregator_has_packed() {
        let keys = "f3899ac2 0a03616263
            1227 313931343135363538333434313538373636313638303331343733323737393232383033353730";
        let forwards = "1a20 0800 1000 1a1a 6162636465666768696a6b6c6d6e6f707172737475767778797a";
        let backwards = "1a20 0800 1000 1a1a 7a797877767574737271706f6e6d6c6b6a69686766656463 6261";
        let digest = "d08f16bf0103262183e18b222887d43b";
        let record = from_hex(&[keys, &[forwards, backwards].concat().repeat(50), digest].concat());

        let found = user_records(&record.into()).unwrap();
        assert_eq!(found.len(), 100);
        for (number, user_record) in found.iter().enumerate() {
            assert_eq!(user_record.partition_key, "abc");
            assert_eq!(user_record.hash_key, 191_415_658_344_158_766_168_031_473_277_922_803_570);
            let letters = if number % 2 == 0 { "abcdefghijklmnopqrstuvwxyz" } else { "zyxwvutsrqponmlkjihgfedcba" };
            assert_eq!(user_record.data, letters);
        }
    }

    #[test]
    fn a_payload_is_a_slice_of_its_record() {
        let record = Bytes::from(aggregate(&[("a", None, b"payload")]));
        let found = user_records(&record).unwrap();
        let place = record.as_ptr_range();
        assert!(place.contains(&found[0].data.as_ptr()) && place.contains(&found[0].partition_key.as_ptr()));
    }

    #[test]
    fn a_record_that_only_looks_like_one_is_none() {
        let whole = Bytes::from(aggregate(&[("a", Some("7"), b"payload")]));
        assert!(user_records(&whole).is_some());
        let mut wrong_digest = whole.to_vec();
        *wrong_digest.last_mut().unwrap() ^= 1;
        let magic_alone = Bytes::from_static(&MAGIC);
        for record in [Bytes::from(wrong_digest), magic_alone, whole.slice(1..), Bytes::new(), sealed(b"")] {
            assert_eq!(user_records(&record), None, "{record:?}");
        }
    }

    /// Whole by their MD5, and yet no message of the format, or one that points nowhere.
    #[test]
    fn a_message_that_cannot_be_resolved_is_none() {
        let keys = "0a0161 120137 ";
        for (message, is_one) in [
            ("1a05 0800 1a0162", true),
            // No records at all; the tables behind the records.
            ("", true),
            ("1a05 0801 1a0162 0a0163", true),
            // A field of each type that nobody knows, in the message and in a record; an index twice.
            ("2001 2900 00000000000000 220162 2d00000000 1a08 0809 0800 2001 1a0162", false),
            ("2001 2900 00000000000000 220162 2d00000000 1a09 0809 0800 2001 1a0162", true),
            // The key, or the data, is missing; an index is too large, or a number that no usize holds.
            ("1a03 1a0162", false),
            ("1a02 0800", false),
            ("1a05 0801 1a0162", false),
            ("1a07 0800 1001 1a0162", false),
            ("1a0e 08ffffffffffffffffff01 1a0162", false),
            // A varint without an end, a field without its value, a length beyond the end, number 0, a group.
            ("1a0f 08ffffffffffffffffffff01 1a0162", false),
            ("08", false),
            ("0a05 61", false),
            ("0001", false),
            ("1b1c", false),
        ] {
            let record = sealed(&from_hex(&[keys, message].concat()));
            assert_eq!(user_records(&record).is_some(), is_one, "{message}");
        }
    }

    #[test]
    fn an_explicit_hash_key_is_a_number_of_128_bits() {
        let largest = u128::MAX.to_string();
        for (digits, expect) in [
            ("0", Some(0)),
            (largest.as_str(), Some(u128::MAX)),
            ("340282366920938463463374607431768211456", None),
            ("-1", None),
            ("", None),
            ("a", None),
        ] {
            let found = user_records(&aggregate(&[("a", Some(digits), b"b")]).into());
            assert_eq!(found.map(|found| found[0].hash_key), expect, "{digits:?}");
        }
    }

    /// Nothing is unpacked twice.
    #[test]
    fn what_is_packed_in_a_user_record_stays_so() {
        let inner = aggregate(&[("a", None, b"b")]);
        let found = user_records(&aggregate(&[("c", None, &inner)]).into()).unwrap();
        assert_eq!(found[0].data, inner);
    }

    type Plain = (String, Option<u128>, Vec<u8>);

    fn plain() -> impl Strategy<Value = Vec<Plain>> {
        let key = prop_oneof![Just("again".to_owned()), any::<String>()];
        let data = proptest::collection::vec(any::<u8>(), 0..300);
        proptest::collection::vec((key, any::<Option<u128>>(), data), 1..20)
    }

    fn packed(plain: &[Plain]) -> Bytes {
        let digits: Vec<Option<String>> = plain.iter().map(|(_, hash, _)| hash.map(|hash| hash.to_string())).collect();
        let records: Vec<(&str, Option<&str>, &[u8])> = plain
            .iter()
            .zip(&digits)
            .map(|((key, _, data), hash)| (key.as_str(), hash.as_deref(), &data[..]))
            .collect();
        aggregate(&records).into()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_packed_comes_out(plain in plain()) {
            let found = user_records(&packed(&plain)).unwrap();
            let expect: Vec<UserRecord> = plain.iter().map(|(key, hash, data)| UserRecord {
                partition_key: key.clone().into(),
                hash_key: hash.unwrap_or_else(|| u128::from_be_bytes(Md5::digest(key).into())),
                data: data.clone().into(),
            }).collect();
            prop_assert_eq!(found, expect);
        }

        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            user_records(&bytes.clone().into());
            // Behind the MD5 as well.
            user_records(&sealed(&bytes));
        }

        #[test]
        fn a_damaged_record_is_none(plain in plain(), at in any::<Index>(), bit in 0..8_u32) {
            let record = packed(&plain);
            let at = at.index(record.len());
            prop_assert_eq!(user_records(&record.slice(..at)), None);
            let mut flipped = record.to_vec();
            flipped[at] ^= 1_u8 << bit;
            prop_assert_eq!(user_records(&flipped.into()), None);
        }

        #[test]
        fn a_damaged_message_never_panics(plain in plain(), at in any::<Index>(), bit in 0..8_u32) {
            let record = packed(&plain);
            let message = message(&record).unwrap();
            let at = at.index(message.len());
            user_records(&sealed(&message[..at]));
            let mut flipped = message.to_vec();
            flipped[at] ^= 1_u8 << bit;
            // What is still found was in the message.
            for user_record in user_records(&sealed(&flipped)).unwrap_or_default() {
                assert!(user_record.data.len() < message.len());
            }
        }
    }
}
