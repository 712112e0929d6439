//! Values of a payload with the path to each, so that a refusal can name its field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use tributary_core::{RejectReason, Timestamp};

use super::codes::Dictionaries;
use crate::dictionary::{Code, Texts};
use crate::json::{Cursor, Key, Kind, Object, SyntaxError};
use crate::timestamp;

/// A text that may be null or absent.
pub(crate) type Text<'a> = Option<Cow<'a, str>>;

/// The way from the top of the payload to a value; lives on the stack, is written out only when it is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Top,
    Key(&'static str),
    Index(usize),
}

impl Path<'_> {
    /// The payload itself.
    pub(crate) const TOP: Self = Self { parent: None, step: Step::Top };
}

impl<'p> Path<'p> {
    /// The value of a known key; `literal` has its quotes and colon.
    pub(crate) fn key(&'p self, literal: &'static str) -> Path<'p> {
        let name = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix("\":")).unwrap_or(literal);
        Path { parent: Some(self), step: Step::Key(name) }
    }

    /// An element of an array.
    pub(crate) const fn index(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// `CurrentAgentSnapshot.Contacts[0].State`.
    pub(crate) fn text(&self) -> String {
        let mut text = self.parent.map(Path::text).unwrap_or_default();
        match self.step {
            Step::Top => {}
            Step::Key(name) => join(&mut text, name),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
        text
    }

    /// The same without the indices of arrays, and with one more key: the name under which an unknown key is counted.
    fn label(&self, key: &str) -> String {
        let mut text = String::new();
        self.write_label(&mut text);
        join(&mut text, key);
        text
    }

    fn write_label(&self, text: &mut String) {
        if let Some(parent) = self.parent {
            parent.write_label(text);
        }
        if let Step::Key(name) = self.step {
            join(text, name);
        }
    }
}

fn join(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// Why a payload cannot become rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// It is not JSON.
    Syntax(SyntaxError),
    /// A field is not what it must be.
    Field(Box<FieldRefusal>),
}

/// Which field is not what it must be, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldRefusal {
    pub(crate) reason: RejectReason,
    pub(crate) path: String,
    pub(crate) message: String,
}

impl From<SyntaxError> for Refusal {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl Refusal {
    /// The refusal of the field at `path`.
    pub(crate) fn field(reason: RejectReason, path: &Path<'_>, message: String) -> Self {
        Self::Field(Box::new(FieldRefusal { reason, path: path.text(), message }))
    }
}

/// How much of a value a message shows.
const SHOWN: usize = 80;

/// A value for a message: its beginning, if it is long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or("")),
    }
}

/// Reads values and counts the keys that no column takes.
#[derive(Debug)]
pub(crate) struct Reader<'a, 'u> {
    pub(crate) cursor: Cursor<'a>,
    pub(crate) unknown: &'u mut BTreeMap<Box<str>, u64>,
    pub(crate) dictionaries: &'u mut Dictionaries,
}

