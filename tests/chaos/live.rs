//! The same for a stream of Kinesis that is fed meanwhile, whose shards are split and merged meanwhile: the workers run as
//! long as events come, and are killed again and again. What is left when they are over a batch reads to its end.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::kill::{Kill, Random};
use super::{Asked, Leaving, Tally, collect, command, compare, report};
use crate::agent_time::is_true;
use crate::engines::Engines;
use crate::engines::kinesis::{Kinesis, REGION};
use crate::engines::kinesis_streams::Streams;
use crate::engines::venv::say;
use crate::inputs::events;
use crate::kinesis_load::Load;
use crate::lab::{Lab, text, turned_around};
use crate::streams_of_kinesis::read_stream;
use crate::topics::as_batch;

/// Events a second: about half of what the server takes.
const RATE: u32 = 200;

/// Of so many calls of the producer one puts packed records.
const PACKED: u64 = 10;

/// Who is killed is missed soon, and who begins finds the shards that are new by then.
const SOURCE: &str = "lease_duration = \"3s\"\ndiscover = \"5s\"";

const OPTIONS: &str = "[commit]\nevery = \"1s\"";

/// The longest life of a worker that is killed by the clock, in milliseconds; and of one that does not come to the place
/// where it is to be killed, which it may not: it may have no shard.
const LONGEST: u64 = 12_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// Each lake has a stream of its own.
pub(super) fn chaos(kinesis: &Kinesis, asked: &Asked) {
    let (length, every) = if asked.full { (asked.seconds, 30) } else { (10, 3) };
    let count = length * u64::from(RATE);
    let plain = Lab::new(OPTIONS);
    let truth = plain.path("truth.jsonl");
    let size = format!("--agents 100 --events {count} --duplicates 0.01 --seed 17");
    let input = events(&format!("{size} --truth {}", truth.display()));
    say(&format!(
        "chaos: seed {}, {} workers: {} kills; {length} s of {RATE} events a second, {} MB, a split or a merge every {every} s",
        asked.seed,
        asked.workers,
        asked.kills,
        input.len() / 1_000_000
    ));
    plain.input("events.jsonl", &input);
    plain.run();
    // What equals the plain lake is true, then.
    if let Some(engines) = Engines::get() {
        say(&format!("chaos: the plain lake is what was acted out: {:?}", is_true(&engines, &plain, &truth)));
    }

    let streams = Streams::on(&kinesis.endpoint(), REGION).unwrap();
    let tally = Mutex::new(Tally::read(asked.file.as_ref()));
    while !asked.is_enough(&tally.lock().unwrap()) {
        let number = tally.lock().unwrap().lakes;
        let load = Load {
            endpoint: kinesis.endpoint(),
            region: REGION.to_owned(),
            stream: format!("lake-{number}"),
            rate: RATE,
            packed: PACKED,
            every: Duration::from_secs(every),
            seed: asked.seed ^ u64::from(number),
        };
        streams.create(&load.stream, 2).unwrap();
        let lab = Lab::new(OPTIONS);
        read_stream(&lab, kinesis, &load.stream, SOURCE);
        change(&lab, "\"batch\"", "\"streaming\"");
        one(&lab, &load, &input, asked, (number, &tally));
        let done = lab.status()["tally"]["made_rows"].clone();
        say(&format!("chaos: the workers have committed {done} of {} events", input.lines().count()));
        read_the_rest(&lab);
        judge(&plain, &lab, &mut tally.lock().unwrap(), asked);
        streams.delete(&load.stream).unwrap();
    }
    report(&tally.into_inner().unwrap(), asked);
}

/// Who reads alone shares nothing.
fn read_the_rest(lab: &Lab) {
    change(lab, SOURCE, "");
    as_batch(lab);
    lab.run();
}

/// Holds what is finished against a plain one.
fn judge(plain: &Lab, lab: &Lab, tally: &mut Tally, asked: &Asked) {
    compare(plain, &lab.lake(), tally, asked);
    let turned = turned_around(&lab.lake()).unwrap();
    say(&format!(
        "chaos: {} workers stopped when asked; of {} pairs of events of an agent, {} were read in another order",
        tally.stops, turned.pairs, turned.turned
    ));
    assert!(turned.pairs > 0 && turned.turned == 0);
    let (ours, theirs) = (&lab.status()["tally"], &plain.status()["tally"]);
    for count in ["made_rows", "rejected"] {
        assert_eq!(ours[count], theirs[count], "{count}");
    }
    // A put whose answer was lost is put again, so that these may differ by what the producer doubled: for a person to see.
    let counts = |tally: &serde_json::Value| format!("{} read, {} duplicates", tally["read"], tally["duplicates"]);
    say(&format!("chaos: {}; a file of the same has {}", counts(ours), counts(theirs)));
    tally.write(asked.file.as_ref());
}

/// Feeds one stream to its end, beside workers that are killed.
fn one(lab: &Lab, load: &Load, input: &str, asked: &Asked, (number, tally): (u32, &Mutex<Tally>)) {
    let random = |worker: usize| Random(asked.seed ^ (u64::from(number) << 32) ^ (worker as u64) << 16);
    let (is_over, left) = (AtomicBool::new(false), AtomicUsize::new(asked.workers));
    std::thread::scope(|scope| {
        let (is_over, left) = (&is_over, &left);
        for worker in 1..=asked.workers {
            scope.spawn(move || {
                let _end = Leaving(left);
                work(lab, worker, random(worker), is_over, tally);
            });
        }
        scope.spawn(move || collect(lab, random(0), left));
        // Also of a producer that fails.
        let _end = Over(is_over);
        let fed = load.feed(input.lines()).unwrap();
        say(&format!("chaos: {fed:?}"));
    });
}

/// True at last, also of a thread that fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a worker again and again until the stream is fed.
fn work(lab: &Lab, worker: usize, mut random: Random, is_over: &AtomicBool, tally: &Mutex<Tally>) {
    let log = lab.path(&format!("log-{worker}"));
    while !is_over.load(Ordering::Relaxed) {
        let kill = pick(&mut random);
        let (status, place) = kill.run_endless(&mut command(lab, worker, 1), &log, PATIENCE, is_over);
        // Who is stopped before it listens to signals dies of it.
        let has_stopped = matches!(kill, Kill::Stop(_)) && (status.success() || status.signal() == Some(15));
        let is_well = place.is_some() || may_end(status, &log) || has_stopped;
        assert!(is_well, "worker {worker}: {status}: {}", said(&log));
        let mut tally = tally.lock().unwrap();
        tally.runs += 1;
        tally.stops += u32::from(status.success());
        if let Some(place) = place {
            *tally.fell.entry(place).or_default() += 1;
        }
    }
}

/// One life of ten ends as a deployment ends it.
fn pick(random: &mut Random) -> Kill {
    match random.below(10) {
        0 => Kill::Stop(Duration::from_millis(20 + random.below(LONGEST))),
        _ => Kill::pick(random, LONGEST),
    }
}

/// On a machine that stands still for a while a living attempt grows old. Whoever looks after it starts it again.
fn may_end(status: ExitStatus, log: &Path) -> bool {
    status.code() == Some(5) && said(log).contains("banned")
}

fn said(log: &Path) -> String {
    text(&std::fs::read(log).unwrap())
}

fn change(lab: &Lab, from: &str, to: &str) {
    let pipeline = std::fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    assert!(pipeline.contains(from), "{pipeline}");
    std::fs::write(lab.path("pipeline.toml"), pipeline.replace(from, to)).unwrap();
}
