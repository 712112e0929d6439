//! What contradicts itself about people's data.

use super::keys::Keys;
use super::{member, table_of};
use crate::problem::Finding;
use crate::tree::Table;

const TREATED: [&str; 6] = ["user_names", "names", "sip_addresses", "customer_profiles", "comments", "flow_results"];
const KEYS: [&str; 2] = ["key_env", "key_file"];

/// Hashes need a key, and one.
pub(super) fn privacy(root: &Table) -> Vec<Finding> {
    let Some(section) = member(root, "privacy").and_then(table_of) else { return Vec::new() };
    let mut keys = Keys { path: "privacy".to_owned(), keys: section, findings: Vec::new() };
    let hashed: Vec<&str> = TREATED.into_iter().filter(|key| keys.text(key) == Some("hash")).collect();
    let given = KEYS.into_iter().filter(|key| keys.has(key)).count();
    match (hashed.first(), given) {
        (Some(first), 0) => {
            let help = "add key_env = \"TRIBUTARY_PRIVACY_KEY\" to [privacy]";
            keys.refuse(first, "nothing says where the key of the hash is", help);
        }
        (Some(_), 2) => keys.refuse(KEYS[1], "the key is said to be in two places", "remove one of them"),
        (None, _) => {
            for key in KEYS {
                keys.refuse(key, "nothing is hashed", "write \"hash\" for what is to be hashed, or remove it");
            }
        }
        _ => {}
    }
    keys.findings
}
