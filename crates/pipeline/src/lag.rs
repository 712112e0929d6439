//! How far a log is behind what its sources hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use tributary_core::{Checkpoint, Clock, Failure, SplitId, Timestamp};

use crate::build::blocking;
use crate::{Plan, SourceKind};

/// What is not read yet of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitLag {
    /// Records between the position and the end; `None` where the service does not count them.
    pub records: Option<u64>,
    /// When the first of them came; `None` where there is none, or where it does not say.
    pub oldest: Option<Timestamp>,
}

/// What of `checkpoint` is behind the sources of `plan` that can be asked, which are those for Kafka and
/// Kinesis. Other sources have no entries.
///
/// # Errors
/// What the first source says that does not answer.
pub async fn lag(
    plan: &Plan,
    checkpoint: &Checkpoint,
    clock: &Arc<dyn Clock>,
) -> Result<BTreeMap<SplitId, SplitLag>, Failure> {
    let mut lags = BTreeMap::new();
    for source in &plan.sources {
        let kafka = match &source.kind {
            SourceKind::Kafka(kafka) => kafka,
            SourceKind::Kinesis(kinesis) => {
                let told = tributary_source_kinesis::lag(&kinesis.options, checkpoint, clock).await?;
                lags.extend(told.into_iter().map(|(split, oldest)| (split, SplitLag { records: None, oldest })));
                continue;
            }
            SourceKind::File(_) | SourceKind::S3(_) | SourceKind::Cases(_) | SourceKind::TestCases(_) => continue,
        };
        let (options, checkpoint, clock) = (kafka.with_secrets()?, checkpoint.clone(), Arc::clone(clock));
        let told = blocking("a source", move || tributary_source_kafka::lag(&options, &checkpoint, &clock)).await??;
        let of_split =
            |lag: tributary_source_kafka::PartitionLag| SplitLag { records: Some(lag.records), oldest: lag.oldest };
        lags.extend(told.into_iter().map(|(split, lag)| (split, of_split(lag))));
    }
    Ok(lags)
}
