//! A lease as an item of the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use tributary_leases::Lease;

use crate::Error;

pub(crate) const KEY: &str = "leaseKey";
const OWNER: &str = "leaseOwner";
pub(crate) const COUNTER: &str = "leaseCounter";
const RATE: &str = "throughputKBps";
const CHECKPOINT: &str = "checkpoint";
const WANTED_BY: &str = "wantedBy";

/// The library's kilobyte.
const KILOBYTE: f64 = 1_024.0;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The item of a lease.
pub(crate) fn item(lease: &Lease) -> Item {
    let mut item = key(&lease.key);
    item.insert(COUNTER.to_owned(), counter(lease.counter));
    item.insert(RATE.to_owned(), AttributeValue::N((lease.rate as f64 / KILOBYTE).to_string()));
    for (name, text) in [(OWNER, &lease.owner), (WANTED_BY, &lease.wanted_by), (CHECKPOINT, &lease.checkpoint)] {
        if let Some(text) = text {
            item.insert(name.to_owned(), AttributeValue::S(text.clone()));
        }
    }
    item
}

/// The key alone.
pub(crate) fn key(key: &str) -> Item {
    Item::from([(KEY.to_owned(), AttributeValue::S(key.to_owned()))])
}

pub(crate) fn counter(counter: u64) -> AttributeValue {
    AttributeValue::N(counter.to_string())
}

/// The lease of an item.
pub(crate) fn lease(item: &Item, table: &str) -> Result<Lease, Error> {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
    let key = text(KEY).unwrap_or_default();
    let counter = number(COUNTER).and_then(|digits| digits.parse().ok());
    let Some(counter) = counter else {
        return Err(Error::Row { table: table.to_owned(), key, what: "leaseCounter is no whole number" });
    };
    let rate = number(RATE).and_then(|digits| digits.parse::<f64>().ok()).unwrap_or_default();
    Ok(Lease {
        key,
        owner: text(OWNER),
        counter,
        wanted_by: text(WANTED_BY),
        // A cast that stays within the bounds of the type.
        rate: (rate * KILOBYTE).round() as u64,
        checkpoint: text(CHECKPOINT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_come_back_as_they_went() {
        let free = Lease { key: "shardId-000000000001".to_owned(), counter: 1, ..Lease::default() };
        let full = Lease {
            key: "shardId-000000000001".to_owned(),
            owner: Some("ann".to_owned()),
            counter: u64::MAX,
            wanted_by: Some("bob".to_owned()),
            rate: 0,
            checkpoint: Some("4959".to_owned()),
        };
        assert_eq!(lease(&item(&free), "t").unwrap(), free);
        for rate in [0, 1, 1_023, 1_234_567, 1 << 40] {
            let full = Lease { rate, ..full.clone() };
            assert_eq!(lease(&item(&full), "t").unwrap(), full);
        }
        let names: std::collections::BTreeSet<String> = item(&free).into_keys().collect();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["leaseCounter", "leaseKey", "throughputKBps"]);
    }

    #[test]
    fn what_is_no_lease_is_refused_by_name() {
        let refused = lease(&key("x"), "t").unwrap_err().to_string();
        assert_eq!(
            refused,
            "table t has a row x that is no lease (leaseCounter is no whole number); give each source a table of its own"
        );
    }
}
