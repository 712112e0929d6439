//! Bytes in, records and payloads with offsets out: how the inputs of Amazon Connect are cut, unpacked and opened.
//!
//! ```text
//! input bytes ──Unpacker──▶ decompressed bytes ──Framer──▶ records (Frame) ──open──▶ innermost payloads
//!             └────────────────── Cutter ─────────────────┘
//! ```
//!
//! Everything is told apart by content, never by a name. Sources: `domain/agent-events.md` section 1 and
//! `domain/flow-events.md` sections 4 and 8 of the design; RFC 8259 (JSON), RFC 1952 (gzip), RFC 8878 (zstd).
//!
//! # Invariants
//! - The frames of a stream do not depend on how its bytes were split into chunks.
//! - A [`Framer`] begun at the `end` of any frame of a well-formed stream yields exactly the frames that follow it.
//! - Every byte that is not a separator is in exactly one frame; frames come in the order of their offsets.
//! - Memory is bounded by the record limit plus a few chunks, whatever the input.
//! - [`open`] calls its visitor at least once; what is no wrapper is handed back unchanged (INV-1).
//!
//! # Deliberately absent
//! Event families, files, async, clocks. Kinesis aggregation (KPL) belongs to the source that meets it.

mod cutter;
mod exact;
mod framer;
mod open;
mod signs;
mod stream;
mod unpack;
mod wrapper;

pub use cutter::Cutter;
pub use framer::{Frame, Framer};
pub use open::{Envelope, Opened, open};
pub use unpack::{Damage, Packing, Unpacker};
