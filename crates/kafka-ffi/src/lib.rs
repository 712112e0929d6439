//! What of librdkafka no safe binding has: the ids of topics (KIP-516), asked for by DescribeTopics; and headers whose names are
//! bytes.
//!
//! ```text
//! Question::ask(&client, topics) ──DescribeTopics──▶ librdkafka's thread ──Metadata v10+──▶ controller
//! Question::answer(wait) ◀──────── a queue of its own ◀─────────┘
//! ```
//!
//! # Invariants
//! - What the compiler cannot check stands in `raw.rs` alone; every block there says why it may be. The proof in short:
//!   - *Life of the client.* A question borrows rdkafka's `Client`, which holds a live `rd_kafka_t` and destroys it when it is
//!     dropped; so the client outlives the question and its queue. A question that is forgotten leaks its queue, no more.
//!   - *Ownership.* Queue, options, collection and event each have an owner that destroys it once. librdkafka copies names and
//!     options before the call returns. What an event shows belongs to it, and is copied before it is destroyed.
//!   - *A question that is dropped before its answer.* librdkafka counts who refers to a queue; one without its owner takes
//!     nothing more, and a late answer is freed by librdkafka.
//!   - *Threads.* librdkafka may be called from any thread, also from within its callbacks of a rebalance, which run in the
//!     thread that polls. A question has pointers in it and stays in its thread; nothing is shared but the client.
//!   - *Polling.* The answer comes to a queue of the question's own, so that no message and no callback is taken from the
//!     consumer's.
//!   - *Nulls.* Every pointer that comes back is looked at first, also each element of a list: librdkafka leaves holes for
//!     topics that a broker did not answer for.
//!   - *Values.* Error codes are taken as the numbers that they are: a broker may send one that the enumeration of
//!     `rdkafka-sys` does not have.
//! - An answer is a value or an error; nothing panics.
//!
//! # What the proof rests on
//! That librdkafka (2.12, built from source by `rdkafka-sys`) keeps to its header, and reads answers rightly. It trusts the brokers
//! more than it should: for a Metadata answer with a topic that nobody asked for it formats a name that it has freed
//! (`rd_kafka_DescribeTopicsResponse_parse`).
//!
//! `tests/answers` asks a made-up broker, whose answers are also random and cut short; valgrind finds nothing of ours in it. There is
//! no target for a coverage-guided fuzzer: the bytes of an answer are librdkafka's to read, and it is not instrumented.
//!
//! # Deliberately absent
//! Everything that `rdkafka` has; splits, the log, what an id means for reading.

mod error;
mod id;
#[expect(unsafe_code, reason = "the room that is made for it: the proof is above and at each block")]
mod raw;

pub use error::Error;
pub use id::{Topic, TopicId};
pub use raw::{Question, headers};

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;

/// The ids of `topics`, in their order where the broker answers for all. Blocks for `patience` at most.
///
/// # Errors
/// [`Error`], where the whole question has no answer; what is wrong with one topic is told with it.
pub fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    patience: Duration,
) -> Result<Vec<Topic>, Error> {
    /// librdkafka counts the time itself.
    const SLACK: Duration = Duration::from_secs(1);
    let question = Question::ask(client, topics, patience)?;
    question.answer(patience + SLACK).unwrap_or_else(|| Err(Error::timed_out()))
}
