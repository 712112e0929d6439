//! (room: spool)
