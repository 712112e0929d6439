//! (room: simulate)
