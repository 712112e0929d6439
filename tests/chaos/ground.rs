//! Where the lakes of a chaos run are made, and what they are made from.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tributary_testkit::FaultProxy;

use crate::engines::Engines;
use crate::engines::kafka::Kafka;
use crate::engines::weed::{BUCKET, Weed};
use crate::lab::Lab;
use crate::topics::{TOPIC, Topics, read_topic};

/// A place for lakes.
pub(super) enum Ground {
    Folder,
    S3 {
        server: Weed,
        engines: Engines,
        proxy: FaultProxy,
    },
    /// A folder; the input is a topic.
    Kafka(Kafka),
}

/// Of the topic: more than there are workers, so that each has several.
const PARTITIONS: i32 = 9;

/// Below it the objects lie that workers read in S3.
const OBJECTS: &str = "chaos-input";

/// Makes the pipeline read the objects instead of the files.
fn read_objects(lab: &Lab, endpoint: &str) {
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    let files = "[sources.files.file]\npaths = [\"in/*\"]\n";
    assert!(pipeline.contains(files));
    let objects = format!(
        "[sources.files.s3]\nlocation = \"s3://{BUCKET}/{OBJECTS}\"\nendpoint = {endpoint:?}\npath_style = true\nconcurrency = 2\n"
    );
    fs::write(lab.path("pipeline.toml"), pipeline.replace(files, &objects)).unwrap();
}

impl Ground {
    /// Brings the parts of the input to where they are read: of several workers on a server, into its bucket. Then `plain`
    /// holds them for others to link.
    pub(super) fn prepare(&self, plain: &Lab, parts: &BTreeMap<String, String>, workers: usize) {
        for (name, part) in parts {
            plain.input(name, part);
        }
        if let Self::Kafka(kafka) = self {
            let topics = Topics::on(kafka);
            topics.create(TOPIC, PARTITIONS, &[]);
            // In the order of time, as streams are: what comes two days late is beyond the horizon of duplicates.
            let mut parts: Vec<(&String, &String)> = parts.iter().collect();
            parts.sort_by_key(|(name, _)| (name.len(), *name));
            parts.into_iter().for_each(|(_, part)| topics.produce(TOPIC, part.lines()));
            read_topic(plain, &kafka.bootstrap(), "group_id = \"plain\"");
        }
        if let (Self::S3 { server, engines, .. }, true) = (self, workers > 1) {
            engines.put_s3(&server.endpoint(), &plain.path("in"), &format!("{BUCKET}/{OBJECTS}"));
            // Rejections name where they come from.
            read_objects(plain, &server.endpoint());
        }
    }

    /// A new lake over the same input.
    pub(super) fn fresh(&self, plain: &Lab, options: &str, number: u32, workers: usize) -> Lab {
        let lab = match self {
            Self::Folder | Self::Kafka(_) => Lab::new(options),
            Self::S3 { proxy, .. } => Lab::in_s3(&proxy.endpoint(), &format!("chaos/{number}"), options),
        };
        if let (Self::S3 { proxy, .. }, true) = (self, workers > 1) {
            read_objects(&lab, &proxy.endpoint());
            return lab;
        }
        if let Self::Kafka(kafka) = self {
            // Who is killed is missed soon.
            let source = format!("group_id = \"lake-{number}\"\nsession_timeout = \"1s\"\nrebalance_deadline = \"5s\"");
            read_topic(&lab, &kafka.bootstrap(), &source);
            return lab;
        }
        for part in fs::read_dir(plain.path("in")).unwrap() {
            let (from, to) = (part.as_ref().unwrap().path(), lab.path("in").join(part.unwrap().file_name()));
            fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).unwrap();
        }
        lab
    }

    /// What is visible of the lake, in a folder.
    pub(super) fn visible(&self, lab: &Lab) -> PathBuf {
        match self {
            Self::Folder | Self::Kafka(_) => lab.lake(),
            Self::S3 { server, engines, .. } => lab.fetch(engines, &server.endpoint(), "fetched"),
        }
    }

    /// Kills and finished lakes that are asked for, and the longest life of a run that is killed by the clock, in
    /// milliseconds.
    pub(super) fn wanted(&self, full: bool) -> (u32, u32, u64) {
        match (self, full) {
            (Self::Folder, true) => (100, 3, 381),
            (Self::Folder, false) => (20, 2, 381),
            (Self::S3 { .. }, true) => (300, 5, 4_000),
            (Self::S3 { .. }, false) => (10, 1, 2_000),
            (Self::Kafka(_), true) => (300, 5, 4_000),
            (Self::Kafka(_), false) => (10, 1, 2_000),
        }
    }
}
