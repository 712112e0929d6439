//! The source for audit events of Amazon Connect Cases.

use std::collections::BTreeSet;
use std::path::Path;

use tributary_core::{Checkpoint, Failure, Source};
use tributary_source_cases::{Cases, CasesSource, Options};

use super::{LineFactory, blocking};
use crate::cases_plan::{CasesChoice, CasesPlan};
use crate::error::Error;
use crate::file::Mode;
use crate::walk::is_case;

impl LineFactory {
    pub(super) async fn cases_source(
        &self,
        name: &str,
        cases: &CasesPlan,
        checkpoint: &Checkpoint,
    ) -> Result<Box<dyn Source>, Failure> {
        let options = self.cases_options(name, cases).await?;
        Ok(Box::new(CasesSource::open(options, checkpoint).await?))
    }

    /// What the source is told in this run.
    pub(crate) async fn cases_options(&self, name: &str, cases: &CasesPlan) -> Result<Options, Failure> {
        if self.share.is_some() {
            return Err(Error::Worker { name: name.to_owned() }.into());
        }
        let chosen = match &cases.cases {
            CasesChoice::Changed => Cases::Changed,
            CasesChoice::Listed(listed) => Cases::Listed(listed.clone()),
            CasesChoice::File(file) => {
                let (name, file) = (name.to_owned(), file.clone());
                Cases::Listed(blocking("the list of cases", move || listed(&name, &file)).await??)
            }
        };
        Ok(Options {
            cases: chosen,
            since: cases.since,
            settle: cases.settle,
            rate: cases.rate,
            poll: (self.plan.mode == Mode::Streaming).then_some(cases.poll),
            batch_bytes: self.most_batch_bytes(),
            connection: cases.connection.clone(),
            ..Options::new(name, cases.domain.clone())
        })
    }
}

/// The ids in a file, one a line.
fn listed(name: &str, file: &Path) -> Result<BTreeSet<String>, Error> {
    let refused = |reason: String| Error::CasesFile { name: name.to_owned(), file: file.to_owned(), reason };
    let text = std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?;
    let mut listed = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let id = line.trim();
        if id.is_empty() || id.starts_with('#') {
            continue;
        }
        if !is_case(id) {
            return Err(refused(format!("line {} is the id of no case", number + 1)));
        }
        listed.insert(id.to_owned());
    }
    if listed.is_empty() { Err(refused("it names no case".to_owned())) } else { Ok(listed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_an_id_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.txt");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            listed("audit", &file).map_err(|error| error.to_string())
        };
        assert_eq!(read("# mine\n b-1 \r\n\na-1\nb-1").unwrap(), ["a-1".to_owned(), "b-1".to_owned()].into());
        assert!(read("a-1\nno id\n").unwrap_err().contains("line 2 is the id of no case"));
        assert!(read("# none\n").unwrap_err().contains("names no case"));
        assert!(listed("audit", &folder.path().join("gone")).is_err());
    }
}
