//! Where reading of a real Kafka begins and ends, how its client is set, and how it is signed in to with tokens.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tributary_core::Clock as _;
use tributary_runtime::SystemClock;
use tributary_testkit::{Reply, ScriptedServer};

use crate::engines::kafka::{Kafka, Options};
use crate::inputs::events;
use crate::kafka::wait_for_rows;
use crate::lab::{Lab, text};
use crate::stream::Stream;
use crate::topics::{TOPIC, Topics, lab};

fn rewrite(lab: &Lab, from: &str, to: &str) {
    let pipeline = fs::read_to_string(lab.path("pipeline.toml")).unwrap();
    assert!(pipeline.contains(from), "{pipeline}");
    fs::write(lab.path("pipeline.toml"), pipeline.replace(from, to)).unwrap();
}

/// Exit code, and all that was said.
fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_topic_begins_at_the_offsets_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 20 --events 200 --days 1 --seed 61");
    topics.produce(TOPIC, lines.lines());
    let start = |offsets: &str| format!("start = {{ {TOPIC:?} = {{ {offsets} }} }}");
    let lab = lab(&kafka.bootstrap(), "batch", &start("0 = 7, 9 = 1"), "");
    let (code, _, said) = lab.try_run();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("source-kafka/start") && said.contains("partition 9"), "{said}");

    rewrite(&lab, "9 = 1", "1 = 1");
    assert_eq!(lab.run()["tally"]["read"], lines.lines().count() - 7 - 1);
    // They are those of a topic that was never read.
    rewrite(&lab, "0 = 7", "0 = 0");
    topics.produce(TOPIC, lines.lines().take(5));
    assert_eq!(lab.run()["tally"]["read"], 5);
}

#[test]
fn a_batch_ends_at_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    // Old records are not too old to be kept.
    Topics::on(&kafka).create(TOPIC, 2, &[("retention.ms", "-1")]);
    let lines = events("--agents 5 --events 60 --days 1 --seed 62");
    // 2025-11-27T00:00:00Z: twenty records before, twenty from then on, twenty of the next day.
    let midnight = 1_764_201_600_000;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap());
    let producer: BaseProducer = config.create().unwrap();
    for (number, line) in lines.lines().enumerate() {
        let day = (number / 20) as i64 - 1;
        let moment = midnight + day * 86_400_000 + (number % 20) as i64 / 2;
        let record = BaseRecord::<str, str>::to(TOPIC).partition((number % 2) as i32).timestamp(moment).payload(line);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();

    let lab = lab(&kafka.bootstrap(), "batch", "start = \"2025-11-26\"\nuntil = \"2025-11-27\"", "");
    assert_eq!(lab.run()["tally"]["read"], 20);
    assert_eq!(lab.run()["tally"]["read"], 0, "a day is over once");
    // Half of the second day: two records share a millisecond, one in each partition.
    rewrite(&lab, "until = \"2025-11-27\"", "until = \"2025-11-27T00:00:00.005Z\"");
    assert_eq!(lab.run()["tally"]["read"], 10);
    // A moment that was passed already moves nothing back.
    rewrite(&lab, "until = \"2025-11-27T00:00:00.005Z\"", "until = \"2025-11-26T12:00:00Z\"");
    assert_eq!(lab.run()["tally"]["read"], 0);
    // Nothing is that new: it ends with what is there.
    rewrite(&lab, "until = \"2025-11-26T12:00:00Z\"", "until = \"2090-01-01\"");
    assert_eq!(lab.run()["tally"]["read"], 30);
}

#[test]
fn settings_of_the_client_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start(folder.path()) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 1, &[]);
    topics.produce(TOPIC, events("--agents 5 --events 20 --days 1 --seed 63").lines());
    let good = "client = { \"client.id\" = \"lake\", socket.keepalive.enable = true, fetch.wait.max.ms = 50 }";
    let lab = lab(&kafka.bootstrap(), "batch", good, "");
    assert_eq!(lab.run()["tally"]["made_rows"], 20);
    // What only the client as a whole refuses.
    rewrite(&lab, "fetch.wait.max.ms = 50", "fetch.wait.max.ms = 50, socket.timeout.ms = 100000, fetch.max.bytes = 1");
    let (code, refused) = said(&mut lab.command(&["validate", "pipeline.toml"]));
    assert_eq!(code, Some(2));
    assert!(refused.contains("fetch.max.bytes follows from memory.budget"), "{refused}");
    rewrite(&lab, ", fetch.max.bytes = 1", ", receive.message.max.bytes = 1000");
    assert_eq!(said(&mut lab.command(&["validate", "pipeline.toml"])).0, Some(0));
    let (code, _, refused) = lab.try_run();
    assert_eq!(code, Some(2), "{refused}");
    assert!(refused.contains("source-kafka/settings") && refused.contains("receive.message.max.bytes"), "{refused}");
}

/// A JSON Web Token without a signature, which the broker takes for its word.
fn token(subject: &str, life: i64) -> String {
    let now = SystemClock.now().millis() / 1_000;
    let claims = format!("{{\"sub\":{subject:?},\"iat\":{},\"exp\":{}}}", now - 1, now + life);
    format!("{}.{}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}"), URL_SAFE_NO_PAD.encode(claims))
}

/// Puts it there at once: who reads it sees the old one or the new one.
fn put(file: &Path, token: &str) {
    fs::write(file.with_extension("new"), token).unwrap();
    fs::rename(file.with_extension("new"), file).unwrap();
}

/// A lab that signs in with tokens.
fn token_lab(kafka: &Kafka, mode: &str, source: &str) -> Lab {
    let lab = lab(&kafka.bootstrap(), mode, &format!("sasl = \"oauthbearer\"\n{source}"), "[commit]\nevery = \"1s\"");
    rewrite(&lab, &kafka.bootstrap(), &kafka.sasl());
    lab
}

