//! Other people's programs, as the end-to-end tests start them.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/engines/kafka.rs"]
pub(crate) mod kafka;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/engines/kinesis_streams.rs"]
pub(crate) mod kinesis_streams;
#[expect(dead_code, reason = "elsewhere it is started for S3")]
#[path = "../../../tests/engines/ministack.rs"]
pub(crate) mod ministack;
#[path = "../../../tests/engines/server.rs"]
pub(crate) mod server;
#[path = "../../../tests/engines/venv.rs"]
pub(crate) mod venv;
#[path = "../../../tests/engines/weed.rs"]
pub(crate) mod weed;
