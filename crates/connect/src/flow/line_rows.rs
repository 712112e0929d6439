//! The rows of `contact_flow_log_events`.

use arrow_schema::ArrowError;
use tributary_core::{RowKey, TableBatch, Timestamp};

use super::line::Line;
use super::masks::LineMasks;
use crate::cells::{Cell, WantedTable};
use crate::generated;
use crate::key::flow_log_key;
use crate::transform::Options;

/// The table in the making.
#[derive(Debug)]
pub(crate) struct LineRows {
    lines: WantedTable,
    masks: LineMasks,
}

impl LineRows {
    /// No rows yet.
    pub(crate) fn new(options: &Options) -> Self {
        let privacy = &options.privacy;
        Self {
            lines: WantedTable::new(&generated::contact_flow_log_events(), options),
            masks: LineMasks {
                parameters: privacy.flow_parameters.clone(),
                results: privacy.mask(privacy.flow_results),
            },
        }
    }

    /// Whether lines make rows.
    pub(crate) fn takes(&self) -> bool {
        self.lines.is_wanted()
    }

    /// Appends the row of a line of a block that ran `at`; its key.
    pub(crate) fn push(&mut self, mut line: Line<'_>, (at, read_at): (Timestamp, Timestamp), owner: u32) -> RowKey {
        for entries in [&mut line.parameters, &mut line.external].into_iter().flatten() {
            self.masks.parameters(entries);
        }
        let results = line.results.as_deref().and_then(|results| self.masks.results.apply(results));
        if let Some(columns) = self.lines.columns() {
            columns.push(
                owner,
                &[
                    Cell::Text(Some(line.instance_id)),
                    Cell::Text(Some(&line.id)),
                    Cell::Text(line.instance_arn),
                    Cell::Text(line.account_id),
                    Cell::Text(line.contact_id.as_deref()),
                    Cell::Moment(Some(at)),
                    Cell::Text(line.flow_id.as_deref()),
                    Cell::Text(line.module_id.as_deref()),
                    Cell::Text(line.resource_type),
                    Cell::Text(line.version),
                    Cell::Text(line.name),
                    Cell::Text(line.kind),
                    Cell::Text(line.identifier),
                    Cell::Map(line.parameters.as_deref()),
                    Cell::Text(results.as_deref()),
                    Cell::Map(line.external.as_deref()),
                    Cell::Texts(line.stack.as_deref()),
                    Cell::Text(line.log_group),
                    Cell::Text(line.log_stream),
                    Cell::Moment(Some(read_at)),
                ],
            );
        }
        flow_log_key(line.instance_id, &line.id, at, &mut Vec::new())
    }

    /// The rows with their owners, if there are any; empty again afterwards.
    pub(crate) fn finish(&mut self) -> Result<Option<(TableBatch, Vec<u32>)>, ArrowError> {
        self.lines.finish()
    }
}
