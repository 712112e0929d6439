//! A token that something else puts into a file.

use std::path::Path;

use crate::{Error, Token, jwt};

/// Reads it; white space at its ends is no part of it.
pub(crate) fn read(file: &Path) -> Result<Token, Error> {
    let text = std::fs::read_to_string(file).map_err(|cause| Error::File { file: file.to_owned(), cause })?;
    jwt::read(text.trim()).map_err(|reason| Error::Unusable { place: file.display().to_string(), reason })
}
