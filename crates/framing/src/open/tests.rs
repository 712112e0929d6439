use std::io::Write;
use std::path::PathBuf;

use super::*;

/// What one call of the visitor was handed.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Payload(String, Envelope),
    Empty(SkipReason),
    Corrupt(String),
}

fn opened(payload: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    open(payload, RecordLimit::new(1 << 20), &mut |opened| {
        seen.push(match opened {
            Opened::Payload { bytes, envelope } => Seen::Payload(String::from_utf8_lossy(bytes).into(), envelope),
            Opened::Empty(reason) => Seen::Empty(reason),
            Opened::Corrupt { message, .. } => Seen::Corrupt(message),
        });
    });
    seen
}

fn texts(payload: &[u8]) -> Vec<String> {
    let text = |seen| match seen {
        Seen::Payload(text, _) => text,
        other => panic!("{other:?} in {}", String::from_utf8_lossy(payload)),
    };
    opened(payload).into_iter().map(text).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Every way an event may be wrapped, each around all of `events`.
fn wrapped(events: &[&str]) -> Vec<(&'static str, Vec<u8>)> {
    let each = |form: &dyn Fn(&str) -> String| events.iter().map(|event| form(event)).collect::<Vec<_>>().join(",");
    let kinesis =
        each(&|event| format!(r#"{{"kinesis":{{"data":"{}","partitionKey":"k"}}}}"#, base64(event.as_bytes())));
    let gzipped = each(&|event| format!(r#"{{"kinesis":{{"data":"{}"}}}}"#, base64(&gzip(event.as_bytes()))));
    let dump = each(&|event| format!(r#"{{"Data":"{}","SequenceNumber":"1"}}"#, base64(event.as_bytes())));
    let sqs = each(&|event| format!(r#"{{"messageId":"m","body":{}}}"#, json_text(event)));
    let sns = each(&|event| {
        let notice =
            format!(r#"{{"Type":"Notification","TopicArn":"t","MessageId":"n","Message":{}}}"#, json_text(event));
        format!(r#"{{"messageId":"m","body":{}}}"#, json_text(&notice))
    });
    let lambda_sns = each(&|event| format!(r#"{{"Sns":{{"MessageId":"n","Message":{}}}}}"#, json_text(event)));
    let firehose = each(&|event| format!(r#"{{"recordId":"r","data":"{}"}}"#, base64(event.as_bytes())));
    let logs = each(&|event| format!(r#"{{"id":"i","timestamp":7,"message":{}}}"#, json_text(event)));
    let logs =
        format!(r#"{{"messageType":"DATA_MESSAGE","owner":"o","logGroup":"g","logStream":"s","logEvents":[{logs}]}}"#);
    let rows: String = events
        .iter()
        .map(|event| format!(r#"{{"timestamp":7,"eventid":"e","message":{}}}"#, json_text(event)))
        .collect();
    vec![
        ("concatenated", events.concat().into_bytes()),
        ("lines", events.join("\n").into_bytes()),
        ("array", format!("[{}]", events.join(",\n ")).into_bytes()),
        ("gzip", gzip(events.join("\n").as_bytes())),
        ("zstd", zstd::stream::encode_all(events.concat().as_bytes(), 1).unwrap()),
        ("base64", base64(events.concat().as_bytes()).into_bytes()),
        ("base64 without padding", base64(events.concat().as_bytes()).trim_end_matches('=').into()),
        ("quoted", json_text(&events.concat()).into_bytes()),
        ("kinesis", format!(r#"{{"Records":[{kinesis}]}}"#).into_bytes()),
        ("kinesis, gzip inside", format!(r#"{{"Records": [{gzipped}]}}"#).into_bytes()),
        ("get-records dump", format!(r#"{{"Records":[{dump}],"MillisBehindLatest":0}}"#).into_bytes()),
        ("sqs", format!(r#"{{"Records":[{sqs}]}}"#).into_bytes()),
        ("sns in sqs", format!(r#"{{"Records":[{sns}]}}"#).into_bytes()),
        ("sns of lambda", format!(r#"{{"Records":[{lambda_sns}]}}"#).into_bytes()),
        ("firehose transform", format!(r#"{{"invocationId":"x","records":[{firehose}]}}"#).into_bytes()),
        ("awslogs", format!(r#"{{"awslogs":{{"data":"{}"}}}}"#, base64(&gzip(logs.as_bytes()))).into_bytes()),
        ("firehose rows", rows.into_bytes()),
        ("log envelopes, concatenated and gzipped", gzip(logs.as_bytes())),
        ("log envelope", logs.into_bytes()),
    ]
}

#[test]
fn every_wrapper_gives_back_what_was_wrapped() {
    let events = [r#"{"EventType":"LOGIN","x":"}{"}"#, r#"{"EventType":"LOGOUT","a":[{}]}"#, "{\n \"b\":2\n}"];
    for (name, payload) in wrapped(&events) {
        assert_eq!(texts(&payload), events, "{name}");
        assert_eq!(texts(&gzip(&payload)), events, "{name}, gzipped");
        // Base64 of words is indistinguishable from words.
        if !name.starts_with("base64") && name != "quoted" {
            assert_eq!(texts(base64(&payload).as_bytes()), events, "{name}, base64");
        }
    }
}

/// INV-1: a wrapper of 35 events reads 35. Runs on the real events when the samples are there.
#[test]
fn every_wrapper_of_the_sample_gives_35() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/agent-events-2025-first-35.jsonl");
    let Ok(lines) = std::fs::read_to_string(&path) else {
        eprintln!("left out: the samples are not there");
        return;
    };
    let events: Vec<&str> = lines.lines().collect();
    assert_eq!(events.len(), 35);
    for (name, payload) in wrapped(&events) {
        assert_eq!(texts(&payload), events, "{name}");
    }
}

#[test]
fn samples_of_wrappers_open() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    let Ok(kinesis) = std::fs::read(folder.join("kinesis-lambda-event-wrapper.json")) else {
        eprintln!("left out: the samples are not there");
        return;
    };
    assert!(texts(&kinesis).iter().all(|text| text.contains("\"EventType\"")));
    for name in ["cloudwatch-subscription-data-message.json", "cloudwatch-subscription-data-message.json.gz"] {
        let logs = texts(&std::fs::read(folder.join(name)).unwrap());
        assert!(!logs.is_empty() && logs.iter().all(|text| text.contains("ContactFlowModuleType")), "{logs:?}");
    }
    let control = std::fs::read(folder.join("cloudwatch-subscription-control-message.json")).unwrap();
    assert_eq!(opened(&control), [Seen::Empty(SkipReason::ControlMessage)]);
}

#[test]
fn envelopes_tell_where_a_payload_came_from() {
    let envelope = |payload: &[u8]| match opened(payload).remove(0) {
        Seen::Payload(_, envelope) => envelope,
        other => panic!("{other:?}"),
    };
    let all = wrapped(&["{}"]);
    let of = |name: &str| envelope(&all.iter().find(|(form, _)| *form == name).unwrap().1);
    assert_eq!(of("array"), Envelope::None);
    assert_eq!(of("kinesis"), Envelope::Kinesis { partition_key: Some("k".into()), sequence_number: None });
    assert_eq!(of("get-records dump"), Envelope::Kinesis { partition_key: None, sequence_number: Some("1".into()) });
    assert_eq!(of("sqs"), Envelope::Sqs { message_id: Some("m".into()) });
    assert_eq!(of("sns in sqs"), Envelope::Sns { message_id: Some("n".into()) });
    assert_eq!(of("firehose transform"), Envelope::Firehose { record_id: Some("r".into()) });
    assert_eq!(of("firehose rows"), Envelope::FirehoseRow { event_id: "e".into(), timestamp: "7".into() });
    let (owner, log_group, log_stream) = ("o".into(), "g".into(), "s".into());
    let logs = Envelope::CloudWatch { owner, log_group, log_stream, id: "i".into(), timestamp_ms: Some(7) };
    assert_eq!(of("awslogs"), logs);
    let line = br#"2023-01-10T16:34:39.787Z {"a":1}"#;
    assert_eq!(envelope(line), Envelope::Export { timestamp: "2023-01-10T16:34:39.787Z".into() });
    assert_eq!(texts(line), [r#"{"a":1}"#]);
}

#[test]
fn what_is_no_wrapper_is_handed_back_unchanged() {
    for payload in [
        "",
        "  ",
        " {\"a\":1} ",
        "{\"a\":",
        "{\"Records\":[{\"kinesis\":",
        "{\"Records\":[{\"s3\":{}}]}",
        "{\"Records\":\"none\"}",
        "{\"eventId\":\"an event of ours\"}",
        "\"a text",
        "hello world",
        "deadbeef",
        "2023-01-10T16:34:39.787Z no JSON",
        "12345678",
    ] {
        assert_eq!(texts(payload.as_bytes()), [payload]);
    }
}

#[test]
fn nothing_inside_counts_as_one() {
    for payload in ["[]", " [ ] ", "{\"Records\":[]}", "{\"records\":[]}"] {
        assert_eq!(opened(payload.as_bytes()), [Seen::Empty(SkipReason::EmptyWrapper)], "{payload}");
    }
    let logs = br#"{"messageType":"DATA_MESSAGE","logEvents":[]}"#;
    assert_eq!(opened(logs), [Seen::Empty(SkipReason::EmptyWrapper)]);
}

#[test]
fn a_broken_element_leaves_its_siblings_alone() {
    let good = base64(b"{}");
    let payload = format!(
        r#"{{"Records":[{{"kinesis":{{"data":"{good}"}}}},{{"kinesis":{{"data":"***"}}}},{{}},{{"body":"{{}}"}}]}}"#
    );
    let seen = opened(payload.as_bytes());
    assert_eq!(seen.len(), 4);
    assert!(
        matches!(&seen[..], [Seen::Payload(..), Seen::Corrupt(_), Seen::Corrupt(_), Seen::Payload(..)]),
        "{seen:?}"
    );
    let cut = gzip(&[b'{'; 500]);
    assert!(matches!(&opened(&cut[..cut.len() - 9])[..], [Seen::Corrupt(_)]));
}

#[test]
fn bombs_are_one_rejection() {
    let large = opened(&gzip(&vec![b' '; (1 << 20) + 1]));
    assert!(matches!(&large[..], [Seen::Corrupt(message)] if message.contains("too long")), "{large:?}");

    let mut nested = b"{}".to_vec();
    for _ in 0..5 {
        nested = gzip(&nested);
    }
    assert_eq!(texts(&nested), ["{}"]);
    let deeper = opened(&gzip(&nested));
    assert!(matches!(&deeper[..], [Seen::Corrupt(message)] if message.contains("deep")), "{deeper:?}");
}
