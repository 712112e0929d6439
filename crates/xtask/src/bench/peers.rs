//! Other programs that bring a topic into Parquet files.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow};

use super::contender::Contender;
use crate::engines::venv;

/// How their topic is compressed: mq-bridge's client reads no zstd.
pub(crate) const CODEC: &str = "lz4";

/// Those that can be had, reading this topic.
pub(crate) fn all(brokers: &str, topic: &str) -> Result<Vec<Contender>> {
    let engines = crate::root().join("tests/engines");
    let python = venv::python(&engines.join("peers.txt")).map_err(|reason| anyhow!(reason))?;
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    let command = move |_: &Path, folder: &Path| {
        let mut command = Command::new(&python);
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(engines.join("bench_mq_bridge.py"));
        command.args([&brokers, &topic]).arg(folder.join("out"));
        Ok(command)
    };
    let does = "mq-bridge: a file of each 8,192 documents as they are";
    Ok(vec![Contender { name: "mq-bridge", does, command: Box::new(command) }])
}
