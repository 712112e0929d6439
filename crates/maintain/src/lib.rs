//! (room: maintain)
