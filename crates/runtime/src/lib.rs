//! Runs a line: four stages in a row, the cadence that cuts epochs, the budget, drain and abort, restarts, the clock.
//!
//! ```text
//! read ──Fetched──▶ transform ──Flow──▶ write ──Sealed──▶ commit
//!  ▲                    ▲                 │                  │
//!  │                    └── seal wanted ──┘                  │
//!  └──────────────────────── Receipt (watch) ────────────────┘
//! ```
//! Drain flows down: only `read` looks at the token, and each stage ends when its input does. Failure flows up: a stage
//! that fails drops its receiver, and the one above goes away quietly. The supervisor joins all four; the first error
//! that was one is the line's.
//!
//! # Invariants
//! - INV-1: a batch or an epoch whose count does not add up ends the line before it is committed; so does a sink that
//!   seals fewer rows than it was given.
//! - INV-2: what nobody accounted for is an error or, where `on_gap` says so, counted. A gap always lies between epochs.
//! - INV-3: only a published epoch reaches a source, and receipts only move forward.
//! - INV-5: the bytes of records between reading and the sink never exceed the budget, plus the one batch in hand. A
//!   batch larger than the budget passes alone.
//! - The snapshots in an epoch's record are of the moment its delta ends: one barrier concludes rows, delta and state.
//! - No epoch without a delta.
//!
//! # Deliberately absent
//! Every concrete source, sink and store; configuration; the terminal, signals and exit codes; retries of single calls.

mod budget;
mod clock;
mod error;
mod line;
mod patience;
mod progress;
mod stage;
mod summary;
mod supervise;
mod tasks;

pub use clock::{SystemClock, new_attempt};
pub use error::{RunError, StageName};
pub use line::{Cadence, Line, LineBuilder, OnGap, SealReason, Settings};
pub use progress::{Phase, Progress};
pub use summary::{Outcome, Summary};
pub use supervise::{Stop, run};
