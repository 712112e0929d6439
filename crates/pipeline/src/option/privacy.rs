//! What is said of people's data.

use super::{Choice, Default, Entry, Kind, Shape};

pub(super) static PRIVACY: &[Entry] = &[
    of("user_names", "Agents' user names."),
    of("names", "Agents' first and last names."),
    of("sip_addresses", "Agents' SIP addresses."),
    of("customer_profiles", "ARNs of customer profiles: the customer of a case."),
    of("comments", "Bodies of comments on cases."),
    of("flow_results", "Results of blocks of flows: what customers typed or said is among them."),
    Entry::new(
        "flow_parameters",
        Shape::Leaf(Kind::Patterns),
        Default::Words("none"),
        "Patterns of keys, `*` and `?` in them, in which case does not matter: parameters and function results of blocks whose keys match are null, and so are values of attributes that are called so.",
    ),
    Entry::new(
        "key_env",
        Shape::Leaf(Kind::Text),
        Default::Words("none"),
        "The environment variable that holds the key of hashes. Keys are never written here.",
    ),
    Entry::new("key_file", Shape::Leaf(Kind::Text), Default::Words("none"), "The file that holds the key of hashes."),
];

const fn of(key: &'static str, meaning: &'static str) -> Entry {
    Entry::new(key, Shape::Leaf(Kind::Choice(TREATMENTS)), Default::Value("\"keep\""), meaning)
}

static TREATMENTS: &[Choice] = &[
    Choice::new("keep", "written as they came"),
    Choice::new("drop", "null"),
    Choice::new("hash", "HMAC-SHA-256 under the key, in hexadecimal: equal values stay equal, in all tables"),
];
