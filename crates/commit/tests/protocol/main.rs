//! The commit protocol from outside: what it promises, and a model of everything that can go wrong around it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken expectation of a test panics")]

mod basics;
mod checkpoints;
mod collecting;
mod model;
mod pruning;
mod refusals;
mod support;
