//! The rows of `connect_test_case_execution_results`.

use arrow_schema::ArrowError;
use tributary_core::{RowKey, TableBatch, Timestamp};

use super::answer::Execution;
use crate::cells::{Cell, WantedTable};
use crate::generated;
use crate::key::test_case_key;
use crate::transform::Options;

/// The table in the making.
#[derive(Debug)]
pub(crate) struct ResultRows(WantedTable);

impl ResultRows {
    /// No rows yet.
    pub(crate) fn new(options: &Options) -> Self {
        Self(WantedTable::new(&generated::connect_test_case_execution_results(), options))
    }

    /// Whether executions make rows.
    pub(crate) fn takes(&self) -> bool {
        self.0.is_wanted()
    }

    /// Appends the row of an execution that began at `start`; its key.
    pub(crate) fn push(
        &mut self,
        execution: &Execution<'_>,
        (start, read_at): (Timestamp, Timestamp),
        owner: u32,
    ) -> RowKey {
        if let Some(columns) = self.0.columns() {
            columns.push(
                owner,
                &[
                    Cell::Text(Some(execution.instance_id)),
                    Cell::Text(Some(execution.instance_arn)),
                    Cell::Text(execution.account_id),
                    Cell::Text(Some(&execution.arn)),
                    Cell::Text(execution.name),
                    Cell::Moment(Some(start)),
                    Cell::Moment(execution.end),
                    Cell::Text(execution.status),
                    Cell::Text(execution.result),
                    Cell::Text(Some(execution.id)),
                    // Failure reasons, type, execution method: the API has none.
                    Cell::Texts(None),
                    Cell::Text(None),
                    Cell::Text(None),
                    Cell::Text(execution.channel),
                    // Channel subtype, initial contact, contacts: neither.
                    Cell::Text(None),
                    Cell::Text(None),
                    Cell::Texts(None),
                    Cell::Text(execution.flow_id),
                    // When AWS made its own record.
                    Cell::Moment(None),
                    Cell::Moment(Some(read_at)),
                ],
            );
        }
        let status = execution.status.unwrap_or_default();
        test_case_key(&execution.arn, execution.id, status, start, &mut Vec::new())
    }

    /// The rows with their owners, if there are any; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<Option<(TableBatch, Vec<u32>)>, ArrowError> {
        self.0.finish()
    }
}
