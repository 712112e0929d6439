//! Tables of texts.

use super::{Walk, join};
use crate::problem::Class;
use crate::tree::{Table, Value};

impl Walk {
    /// Texts by name.
    pub(super) fn pairs(&mut self, pairs: &Table, path: &str) {
        for (key, member) in &pairs.members {
            let (class, found) = match &member.node.value {
                Value::Text(text) if !text.is_empty() => continue,
                Value::Text(_) => (Class::Meaning, "an empty one"),
                other => (Class::Shape, other.kind()),
            };
            let message = format!("{key:?} must be a text, not {found}");
            self.add(class, &member.node.origin, &join(path, key), message, "write it in quotes".to_owned());
        }
    }
}