#[test]
fn a_token_lets_in() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start_with(folder.path(), &Options { security: true, settings: &[] }) else { return };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 1, &[]);
    topics.produce(TOPIC, events("--agents 5 --events 20 --days 1 --seed 64").lines());

    let lab = token_lab(&kafka, "batch", "token_file = \"token\"");
    let (code, refused) = said(&mut lab.command(&["run", "pipeline.toml"]));
    assert_eq!(code, Some(2), "{refused}");
    assert!(refused.contains("source-kafka/token") && refused.contains("cannot be read"), "{refused}");
    put(&lab.path("token"), &token("lake", 3_600));
    let (code, found) = said(&mut lab.command(&["check", "pipeline.toml"]));
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(lab.run()["tally"]["made_rows"], 20);
    // The broker takes no token without a subject, and says so.
    let nobody = token("", 3_600);
    put(&lab.path("token"), &nobody);
    let (code, refused) = said(&mut lab.command(&["check", "pipeline.toml"]));
    assert_ne!(code, Some(0));
    assert!(refused.contains("cannot be reached") && refused.contains("authentication"), "{refused}");
    assert!(!refused.contains(&nobody), "a token is never said: {refused}");

    let answer =
        format!("{{\"access_token\":{:?},\"token_type\":\"Bearer\",\"expires_in\":600}}", token("client", 600));
    let provider =
        ScriptedServer::start(&[Reply(200, &[], answer.leak()), Reply(401, &[], "{\"error\":\"invalid_client\"}")]);
    let provider = provider.unwrap();
    let url = format!("token_url = \"{}/token\"\ntoken_client = \"lake\"\n", provider.endpoint());
    let lab = token_lab(&kafka, "batch", &format!("{url}token_secret_env = \"TEST_SECRET\"\ntoken_scope = \"kafka\""));
    let run = || said(lab.command(&["run", "pipeline.toml", "--output", "json"]).env("TEST_SECRET", "hush-hush"));
    let (code, found) = run();
    assert_eq!(code, Some(0), "{found}");
    assert!(found.contains("\"made_rows\":20"), "{found}");
    let requests = provider.requests();
    assert_eq!(requests[0].body, "grant_type=client_credentials&scope=kafka");
    let (code, refused) = run();
    assert_eq!(code, Some(2), "{refused}");
    assert!(refused.contains("401 (invalid_client)") && !refused.contains("hush-hush"), "{refused}");
}

/// A broker that cuts off whoever does not sign in again before his token is over; tokens that live for six seconds, and
/// something that renews them.
#[test]
fn a_stream_outlives_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["connections.max.reauth.ms=3600000"];
    let Some(kafka) = Kafka::start_with(folder.path(), &Options { security: true, settings: &settings }) else {
        return;
    };
    let topics = Topics::on(&kafka);
    topics.create(TOPIC, 2, &[]);
    let lines = events("--agents 5 --events 90 --days 1 --seed 65");
    let lab = token_lab(&kafka, "streaming", "token_file = \"token\"");
    let file = lab.path("token");
    put(&file, &token("lake", 6));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let renewing = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            put(&file, &token("lake", 6));
        }
    });
    let stream = Stream::start(&lab);
    for (number, part) in lines.lines().collect::<Vec<_>>().chunks(10).enumerate() {
        topics.produce(TOPIC, part.iter().copied());
        wait_for_rows(&lab, (number + 1) * 10);
        std::thread::park_timeout(Duration::from_secs(2));
    }
    assert_eq!(stream.stop()["outcome"], "drained");
    drop(stop);
    renewing.join().unwrap();
}

/// No broker here speaks it: the role is assumed as its owner asks, and who has no credentials is told so.
#[test]
fn a_cluster_of_amazon_is_signed_in_to_with_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let Some(kafka) = Kafka::start_with(folder.path(), &Options { security: true, settings: &[] }) else { return };
    let authorities = kafka.certificates().join("ca.crt").display().to_string();
    let role = "role = \"arn:aws:iam::123456789012:role/reader\"\nexternal_id = \"ours\"";
    let source =
        format!("tls = true\nauthorities = {authorities:?}\nsasl = \"aws-msk-iam\"\nregion = \"eu-central-1\"\n{role}");
    let lab = lab(&kafka.bootstrap(), "batch", &source, "");
    rewrite(&lab, &kafka.bootstrap(), &kafka.sasl_tls());
    let sts = ScriptedServer::start(&[Reply(200, &[], ASSUMED)]).unwrap();
    let mut command = lab.command(&["check", "pipeline.toml"]);
    let (code, refused) = said(command.env("AWS_ENDPOINT_URL_STS", sts.endpoint()));
    assert_ne!(code, Some(0));
    // It was tried with the token, and the listener has no such mechanism.
    assert!(refused.contains("cannot be reached") && refused.contains("OAUTHBEARER"), "{refused}");
    let request = sts.requests().remove(0).body;
    for field in ["Action=AssumeRole&", "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader", "ExternalId=ours"]
    {
        assert!(request.contains(field), "{request}");
    }

    let mut command = lab.command(&["run", "pipeline.toml"]);
    for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
        command.env_remove(variable);
    }
    command.env("HOME", lab.path("")).env("AWS_EC2_METADATA_DISABLED", "true");
    let (code, refused) = said(&mut command);
    assert_eq!(code, Some(2), "{refused}");
    assert!(refused.contains("source-kafka/token") && refused.contains("set AWS_ACCESS_KEY_ID"), "{refused}");
}

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>\
    <Arn>arn:aws:sts::123456789012:assumed-role/reader/tributary</Arn><AssumedRoleId>AROA:tributary</AssumedRoleId>\
    </AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>";
