//! (room: sink-parquet)
