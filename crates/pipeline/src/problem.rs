//! One mistake of a pipeline file, with its place and its cure.

use std::fmt;

use serde::Serialize;

/// One mistake: where it stands, what is wrong, and what to write instead.
///
/// Printed as compilers do: `pipelines/x.toml:7:3: error: unknown key "strem" in [sources.agents.file]`, and on a second
/// line `  help: did you mean "stream"?`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as it was named to [`check`](crate::check).
    pub file: String,
    /// The line, counted from 1; 0 when the value came from the environment.
    pub line: usize,
    /// The column in characters, counted from 1; 0 when the value came from the environment.
    pub column: usize,
    /// The environment variable the value came from.
    pub variable: Option<String>,
    /// The option: `sources.agents.file.paths`; empty for a mistake of syntax.
    pub key_path: String,
    /// What is wrong.
    pub message: String,
    /// The cure.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => write!(f, "environment variable {variable}: error: {}", self.message)?,
            None => write!(f, "{}:{}:{}: error: {}", self.file, self.line, self.column, self.message)?,
        }
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the file, at this byte.
    File(usize),
    /// In the environment, in this variable.
    Variable(String),
}

/// Whether the document has another shape than it must have, which serde would refuse as well, or means something that
/// cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Shape,
    /// Something that must be written is not there. Not said of a file whose syntax is broken: it may be there.
    Missing,
    Meaning,
}

/// A problem before its byte is turned into a line and a column.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) class: Class,
    pub(crate) origin: Origin,
    pub(crate) key_path: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Turns bytes of one text into lines and columns.
pub(crate) struct Places<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Places<'_> {
    /// Line and column, both from 1, of a byte; of a byte past the end, those of the end.
    pub(crate) fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let (mut line, mut column) = (1, 1);
        for (_, letter) in self.text.char_indices().take_while(|(start, _)| *start < byte) {
            if letter == '\n' {
                (line, column) = (line + 1, 1);
            } else if letter != '\u{feff}' {
                column += 1; // a byte order mark takes no column
            }
        }
        (line, column)
    }

    /// The finding with its place.
    pub(crate) fn problem(&self, finding: Finding) -> Problem {
        let ((line, column), variable) = match finding.origin {
            Origin::File(byte) => (self.line_and_column(byte), None),
            Origin::Variable(name) => ((0, 0), Some(name)),
        };
        let Finding { key_path, message, help, .. } = finding;
        Problem { file: self.file.to_owned(), line, column, variable, key_path, message, help }
    }
}

/// Which of `known` somebody meant who wrote `word`: the nearest that differs in at most a third of its letters.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a name of three lines; the distance costs the product of both lengths.
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    let distances = known.into_iter().map(|name| (strsim::damerau_levenshtein(&lower, name), name));
    let near = distances.filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_not_bytes() {
        let places = Places { file: "f", text: "é = 1\nab\n" };
        assert_eq!(places.line_and_column(0), (1, 1));
        assert_eq!(places.line_and_column(3), (1, 3));
        assert_eq!(places.line_and_column(8), (2, 2));
        assert_eq!(places.line_and_column(99), (3, 1));
    }

    #[test]
    fn suggestions_are_near_or_nothing() {
        let known = ["paths", "record_limit", "on_changed"];
        assert_eq!(nearest("path", known), Some("paths"));
        assert_eq!(nearest("Record-Limit", known), Some("record_limit"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(nearest(&"paths".repeat(50), known), None);
    }

    #[test]
    fn printed_as_compilers_do() {
        let mut problem = Problem {
            file: "p.toml".to_owned(),
            line: 7,
            column: 3,
            variable: None,
            key_path: "a.b".to_owned(),
            message: "bad".to_owned(),
            help: Some("do better".to_owned()),
        };
        assert_eq!(problem.to_string(), "p.toml:7:3: error: bad\n  help: do better");
        problem.variable = Some("TRIBUTARY__A__B".to_owned());
        problem.help = None;
        assert_eq!(problem.to_string(), "environment variable TRIBUTARY__A__B: error: bad");
    }
}
