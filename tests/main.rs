//! End to end: the built binary, a pipeline file, files in, a lake out; other people's engines read it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a broken expectation of a test is a panic")]

mod agent_order;
mod agent_statistics;
mod agent_streams;
mod agent_time;
mod archive;
mod case_views;
mod cases;
mod cases_model;
mod cases_names;
mod cases_poll;
mod chaos;
mod check;
mod cli;
mod connect_model;
mod engines;
mod faulty_calls;
mod fence;
mod flows;
mod framings;
mod inputs;
mod kafka;
mod kafka_files;
mod kafka_options;
mod kafka_trouble;
mod kills;
mod kinesis;
mod kinesis_load;
mod lab;
mod latest_cases;
mod objects;
mod raw_kafka;
mod readers;
mod readme;
mod resharding;
mod service_model;
mod stream;
mod streams_of_kinesis;
mod ten_agents;
mod test_cases;
mod topics;
mod workers;