impl<'a> Reader<'a, '_> {
    /// The next known key; unknown ones are counted and passed over.
    #[inline]
    pub(crate) fn known_key(
        &mut self,
        object: &mut Object,
        keys: &[&'static str],
        path: &Path<'_>,
    ) -> Result<Option<usize>, Refusal> {
        if let Some(index) = self.cursor.predicted_key(object, keys) {
            return Ok(Some(index));
        }
        loop {
            match self.cursor.key(object, keys)? {
                None => return Ok(None),
                Some(Key::Known(index)) => return Ok(Some(index)),
                Some(Key::Unknown(name)) => {
                    *self.unknown.entry(path.label(&name).into_boxed_str()).or_default() += 1;
                    self.cursor.skip()?;
                }
            }
        }
    }

    /// Begins an object; `None` when it is null.
    pub(crate) fn object(&mut self, path: &Path<'_>) -> Result<Option<Object>, Refusal> {
        match self.cursor.kind()? {
            Kind::Object => Ok(Some(self.cursor.object()?)),
            Kind::Null => self.null(),
            other => Err(self.wrong(path, "an object or null", other)),
        }
    }

    /// Reads a text or null.
    #[inline]
    pub(crate) fn text(&mut self, path: &Path<'_>, key: &'static str) -> Result<Text<'a>, Refusal> {
        match self.cursor.kind()? {
            Kind::Text => Ok(Some(self.cursor.string()?)),
            Kind::Null => self.null(),
            other => Err(self.wrong(&path.key(key), "a string or null", other)),
        }
    }

    /// Reads a text or null into the code of its dictionary.
    #[inline]
    pub(crate) fn coded(
        &mut self,
        path: &Path<'_>,
        key: &'static str,
        dictionary: impl FnOnce(&mut Dictionaries) -> &mut Texts,
    ) -> Result<Code, Refusal> {
        let text = self.text(path, key)?;
        Ok(dictionary(self.dictionaries).maybe(text.as_deref()))
    }

    /// Reads a boolean or null.
    pub(crate) fn boolean(&mut self, path: &Path<'_>, key: &'static str) -> Result<Option<bool>, Refusal> {
        match self.cursor.kind()? {
            Kind::Boolean => Ok(Some(self.cursor.boolean()?)),
            Kind::Null => self.null(),
            other => Err(self.wrong(&path.key(key), "true, false or null", other)),
        }
    }

    /// Reads a whole number that fits 32 bits, or null.
    pub(crate) fn integer(&mut self, path: &Path<'_>, key: &'static str) -> Result<Option<i32>, Refusal> {
        let wanted = "a whole number or null";
        match self.cursor.kind()? {
            Kind::Number => {
                let text = self.cursor.number()?;
                let number = text.parse::<i32>();
                number.map(Some).map_err(|_| self.bad(&path.key(key), wanted, text))
            }
            Kind::Null => self.null(),
            other => Err(self.wrong(&path.key(key), wanted, other)),
        }
    }

    /// Reads a number or null.
    pub(crate) fn number(&mut self, path: &Path<'_>, key: &'static str) -> Result<Option<f64>, Refusal> {
        let wanted = "a number or null";
        match self.cursor.kind()? {
            Kind::Number => {
                let text = self.cursor.number()?;
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                number.map(Some).ok_or_else(|| self.bad(&path.key(key), wanted, text))
            }
            Kind::Null => self.null(),
            other => Err(self.wrong(&path.key(key), wanted, other)),
        }
    }

    /// Reads a moment or null.
    pub(crate) fn moment(&mut self, path: &Path<'_>, key: &'static str) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.text(path, key)? else { return Ok(None) };
        timestamp::parse(&text).map(Some).ok_or_else(|| {
            let message = format!("{} is not a UTC timestamp like 2025-07-01T12:21:28.833Z", shown(&text));
            Refusal::field(RejectReason::BadTimestamp, &path.key(key), message)
        })
    }

    /// Goes over null.
    pub(crate) fn null<T>(&mut self) -> Result<Option<T>, Refusal> {
        self.cursor.null()?;
        Ok(None)
    }

    /// The refusal of a value of the wrong kind, after its syntax was checked: text that is not JSON is refused as that.
    #[cold]
    pub(crate) fn wrong(&mut self, path: &Path<'_>, wanted: &str, found: Kind) -> Refusal {
        match self.cursor.skip() {
            Err(error) => error.into(),
            Ok(()) => {
                Refusal::field(RejectReason::BadValue, path, format!("expected {wanted}, found {}", found.name()))
            }
        }
    }

    #[cold]
    fn bad(&self, path: &Path<'_>, wanted: &str, text: &str) -> Refusal {
        Refusal::field(RejectReason::BadValue, path, format!("expected {wanted}, found {}", shown(text)))
    }
}

/// A value that a row cannot do without.
pub(crate) fn required<'a>(value: Text<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, Refusal> {
    match value {
        Some(value) if !value.is_empty() => Ok(value),
        found => {
            let found = if found.is_some() { "empty" } else { "missing or null" };
            Err(Refusal::field(RejectReason::MissingField, path, format!("the field is {found}")))
        }
    }
}
