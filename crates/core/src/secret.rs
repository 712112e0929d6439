//! Text that must never be printed.

use std::fmt;

/// A password, key or token. There is no `Display` and no `Serialize`; `Debug` hides it.
///
/// ```compile_fail
/// println!("{}", tributary_core::Secret::new("x".to_owned()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: String) -> Self {
        Self(text.into_boxed_str())
    }

    /// The text itself. Search for calls of this name to see who reads secrets.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret(***)");
    }
}
