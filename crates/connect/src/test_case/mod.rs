//! Executions of test cases, as answers of Amazon Connect's API tell them.
//!
//! Source: Amazon Connect API Reference, `ListTestCaseExecutions` and `DescribeTestCase`; for the words of the table, the Administrator
//! Guide, "Amazon Connect data lake", "Test case execution results".

mod answer;
mod result_rows;

pub(crate) use answer::Answer;
pub(crate) use result_rows::ResultRows;
