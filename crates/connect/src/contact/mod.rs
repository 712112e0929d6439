//! Contact events of EventBridge.
//!
//! Source: Amazon Connect Administrator Guide, "Amazon Connect contact events".

mod event;
mod event_rows;

pub(crate) use event::ContactEvent;
pub(crate) use event_rows::ContactRows;
