//! Whole lines in process, on paused time: what fits in one, when epochs end, how it stops, fails and begins again.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a broken expectation of a test is a panic")]

mod commits;
mod failures;
mod flow;
mod stops;
mod world;
