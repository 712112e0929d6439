//! The registered consumer of enhanced fan-out.
//!
//! Source: API Reference, `RegisterStreamConsumer`, `DescribeStreamConsumer`.

use aws_sdk_kinesis::types::ConsumerStatus;

use crate::answer::Answer;
use crate::client::{Stream, patiently};
use crate::error::Error;

const GRANT: &str = "kinesis:RegisterStreamConsumer and kinesis:DescribeStreamConsumer on the stream and its consumers";

/// The ARN of the consumer of this name, which is registered if it is not; `None` where that is not allowed, or the stream
/// has as many as it may: then records are asked for.
pub(crate) async fn register(stream: &Stream, stream_arn: &str, name: &str) -> Result<Option<String>, Error> {
    match patiently(|| active(stream, stream_arn, name)).await {
        Ok(arn) => Ok(Some(arn)),
        Err(answer @ (Answer::Denied(_) | Answer::Limit(_) | Answer::Invalid(_))) => {
            let said = answer.said();
            tracing::warn!(consumer = name, said, "no enhanced fan-out: records are asked for instead");
            Ok(None)
        }
        Err(answer) => Err(stream.refused("registering a consumer of", answer)),
    }
}

/// Its ARN once it is active.
async fn active(stream: &Stream, stream_arn: &str, name: &str) -> Result<String, Answer> {
    let call = stream.client.describe_stream_consumer().stream_arn(stream_arn).consumer_name(name);
    let described = match call.send().await {
        Ok(described) => described.consumer_description,
        Err(error) => match Answer::of(&error, GRANT) {
            Answer::NotFound(_) => {
                let call = stream.client.register_stream_consumer().stream_arn(stream_arn).consumer_name(name);
                call.send().await.map_err(|error| Answer::of(&error, GRANT))?;
                return Err(Answer::InUse("the consumer is being registered".to_owned()));
            }
            answer => return Err(answer),
        },
    };
    match described {
        Some(consumer) if consumer.consumer_status == ConsumerStatus::Active => Ok(consumer.consumer_arn),
        _ => Err(Answer::InUse("the consumer is not active yet".to_owned())),
    }
}
