//! The source for executions of test cases: which test of a flow ran when, and how it ended. Amazon Connect publishes none of
//! them; it lists them to whoever asks.
//!
//! ```text
//! ListTestCases ──the service's clock──▶ until = now - settle, or the start of the first that is not over
//! ListTestCaseExecutions ──began in [since, until)──▶ executions, by the order of their ids
//! DescribeTestCase ──of each test case among them──▶ a record an execution ──RawBatch──▶ next
//! ```
//!
//! A sweep takes the executions that began in a slice of time, `[since, until)`. The next one begins where it ended. So an
//! execution is in one slice, and its place is a [`Polled`](tributary_core::Polled), two moments and an id, however many there are.
//!
//! # Invariants
//! - An execution is handed on once, when it is over. A slice ends where one began that is not; those after it wait. One that is
//!   not over after `open_for` is handed on as it is, and holds up nobody any more.
//! - Nothing is lost as long as the service lists an execution, with its beginning, within `settle` after it began. `until` is by
//!   the service's clock, whatever this machine's is.
//! - What is committed of a slice is its end and the id up to which it was taken. A run that goes on lists the slice again.
//! - Executions and test cases are handed on as the service sent them, members included that are not known here; but for what a
//!   test case does, which may be long and has no column.
//! - Memory holds the executions that began within a month, and a few batches.
//!
//! # Deliberately absent
//! Tables, what a status means (`connect`), the commit log, the steps of an execution (their text is not documented).

mod driver;
mod error;
mod facts;
mod instance;
mod options;
mod source;

pub use error::Error;
pub use options::Options;
pub use source::TestCasesSource;
