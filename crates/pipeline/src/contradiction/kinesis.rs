//! What contradicts itself about Kinesis.

use super::keys::{Keys, range, sources_alone};
use super::s3::connection;
use crate::problem::Finding;
use crate::tree::Table;

/// Options of one source that exclude one another, and several sources.
pub(super) fn kinesis(root: &Table) -> Vec<Finding> {
    sources_alone(root, ("kinesis", "Kinesis"), in_one)
}

fn in_one(mut keys: Keys<'_>, is_batch: bool) -> Vec<Finding> {
    keys.findings.extend(connection(keys.keys, &keys.path));
    if keys.text("delivery") == Some("fan_out") {
        keys.refuse("idle", "records are pushed", "remove it, or write delivery = \"polling\"");
    } else {
        let help = "write delivery = \"fan_out\", or remove it";
        keys.refuse("consumer", "records are asked for, without a consumer", help);
    }
    if is_batch {
        for key in ["lease_table", "lease_duration"] {
            keys.refuse(key, "a batch reads all shards by itself", "remove it, or write mode = \"streaming\"");
        }
    }
    range(&mut keys, is_batch);
    keys.findings
}
