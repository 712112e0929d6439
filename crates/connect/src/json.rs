//! A pull parser over one JSON text: strict (RFC 8259), borrowed, made for objects whose keys are known beforehand.
//!
//! The keys of the real payloads come in a fixed order, so an object is read by *prediction*: the literal `"Key":` that
//! should come next is compared as bytes, and only when it is something else is the key scanned and looked up.
//!
//! Strings are checked for being UTF-8 a [`WINDOW`] at a time, when the first of them is read; what is gone over because
//! the same bytes were read before needs no check.

use std::borrow::Cow;

/// Where and why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// The byte of the text at which it went wrong.
    pub(crate) at: usize,
    /// What was expected there.
    pub(crate) expected: &'static str,
}

/// The kind of a value, seen by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Text,
    Number,
    Boolean,
    Null,
}

impl Kind {
    /// As a person would say it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A key of an object that was looked up in a list of known ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// The index in the list.
    Known(usize),
    /// A key that is not in the list.
    Unknown(Cow<'a, str>),
}

/// The state of reading one object: which key should come next, and whether one came already.
#[derive(Debug, Default)]
pub(crate) struct Object {
    predicted: usize,
    begun: bool,
}

/// The state of reading one array.
#[derive(Debug, Default)]
pub(crate) struct Array {
    begun: bool,
}

/// How deep arrays and objects may nest; the same bound as serde_json's.
const MAX_DEPTH: u32 = 128;

/// So many bytes are checked at once for being UTF-8: a few strings.
const WINDOW: usize = 512;

/// Bytes that are compared at once to tell two long values apart.
const STRETCH: usize = 32;

/// Reads one JSON text from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What is known to be UTF-8, and where it begins.
    window: &'a str,
    window_from: usize,
    /// Whether it is known to have no control characters.
    is_clean: bool,
}

