//! An archive that overlaps what is there adds only what is missing.

use crate::inputs::{events, gzip};
use crate::lab::{Lab, balance};

#[test]
fn the_same_day_again_with_three_percent_more() {
    let lab = Lab::new("[transform.connect.dedup]\nhorizon = \"1h\"");
    // The same schedule with 3 % more events: the larger run is cut to make the smaller.
    let all = events("--agents 40 --days 1 --seed 11");
    let lines: Vec<&str> = all.lines().collect();
    let first = lines.len() * 100 / 103;
    lab.input("day.jsonl", lines[..first].join("\n") + "\n");
    assert_eq!(balance(&lab.run())[1], first as u64);

    lab.input("day.jsonl.gz", gzip(&[all.as_bytes()]));
    let more = (lines.len() - first) as u64;
    assert_eq!(balance(&lab.run()), [lines.len() as u64, more, first as u64, 0, 0]);
    assert_eq!(lab.status()["tables"]["agent_event"]["rows"], lines.len());
    assert_eq!(balance(&lab.run()), [0; 5]);
}
