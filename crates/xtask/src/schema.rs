//! What is generated from `schemas/tables`.

mod page;
mod rust;
mod table_file;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use table_file::{Column, Element, Entries, Member, PartitionBy, Room, TableFile, Type};

/// A file that is generated, and what belongs in it.
#[derive(Debug)]
pub struct Generated {
    /// Where it lies, from the root of the checkout.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// Reads and checks every table of `schemas/tables`, sorted by name.
pub fn tables(root: &Path) -> Result<Vec<TableFile>> {
    let folder = root.join("schemas/tables");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| TableFile::read(path)).collect()
}

/// Everything that is generated, without writing it.
pub fn generate(root: &Path) -> Result<Vec<Generated>> {
    let tables = tables(root)?;
    let of_connect: Vec<&TableFile> = tables.iter().filter(|table| table.generated_in == Room::Connect).collect();
    Ok(vec![
        Generated { path: "crates/connect/src/generated.rs".into(), text: rust::source(root, &of_connect)? },
        Generated { path: "docs/tables.md".into(), text: page::page(&tables) },
    ])
}

/// Writes what is generated into the checkout; files that are right already are left alone.
pub fn write(root: &Path) -> Result<()> {
    for generated in generate(root)? {
        let path = root.join(&generated.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == generated.text) {
            continue;
        }
        fs::write(&path, generated.text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
