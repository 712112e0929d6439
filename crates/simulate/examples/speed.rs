//! Prints how fast events are made: `cargo run --release -p tributary-simulate --example speed [FILE [TRUTH]]`.
//!
//! 200,000 events of 500 agents over three days, seed 1, plain and shuffled; to nowhere, or to `FILE`.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use tributary_simulate::{Options, Simulation};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut out: Box<dyn Write> = match arguments.next() {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::sink()),
    };
    let mut truth = arguments.next().map(File::create).transpose()?;
    for shuffle in [false, true] {
        let options = Options {
            agents: 500,
            events: Some(200_000),
            duration: Some(Duration::from_secs(3 * 86_400)),
            shuffle,
            ..Options::default()
        };
        let started = Instant::now();
        let truth = truth.as_mut().map(|file| -> &mut dyn Write { file });
        let report = Simulation::new(options)?.run(&mut out, truth)?;
        let seconds = started.elapsed().as_secs_f64();
        let (megabytes, size) = (report.bytes as f64 / 1e6, report.bytes as f64 / report.events as f64);
        let speed = megabytes / seconds;
        writeln!(
            io::stderr(),
            "shuffle={shuffle}: {megabytes:.0} MB in {seconds:.2} s = {speed:.0} MB/s, {size:.0} bytes an event"
        )?;
        writeln!(io::stderr(), "{report:?}")?;
        out = Box::new(io::sink());
    }
    Ok(())
}