impl<'a> Cursor<'a> {
    /// Begins at the first byte of a text.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0, window: text, window_from: 0, is_clean: false }
    }

    /// Begins at the first byte of what may not be a text.
    pub(crate) const fn unchecked(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, window: "", window_from: 0, is_clean: true }
    }

    /// The byte to be read next.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The bytes from `from` up to here.
    pub(crate) fn since(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..self.at).unwrap_or(&[])
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or(&[])
    }

    /// The text of these bytes, which begin and end where a character does if they are UTF-8.
    #[inline]
    fn text(&mut self, from: usize, to: usize) -> Result<&'a str, SyntaxError> {
        let in_window = |cursor: &Self| {
            let begin = from.checked_sub(cursor.window_from)?;
            cursor.window.get(begin..to - cursor.window_from)
        };
        if let Some(text) = in_window(self) {
            return Ok(text);
        }
        self.move_window(from, to);
        in_window(self).ok_or(SyntaxError { at: from, expected: "UTF-8" })
    }

    /// Checks what follows `from`, up to `to` at least. The window is empty where that is no text.
    #[inline(never)]
    fn move_window(&mut self, from: usize, to: usize) {
        let ends = |end: usize| self.bytes.get(end).is_none_or(|byte| byte & 0xC0 != 0x80);
        let most = self.bytes.len().min(from + WINDOW);
        // A character has four bytes at most; one that is cut off is checked with the next window.
        let end = (most.saturating_sub(3)..=most).rev().find(|end| ends(*end)).unwrap_or(most).max(to);
        let window = self.bytes.get(from..end).unwrap_or(&[]);
        self.window = simdutf8::basic::from_utf8(window).unwrap_or("");
        self.window_from = from;
        self.is_clean = self.window.bytes().fold(u8::MAX, u8::min) >= 0x20;
    }

    /// How many bytes from here on are plain: up to the first quote, backslash or control character. Where it is known that
    /// there are no control characters, only the other two are looked for.
    #[inline]
    fn plain_here(&mut self) -> usize {
        let ends = self.window_from + self.window.len();
        if self.at < self.window_from || self.at >= ends {
            self.move_window(self.at, self.at);
        }
        let window = self.window.as_bytes().get(self.at - self.window_from..).unwrap_or(&[]);
        if !self.is_clean {
            return plain_length(self.rest());
        }
        match memchr::memchr2(b'"', b'\\', window) {
            Some(plain) => plain,
            None => window.len() + plain_length(self.rest().get(window.len()..).unwrap_or(&[])),
        }
    }

    const fn fail<T>(&self, expected: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { at: self.at, expected })
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Goes over `literal` if it stands here.
    #[inline]
    fn take(&mut self, literal: &[u8]) -> bool {
        let stands = self.rest().starts_with(literal);
        if stands {
            self.at += literal.len();
        }
        stands
    }

    /// The same for a key: short, so that a call costs more than comparing eight bytes at a time.
    #[inline]
    fn take_key(&mut self, literal: &[u8]) -> bool {
        let Some(here) = self.bytes.get(self.at..self.at + literal.len()) else { return false };
        let stands = match (here.last_chunk::<8>(), literal.last_chunk::<8>()) {
            (Some(last), Some(wanted)) => {
                let mut words = here.as_chunks::<8>().0.iter().zip(literal.as_chunks::<8>().0);
                last == wanted && words.all(|(word, wanted)| word == wanted)
            }
            _ => here == literal,
        };
        if stands {
            self.at += literal.len();
        }
        stands
    }

    /// Goes over `value` if these very bytes stand here. For whole objects and arrays only: they delimit themselves.
    #[inline]
    pub(crate) fn take_same(&mut self, value: &[u8]) -> bool {
        self.skip_space();
        !value.is_empty() && self.take(value)
    }

    /// Whether what stands here has the bytes of `value` in the stretch that begins at `from`.
    #[inline]
    pub(crate) fn agrees_at(&mut self, from: usize, value: &[u8]) -> bool {
        self.skip_space();
        let stretch = value.get(from..value.len().min(from + STRETCH)).unwrap_or(&[]);
        self.rest().get(from..).is_some_and(|here| here.starts_with(stretch))
    }

    /// Where the first stretch begins in which what stands here differs from `value`.
    pub(crate) fn first_difference(&self, value: &[u8]) -> usize {
        let mut stretches = self.rest().chunks(STRETCH).zip(value.chunks(STRETCH));
        stretches.position(|(here, wanted)| !here.starts_with(wanted)).unwrap_or(0) * STRETCH
    }

    /// The kind of the value that begins here.
    #[inline]
    pub(crate) fn kind(&mut self) -> Result<Kind, SyntaxError> {
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'"') => Ok(Kind::Text),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Boolean),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            _ => self.fail("a value"),
        }
    }

    /// Goes over `null`.
    pub(crate) fn null(&mut self) -> Result<(), SyntaxError> {
        if self.take(b"null") { Ok(()) } else { self.fail("null") }
    }

    /// Reads `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Result<bool, SyntaxError> {
        if self.take(b"true") {
            Ok(true)
        } else if self.take(b"false") {
            Ok(false)
        } else {
            self.fail("true or false")
        }
    }

    /// Reads a number as its own text.
    pub(crate) fn number(&mut self) -> Result<&'a str, SyntaxError> {
        let from = self.at;
        self.take(b"-");
        if !self.take(b"0") && self.digits() == 0 {
            return self.fail("a digit");
        }
        if self.take(b".") && self.digits() == 0 {
            return self.fail("a digit");
        }
        if self.take(b"e") || self.take(b"E") {
            let _sign = self.take(b"+") || self.take(b"-");
            if self.digits() == 0 {
                return self.fail("a digit");
            }
        }
        self.text(from, self.at)
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Reads a string; borrowed unless it has escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        if !self.take(b"\"") {
            return self.fail("a string");
        }
        let from = self.at;
        self.at += self.plain_here();
        match self.bytes.get(self.at) {
            Some(b'"') => {
                let text = self.text(from, self.at)?;
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            Some(b'\\') => self.escaped_string(from),
            Some(_) => self.fail("no control character inside a string"),
            None => self.fail("the end of a string"),
        }
    }

    #[cold]
    fn escaped_string(&mut self, from: usize) -> Result<Cow<'a, str>, SyntaxError> {
        loop {
            self.at += plain_length(self.rest());
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                // Whatever is escaped, the byte after the backslash does not end the string.
                Some(b'\\') => self.at = (self.at + 2).min(self.bytes.len()),
                Some(_) => return self.fail("no control character inside a string"),
                None => return self.fail("the end of a string"),
            }
        }
        self.at += 1;
        let quoted = self.bytes.get(from - 1..self.at).unwrap_or(&[]);
        match serde_json::from_slice::<String>(quoted) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(_) => Err(SyntaxError { at: from, expected: "valid escapes inside a string" }),
        }
    }

    /// Goes over the `{` of an object.
    pub(crate) fn object(&mut self) -> Result<Object, SyntaxError> {
        if self.take(b"{") { Ok(Object::default()) } else { self.fail("an object") }
    }

    /// Goes over the next key and its colon, or over the `}`. `keys` are literals with their quotes and colon:
    /// `"Name":`.
    #[inline]
    pub(crate) fn key(&mut self, object: &mut Object, keys: &[&'static str]) -> Result<Option<Key<'a>>, SyntaxError> {
        self.skip_space();
        if object.begun {
            if self.take(b"}") {
                return Ok(None);
            }
            if !self.take(b",") {
                return self.fail("`,` or `}`");
            }
            self.skip_space();
        } else {
            object.begun = true;
            if self.take(b"}") {
                return Ok(None);
            }
        }
        if let Some(literal) = keys.get(object.predicted)
            && self.take_key(literal.as_bytes())
        {
            object.predicted += 1;
            return Ok(Some(Key::Known(object.predicted - 1)));
        }
        self.unpredicted_key(object, keys)
    }

    /// Goes over a comma and the key that should come next, if they stand here without space between them; which it is.
    #[inline]
    pub(crate) fn predicted_key(&mut self, object: &mut Object, keys: &[&'static str]) -> Option<usize> {
        let literal = keys.get(object.predicted).filter(|_| object.begun)?;
        if self.bytes.get(self.at) != Some(&b',') {
            return None;
        }
        self.at += 1;
        if !self.take_key(literal.as_bytes()) {
            self.at -= 1;
            return None;
        }
        object.predicted += 1;
        Some(object.predicted - 1)
    }

    fn unpredicted_key(&mut self, object: &mut Object, keys: &[&'static str]) -> Result<Option<Key<'a>>, SyntaxError> {
        let name = self.string()?;
        self.skip_space();
        if !self.take(b":") {
            return self.fail("`:`");
        }
        let is_named =
            |literal: &&str| literal.strip_prefix('"').and_then(|rest| rest.strip_suffix("\":")) == Some(&name);
        match keys.iter().position(is_named) {
            Some(index) => {
                object.predicted = index + 1;
                Ok(Some(Key::Known(index)))
            }
            None => Ok(Some(Key::Unknown(name))),
        }
    }

    /// Goes over the `[` of an array.
    pub(crate) fn array(&mut self) -> Result<Array, SyntaxError> {
        if self.take(b"[") { Ok(Array::default()) } else { self.fail("an array") }
    }

    /// Whether another element follows; goes over the comma, or over the `]`.
    #[inline]
    pub(crate) fn element(&mut self, array: &mut Array) -> Result<bool, SyntaxError> {
        self.skip_space();
        if array.begun {
            if self.take(b"]") {
                return Ok(false);
            }
            if !self.take(b",") {
                return self.fail("`,` or `]`");
            }
            self.skip_space();
            return Ok(true);
        }
        array.begun = true;
        Ok(!self.take(b"]"))
    }

    /// Goes over one value of any kind, checking it.
    pub(crate) fn skip(&mut self) -> Result<(), SyntaxError> {
        self.skip_nested(0)
    }

    fn skip_nested(&mut self, depth: u32) -> Result<(), SyntaxError> {
        if depth > MAX_DEPTH {
            return self.fail("less than 128 levels of nesting");
        }
        match self.kind()? {
            Kind::Null => self.null(),
            Kind::Boolean => self.boolean().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Text => self.string().map(drop),
            Kind::Object => {
                let mut object = self.object()?;
                while self.key(&mut object, &[])?.is_some() {
                    self.skip_nested(depth + 1)?;
                }
                Ok(())
            }
            Kind::Array => {
                let mut array = self.array()?;
                while self.element(&mut array)? {
                    self.skip_nested(depth + 1)?;
                }
                Ok(())
            }
        }
    }

    /// Checks that nothing but space follows.
    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        self.skip_space();
        if self.at == self.bytes.len() { Ok(()) } else { self.fail("the end") }
    }
}

/// How many bytes there are before the first quote, backslash or control character. Eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The lowest marked byte is exact: a borrow can only spoil bytes above a true match.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = zeros(word ^ (ONES * 0x22));
        let backslashes = zeros(word ^ (ONES * 0x5c));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let marks = (quotes | backslashes | controls) & HIGHS;
        if marks != 0 {
            return index * 8 + (marks.trailing_zeros() / 8) as usize;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.len() - tail.len() + tail.iter().position(is_special).unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut cursor = Cursor::new(text);
        cursor.skip().and_then(|()| cursor.end()).is_ok()
    }

    /// The same of what may not be a text, as payloads are read.
    fn accepts_bytes(bytes: &[u8]) -> bool {
        let mut cursor = Cursor::unchecked(bytes);
        cursor.skip().and_then(|()| cursor.end()).is_ok()
    }

    /// Pieces of an object's inside.
    const OBJECT: &[&str] = &[
        ",",
        "\"a\":",
        "\"ab\":",
        "\"b\":",
        "\"a\" :",
        "\"c\":",
        " ",
        "1",
        "{}",
        "}",
        ",\"a\":1",
        ",\"ab\":2",
        ",\"b\":3",
    ];

    /// Text that is nearly JSON: pieces of it in any order.
    fn nearly_json() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\"\\n\"",
            "\"\\u00e9\"",
            "\"\\ud800\"",
            "\\",
            "null",
            "true",
            "fals",
            "0",
            "01",
            "-",
            "1.5",
            "1.",
            "2e9",
            "2e",
            " ",
            "\n",
            "\u{1}",
            "\"\u{1}\"",
            "\"\u{7f}\"",
            "é",
            "{\"a\":1}",
            "[1,2]",
            "\"b\":",
        ]);
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Accepts exactly what serde_json accepts. (Numbers beyond f64 aside, which serde_json refuses by size.)
        #[test]
        fn agrees_with_serde_json(text in nearly_json(), pad in 0_usize..1_100) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            prop_assume!(!theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range")));
            let theirs = theirs.is_ok();
            prop_assert_eq!(accepts(&text), theirs, "{:?}", text);
            prop_assert_eq!(accepts_bytes(text.as_bytes()), theirs, "{:?}", text);
            // The same wherever a window ends.
            let pushed = format!("[\"{}\",{text}]", "x".repeat(pad));
            let theirs = serde_json::from_str::<serde_json::Value>(&pushed).is_ok();
            prop_assert_eq!(accepts_bytes(pushed.as_bytes()), theirs, "{:?}", pushed);
        }

        /// A predicted key is one that would have been found as well, and nothing else is taken for one.
        #[test]
        fn a_predicted_key_is_the_next_key(pieces in proptest::collection::vec(0..OBJECT.len(), 0..12)) {
            let text: String = std::iter::once("{").chain(pieces.into_iter().map(|piece| OBJECT[piece])).collect();
            let keys = &["\"a\":", "\"ab\":", "\"b\":"];
            let mut cursors = [Cursor::unchecked(text.as_bytes()), Cursor::unchecked(text.as_bytes())];
            let mut objects = cursors.each_mut().map(|cursor| cursor.object().unwrap());
            loop {
                let predicted = cursors[0].predicted_key(&mut objects[0], keys);
                let fast = match predicted {
                    Some(index) => Ok(Some(Key::Known(index))),
                    None => cursors[0].key(&mut objects[0], keys),
                };
                let plain = cursors[1].key(&mut objects[1], keys);
                prop_assert_eq!(&fast, &plain, "{}", text);
                prop_assert_eq!(cursors[0].at(), cursors[1].at(), "{}", text);
                if !matches!(fast, Ok(Some(_))) {
                    break;
                }
                let skipped = cursors.each_mut().map(Cursor::skip);
                prop_assert_eq!(skipped[0], skipped[1]);
                if skipped[0].is_err() {
                    break;
                }
            }
        }

        /// Bytes that are no text are refused wherever they stand, and text of any length is read as it is.
        #[test]
        fn checks_that_bytes_are_text(
            parts in proptest::collection::vec("[a-zé€𝄞\\\\\"]{0,200}", 1..12),
            spoil in prop::option::of((0_usize..4_000, any::<u8>())),
        ) {
            let mut bytes = serde_json::to_vec(&parts).unwrap();
            if let Some((at, byte)) = spoil {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let mut cursor = Cursor::unchecked(&bytes);
            let accepted = cursor.skip().and_then(|()| cursor.end()).is_ok();
            prop_assert_eq!(accepted, serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
            if accepted {
                let mut cursor = Cursor::unchecked(&bytes);
                let mut array = cursor.array().unwrap();
                let mut found = Vec::new();
                while cursor.element(&mut array).unwrap() {
                    found.push(cursor.string().unwrap().into_owned());
                }
                prop_assert_eq!(found, serde_json::from_slice::<Vec<String>>(&bytes).unwrap());
            }
        }

        /// What differs is found, and is looked at first from then on.
        #[test]
        fn differences_are_found(value in "[a-c]{1,150}", other in "[a-c]{0,150}", same in 0_usize..150) {
            let here: String = value.chars().take(same).chain(other.chars()).collect();
            let mut cursor = Cursor::new(&here);
            let stands = here.starts_with(&value);
            prop_assert!(!stands || cursor.agrees_at(0, value.as_bytes()));
            prop_assert_eq!(cursor.clone().take_same(value.as_bytes()), stands);
            prop_assert_eq!(cursor.clone().take_key(value.as_bytes()), stands);
            if !stands && here.len() >= value.len() {
                let from = cursor.first_difference(value.as_bytes());
                prop_assert!(!cursor.agrees_at(from, value.as_bytes()));
            }
        }

        #[test]
        fn plain_length_is_the_naive_search(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(0x1f), 0x20_u8..=255], 0..100)) {
            let naive = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), naive);
        }

        #[test]
        fn strings_round_trip(value in any::<String>()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(Cursor::new(&text).string().unwrap().into_owned(), value);
        }
    }

    #[test]
    fn keys_are_found_in_any_order_and_predicted_in_theirs() {
        const KEYS: &[&str] = &["\"a\":", "\"b\":", "\"c\":"];
        for text in [r#"{"a":1,"b":2,"c":3}"#, "{ \"a\" : 1 ,\n\"b\":2, \"c\":3 }", r#"{"\u0061":1,"b":2,"c":3}"#] {
            let mut cursor = Cursor::new(text);
            let mut object = cursor.object().unwrap();
            let mut found = Vec::new();
            while let Some(key) = cursor.key(&mut object, KEYS).unwrap() {
                found.push(key);
                cursor.skip().unwrap();
            }
            assert_eq!(found, vec![Key::Known(0), Key::Known(1), Key::Known(2)], "{text}");
        }
        let mut cursor = Cursor::new(r#"{"c":3,"x":[],"a":1}"#);
        let mut object = cursor.object().unwrap();
        assert_eq!(cursor.key(&mut object, KEYS).unwrap(), Some(Key::Known(2)));
        cursor.skip().unwrap();
        assert_eq!(cursor.key(&mut object, KEYS).unwrap(), Some(Key::Unknown("x".into())));
        cursor.skip().unwrap();
        assert_eq!(cursor.key(&mut object, KEYS).unwrap(), Some(Key::Known(0)));
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        assert!(!accepts(&"[".repeat(100_000)));
        assert!(accepts(&format!("{}{}", "[".repeat(100), "]".repeat(100))));
    }
}
