//! Other people's programs, as the end-to-end tests start them.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/engines/kafka.rs"]
pub(crate) mod kafka;
#[path = "../../../tests/engines/server.rs"]
pub(crate) mod server;
#[path = "../../../tests/engines/venv.rs"]
pub(crate) mod venv;
#[path = "../../../tests/engines/weed.rs"]
pub(crate) mod weed;
