//! The programs that are measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use cargo_metadata::MetadataCommand;

/// The release builds that are measured.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) tributary: PathBuf,
    pub(crate) xtask: PathBuf,
}

impl Programs {
    /// Those of `folder`; without one they are built.
    pub(crate) fn get(folder: Option<&Path>) -> Result<Self> {
        folder.map_or_else(Self::build, |folder| Ok(Self::in_folder(folder)))
    }

    fn build() -> Result<Self> {
        let root = crate::root();
        let status = Command::new(env!("CARGO"))
            .args(["build", "--release", "--package", "tributary", "--package", "xtask"])
            .current_dir(&root)
            .status()?;
        ensure!(status.success(), "the release build failed");
        let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
        Ok(Self::in_folder(&metadata.target_directory.into_std_path_buf().join("release")))
    }

    fn in_folder(folder: &Path) -> Self {
        Self { tributary: folder.join("tributary"), xtask: folder.join("xtask") }
    }
}
