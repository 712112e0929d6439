//! Agent events: their shape, and the two tables made of them one to one.
//!
//! Source: Amazon Connect administrator guide, "Agent event streams data model".

mod blocks;
mod codes;
mod contact;
mod contact_rows;
mod event;
mod memory;
mod reader;
mod rows;

pub(crate) use codes::Dictionaries;
pub(crate) use event::{Event, NotAnEvent, read_event};
pub(crate) use memory::Memory;
pub(crate) use reader::{FieldRefusal, Refusal};
pub(crate) use rows::AgentRows;
