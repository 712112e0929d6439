//! (room: commit)
