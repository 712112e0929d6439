//! The source for audit events of Amazon Connect Cases: who changed which field of a case, from what to what. The service
//! publishes none of them; it tells the history of one case at a time, whole, to whoever asks.
//!
//! ```text
//! GetDomain ──the service's clock──▶ until = now - settle
//! SearchCases ──changed since──▶ cases, by the order of their ids
//! GetCaseAuditEvents ──a case, page by page──▶ events performed in [since, until) ──RawBatch──▶ next
//! ```
//!
//! A sweep takes one slice of time, `[since, until)`, from every case that may have events in it. The next one begins where
//! it ended. So an event is in one slice, by the moment that it was performed at, and its place says nothing of the cases
//! there are: a [`Polled`](tributary_core::Polled), two moments and the id of a case.
//!
//! Beside it, [`Names`] asks for what templates and fields are called.
//!
//! # Invariants
//! - What is committed of a sweep is a slice and a case up to which it was taken. Cases go by the order of their ids, which
//!   no change of a case disturbs, so that a sweep that was broken off goes on with the same slice behind the same case.
//! - An event is taken once: it lies in one slice, and a case is taken once in each. What comes while the pages of a case are
//!   read was performed at `until` or later and is the next slice's. Events of one moment are in one slice.
//! - Nothing is lost as long as the service shows an event, and finds its case, within `settle` after it was performed:
//!   both are said to follow a change, and nothing says how fast. `until` is by the service's clock, whatever this machine's is.
//! - The list of cases does not lose one that moves while it is made: each page is asked for by the moment of last change that
//!   the page before ended with, and a case only moves forward from there.
//! - Events are handed on with all that the service sent, fields and kinds included that this version of the client does not
//!   know.
//! - Memory holds the ids of the cases of a sweep, the history of one case and a few batches.
//!
//! # Deliberately absent
//! Families, tables, what an event means (`connect`), the commit log, repeats (a list of cases that is changed is read anew,
//! and what is in the lake already is left out by its keys).

mod answer;
mod client;
mod driver;
mod error;
mod history;
mod names;
mod options;
mod pace;
mod probe;
mod raw;
mod search;
mod source;

pub use error::Error;
pub use names::{FieldName, NameOptions, Names};
pub use options::{Cases, Options};
pub use source::CasesSource;
