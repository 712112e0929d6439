//! (room: source-file)
