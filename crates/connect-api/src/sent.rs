//! What the service sent, beside what is read of it: this room leaves out what it does not know.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;

/// A thing that the service describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent<T> {
    /// What is read of it.
    pub read: T,
    /// All of it, members that are not known here included.
    pub json: Value,
}

impl<T: DeserializeOwned> Sent<T> {
    pub(crate) fn of(json: Value) -> Result<Self, Answer> {
        Ok(Self { read: read(&json)?, json })
    }
}

/// What `json` says, if it has the shape of the service's model.
pub(crate) fn read<T: DeserializeOwned>(json: &Value) -> Result<T, Answer> {
    T::deserialize(json).map_err(|error| Answer::Strange(format!("its answer cannot be read: {error}")))
}
