//! Pipelines that read a stream of Kinesis.

use std::fs;

use crate::engines::kinesis::{Kinesis, REGION};
use crate::engines::kinesis_streams::{Entry, Streams};
use crate::kinesis_load::agent;
use crate::lab::Lab;

pub(crate) const STREAM: &str = "agent-events";

/// Makes the pipeline of a lab read the stream instead of files; `source` are lines about how.
pub(crate) fn read_stream(lab: &Lab, kinesis: &Kinesis, stream: &str, source: &str) {
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let files = "[sources.files.file]\npaths = [\"in/*\"]\n";
    assert!(pipeline.contains(files));
    let endpoint = kinesis.endpoint();
    let stream = format!(
        "[sources.files.kinesis]\nstream = {stream:?}\nendpoint = {endpoint:?}\nregion = {REGION:?}\n{source}\n"
    );
    fs::write(lab.path("pipeline.toml"), pipeline.replace(files, &stream)).unwrap();
}

/// A lab whose pipeline reads the stream; `source` are lines about how, `options` beside the usual ones.
pub(crate) fn lab(kinesis: &Kinesis, mode: &str, source: &str, options: &str) -> Lab {
    let lab = Lab::new(options);
    read_stream(&lab, kinesis, STREAM, source);
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    fs::write(lab.path("pipeline.toml"), pipeline.replace("mode = \"batch\"", &format!("mode = {mode:?}"))).unwrap();
    lab
}

/// Makes a stream that has ended a batch, which shares its shards with nobody.
pub(crate) fn as_batch(lab: &Lab) {
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let kept = pipeline.lines().filter(|line| !line.starts_with("lease_duration"));
    let batch: String = kept.map(|line| format!("{}\n", line.replace("\"streaming\"", "\"batch\""))).collect();
    fs::write(lab.path("pipeline.toml"), batch).unwrap();
}

/// Puts lines, each as a record whose key is its agent.
pub(crate) fn put<'a>(streams: &Streams, lines: impl IntoIterator<Item = &'a str>) {
    let entry = |line: &str| Entry { key: agent(line).to_owned(), explicit_hash_key: None, data: line.into() };
    let entries: Vec<Entry> = lines.into_iter().map(entry).collect();
    streams.put(STREAM, &entries).unwrap();
}
