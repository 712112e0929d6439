//! `tributary simulate`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tributary_simulate::{Options, Simulation};

use crate::args::Simulate;
use crate::exit::{Ending, Trouble};
use crate::{Outcome, terminal, units};

/// A write of this size costs next to nothing.
const BUFFER: usize = 1 << 20;

/// Writes events, and the truth about them where it is asked for.
pub(crate) fn simulate(args: &Simulate) -> Outcome {
    let simulation = Simulation::new(options(args));
    let simulation = simulation.map_err(|error| Trouble::new(error.fault(), error.code(), error))?;
    if let Some(path) = &args.lookups {
        fs::write(path, simulation.lookups()).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(create(path)?),
        None => Box::new(io::stdout().lock()),
    };
    let mut truth = args.truth.as_deref().map(create).transpose()?;
    let truth = truth.as_mut().map(|file| file as &mut dyn Write);
    let written = simulation.run(out.as_mut(), truth).and_then(|report| out.flush().map(|()| report));
    let report = match written {
        // Whoever reads the events has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Ending::Done),
        other => other.context("the events cannot be written")?,
    };
    let cases = match report.case_events {
        0 => String::new(),
        events => format!("{} events of cases, ", units::count(events)),
    };
    let audits = match report.audit_events {
        0 => String::new(),
        events => format!("{} audit events in {} answers, ", units::count(events), units::count(report.audit_answers)),
    };
    let flows = match report.flow_lines {
        0 => String::new(),
        lines => format!("{} lines of flow logs, ", units::count(lines)),
    };
    terminal::tell(&format!(
        "{} events of {} agents, {cases}{audits}{flows}{} repeated, {} broken, {} of other families, {}",
        units::count(report.events),
        units::count(u64::from(report.agents)),
        units::count(report.duplicates),
        units::count(report.malformed),
        units::count(report.foreign()),
        units::bytes(report.bytes)
    ));
    Ok(Ending::Done)
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(BufWriter::with_capacity(BUFFER, file))
}

fn options(args: &Simulate) -> Options {
    let day = Duration::from_secs(86_400);
    let days = args.days.or_else(|| args.events.is_none().then_some(1));
    Options {
        agents: args.agents,
        start: args.start.start(),
        duration: days.map(|days| day * days),
        events: args.events,
        case_events: args.cases,
        audits: args.audits,
        flow_lines: args.flows,
        old_detail_type_rate: args.old_detail_type,
        seed: args.seed,
        duplicate_rate: args.duplicates,
        disorder_rate: args.disorder,
        disorder_window: args.disorder_window,
        malformed_rate: args.malformed,
        foreign_rate: args.foreign,
        inbound_queues: args.queues,
        shuffle: args.shuffle,
        ..Options::default()
    }
}
