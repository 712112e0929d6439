//! Whole lines in process, on paused time: what fits in one, when epochs end, how it stops, fails and begins again.

mod commits;
mod failures;
mod flow;
mod stops;
mod world;
