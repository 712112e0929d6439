//! (room: framing)
