//! Where a secret is that the pipeline file only points at.

use std::path::PathBuf;

use tributary_core::{Failure, Secret};

use crate::error::Error;

/// Where a password, or another secret, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// In a variable of the environment.
    Variable(String),
    /// In a file; white space at its ends is no part of it.
    File(PathBuf),
}

impl Password {
    pub(crate) fn new(variable: Option<String>, file: Option<String>) -> Option<Self> {
        variable.map(Self::Variable).or_else(|| file.map(|file| Self::File(file.into())))
    }

    /// The secret of `whom`: `what` it is is told where it is missing.
    pub(crate) fn read(&self, whom: &str, what: &'static str) -> Result<Secret, Failure> {
        let missing = |place: String, reason: String| Error::Password { whom: whom.to_owned(), what, place, reason };
        match self {
            Self::Variable(name) => {
                let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
                let value = value.filter(|value| !value.is_empty());
                let missing = || missing(format!("the variable {name}"), "it is not set, or no text".to_owned());
                Ok(Secret::new(value.ok_or_else(missing)?))
            }
            Self::File(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| missing(file.display().to_string(), error.to_string()))?;
                match text.trim() {
                    "" => Err(missing(file.display().to_string(), "it is empty".to_owned()).into()),
                    secret => Ok(Secret::new(secret.to_owned())),
                }
            }
        }
    }
}
