//! What is read of Kinesis, checked.

use std::time::Duration;

use tributary_core::PipelineId;
use tributary_source_kinesis::{Delivery, Options, StartAt};

use crate::file::{Begin, DeliveryWord, KinesisSection, Moment, SourceName, Time};
use crate::source_plan::record_limit;

/// A source for Kinesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KinesisPlan {
    /// What the source is told. What a run adds (its mode, its memory) is filled in when it is built.
    pub options: Options,
    /// The DynamoDB table of the leases; without one they are in the lake's store.
    pub lease_table: Option<String>,
}

impl KinesisPlan {
    pub(crate) fn new(name: &SourceName, section: KinesisSection, pipeline: &PipelineId) -> Self {
        let time = |time: Option<Time>, default: Duration| time.map_or(default, Time::duration);
        let defaults = Options::new(name.as_str(), section.stream);
        let consumer = section.consumer.unwrap_or_else(|| format!("tributary-{pipeline}"));
        let options = Options {
            connection: section.reach.connection(),
            start: match section.start {
                None | Some(Begin::Oldest) => StartAt::Oldest,
                Some(Begin::Latest) => StartAt::Latest,
                Some(Begin::Since(moment)) => StartAt::Since(moment),
            },
            delivery: match section.delivery {
                None | Some(DeliveryWord::Polling) => Delivery::Polling,
                Some(DeliveryWord::FanOut) => Delivery::FanOut { consumer },
            },
            until: section.until.map(Moment::timestamp),
            idle: time(section.idle, defaults.idle),
            discover: time(section.discover, defaults.discover),
            lease_duration: time(section.lease_duration, defaults.lease_duration),
            record_limit: record_limit(section.record_limit),
            ..defaults
        };
        Self { options, lease_table: section.lease_table }
    }
}
