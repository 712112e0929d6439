//! From text to a [`Plan`], or to everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use crate::contradiction::contradictions;
use crate::file::PipelineFile;
use crate::merged::merge;
use crate::plan::Plan;
use crate::problem::{Class, Finding, Origin, Places, Problem};
use crate::tree::{self, Table};
use crate::walk::walk;

/// Checks the text of a pipeline file together with the `TRIBUTARY__…` variables of `environment`.
///
/// Pure: nothing is opened, looked up or connected to. `file_name` only stands in the problems.
///
/// # Errors
/// All mistakes at once, in the order of the file, those of the environment last. Where the syntax is broken, what
/// comes after the first broken line is not judged beyond its syntax: it may not mean what it seems to.
pub fn check(text: &str, file_name: &str, environment: &BTreeMap<String, String>) -> Result<Plan, Vec<Problem>> {
    let places = Places { file: file_name, text };
    let document = Document::read(text, environment);
    let findings = document.judge(&places);
    if findings.is_empty() {
        let file = read_merged(text, environment).map_err(|finding| vec![places.problem(finding)])?;
        return Ok(Plan::new(file));
    }
    let mut problems: Vec<Problem> = findings.into_iter().map(|finding| places.problem(finding)).collect();
    let place = |problem: &Problem| (problem.variable.clone(), problem.line, problem.column);
    problems.sort_by_key(place);
    problems.dedup();
    Err(problems)
}

/// A file's tree under the environment, with what went wrong in making it.
struct Document {
    root: Table,
    syntax: Vec<Finding>,
    /// The byte of the first mistake that leaves the rest of the tree in doubt.
    doubtful_from: Option<usize>,
    environment: Vec<Finding>,
}

impl Document {
    fn read(text: &str, environment: &BTreeMap<String, String>) -> Self {
        let (parsed, errors) = DeTable::parse_recoverable(text);
        let mut root = tree::from_toml(parsed.get_ref());
        let mut syntax = Vec::new();
        let mut doubtful_from: Option<usize> = None;
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            let key = text.get(span.clone()).filter(|_| error.message() == "duplicate key");
            let (message, help) = match key {
                Some(key) => (format!("key {key:?} is written twice"), Some("remove one of them".to_owned())),
                None => (error.message().to_owned(), None),
            };
            if key.is_none() {
                doubtful_from = Some(doubtful_from.map_or(span.start, |first| first.min(span.start)));
            }
            let origin = Origin::File(span.start);
            syntax.push(Finding { class: Class::Shape, origin, key_path: String::new(), message, help });
        }
        let environment = tree::overlay(&mut root, environment);
        Self { root, syntax, doubtful_from, environment }
    }

    fn judge(&self, places: &Places<'_>) -> Vec<Finding> {
        let mut judged = walk(&self.root);
        judged.extend(contradictions(&self.root));
        if let Some(byte) = self.doubtful_from {
            let (first_broken, _) = places.line_and_column(byte);
            judged.retain(|finding| match &finding.origin {
                Origin::Variable(_) => finding.class != Class::Missing,
                Origin::File(byte) => finding.class != Class::Missing && places.line_and_column(*byte).0 < first_broken,
            });
        }
        // One mistake at one place: what made the value wrong also made it meaningless.
        let broken: BTreeSet<usize> = self.syntax.iter().filter_map(line_of(places)).collect();
        judged.retain(|finding| line_of(places)(finding).is_none_or(|line| !broken.contains(&line)));
        judged.extend(self.syntax.iter().cloned());
        judged.extend(self.environment.iter().cloned());
        judged
    }
}

fn line_of<'a>(places: &'a Places<'_>) -> impl Fn(&Finding) -> Option<usize> + 'a {
    |finding| match finding.origin {
        Origin::File(byte) => Some(places.line_and_column(byte).0),
        Origin::Variable(_) => None,
    }
}

/// Reads what has no finding as a [`PipelineFile`]. A refusal here is a mistake of the option table, not of the file; it
/// is still told as a problem, so that nobody is left without an answer.
fn read_merged(text: &str, environment: &BTreeMap<String, String>) -> Result<PipelineFile, Finding> {
    merge(text, environment).map_err(|reason| Finding {
        class: Class::Shape,
        origin: Origin::File(0),
        message: format!("it cannot be read: {reason}"),
        key_path: String::new(),
        help: Some("this is a mistake of Tributary, please report it with this file".to_owned()),
    })
}

#[cfg(test)]
mod tests;
