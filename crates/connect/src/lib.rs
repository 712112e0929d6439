//! (room: connect)
