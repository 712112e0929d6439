//! Members that come and go, and brokers that refuse, forget, move and go away, on librdkafka's mock cluster: every record is
//! accounted for once, in a log that takes a batch only where it follows on what it has.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a broken expectation panics; a test spawns for itself"
)]

use std::collections::BTreeMap;
use std::env;
use std::io::Write as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tributary_core::{Checkpoint, Fault, Position, RawBatch, Record, Source as _};
use tributary_source_kafka::{Group, Options, Protocol, Signing};

const TOPIC: &str = "events";
const PARTITIONS: i32 = 6;

/// Where everything is committed.
#[derive(Debug, Default)]
struct Log {
    checkpoint: Checkpoint,
    /// How often each record came, by its partition and offset.
    records: BTreeMap<(String, u64), u32>,
    fences: u32,
}

impl Log {
    /// Takes what follows on what it has; `false` where somebody else was first.
    fn commit(&mut self, batch: &RawBatch) -> bool {
        let Ok(advanced) = self.checkpoint.advance(&batch.delta) else {
            self.fences += 1;
            return false;
        };
        assert!(advanced.gaps.is_empty(), "nothing is left out: {:?}", advanced.gaps);
        self.checkpoint = advanced.checkpoint;
        for record in &batch.records {
            let Position::Offset(offset) = record.position else { continue };
            *self.records.entry((record.split.to_string(), offset)).or_default() += 1;
        }
        true
    }
}

/// A process that reads until it is told to stop, line after line.
struct Member {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Member {
    fn start(options: Options, log: &Arc<Mutex<Log>>) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(read(options, Arc::clone(log), stopped)) }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

async fn read(options: Options, log: Arc<Mutex<Log>>, mut stopped: watch::Receiver<bool>) {
    let group = tokio::task::spawn_blocking(move || Group::join(options, &Signing::default())).await.unwrap().unwrap();
    let group = Arc::new(group);
    while !*stopped.borrow() {
        let checkpoint = log.lock().unwrap().checkpoint.clone();
        let mut source = group.attach(&checkpoint).unwrap();
        loop {
            let next = tokio::select! {
                _ = stopped.changed() => break,
                next = source.next() => next,
            };
            match next {
                Ok(Some(batch)) => {
                    if !log.lock().unwrap().commit(&batch) {
                        break;
                    }
                    let durable = log.lock().unwrap().checkpoint.clone();
                    source.release(&durable).await.unwrap();
                }
                Ok(None) => {
                    assert!(source.goes_on(), "a stream has no end");
                    break;
                }
                Err(failure) => {
                    assert_eq!(failure.fault(), Fault::Transient, "{failure}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    break;
                }
            }
        }
    }
    // Leaving waits for the thread that polls.
    tokio::task::spawn_blocking(move || drop(group)).await.unwrap();
}

/// Nothing here is over.
struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
    produced: u32,
}

impl Cluster {
    fn new() -> Self {
        let mock = MockCluster::new(3).unwrap();
        mock.create_topic(TOPIC, PARTITIONS, 3).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", mock.bootstrap_servers()).set("linger.ms", "2");
        Self { producer: config.create().unwrap(), mock, produced: 0 }
    }

    fn options(&self, protocol: Protocol) -> Options {
        Options {
            protocol,
            group_id: "group".to_owned(),
            session_timeout: Duration::from_secs(6),
            rebalance_deadline: Duration::from_secs(3),
            // The mock cluster knows of none, and never says so.
            topic_ids: false,
            ..Options::new("calls", self.mock.bootstrap_servers(), vec![TOPIC.to_owned()])
        }
    }

    fn produce(&mut self, records: u32) {
        for _ in 0..records {
            let payload = format!("{{\"number\": {}}}", self.produced);
            let partition = i32::try_from(self.produced).unwrap() % PARTITIONS;
            let record = BaseRecord::<str, str>::to(TOPIC).payload(&payload).partition(partition);
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
            self.produced += 1;
        }
        self.producer.flush(Duration::from_secs(20)).unwrap();
    }

    /// Waits until the log has all of it.
    async fn wait(&self, log: &Mutex<Log>) {
        let began = Instant::now();
        while log.lock().unwrap().records.len() < self.produced as usize {
            if began.elapsed() > Duration::from_secs(60) {
                let log = log.lock().unwrap();
                let reached: Vec<_> = log.checkpoint.positions().collect();
                assert_eq!(log.records.len(), self.produced as usize, "{reached:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let log = log.lock().unwrap();
        assert_eq!(log.records.len(), self.produced as usize);
        assert!(log.records.values().all(|times| *times == 1), "each came once");
        let offset = |(_, position): (_, &Position)| match position {
            Position::Offset(offset) => *offset,
            _ => 0,
        };
        let reached: u64 = log.checkpoint.positions().map(offset).sum();
        assert_eq!(reached, u64::from(self.produced), "{:?}", log.checkpoint);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_keeps_its_key_and_its_headers() {
    let cluster = Cluster::new();
    let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some("00-4b") });
    let full = BaseRecord::to(TOPIC).key("agent").payload("{\"a\": 1}").headers(headers).partition(0);
    cluster.producer.send(full).map_err(|(error, _)| error).unwrap();
    let bare = BaseRecord::<str, str>::to(TOPIC).partition(0);
    cluster.producer.send(bare).map_err(|(error, _)| error).unwrap();
    cluster.producer.flush(Duration::from_secs(20)).unwrap();
    let options = cluster.options(Protocol::Classic);
    let group = tokio::task::spawn_blocking(move || Group::join(options, &Signing::default())).await.unwrap().unwrap();
    let mut source = group.attach(&Checkpoint::default()).unwrap();
    let mut records = Vec::new();
    while records.len() < 2 {
        match source.next().await.unwrap() {
            Some(batch) => records.extend(batch.records),
            None => source = group.attach(&Checkpoint::default()).unwrap(),
        }
    }
    let told = |record: &Record| (record.key.clone(), record.headers.to_json(), record.body.bytes().clone());
    let trace = "[{\"name\":\"trace\",\"value\":\"00-4b\"}]".to_owned();
    assert_eq!(told(&records[0]), (Some("agent".into()), trace, "{\"a\": 1}".into()));
    assert_eq!(told(&records[1]), (None, "[]".to_owned(), Bytes::new()));
    drop(source);
    tokio::task::spawn_blocking(move || drop(group)).await.unwrap();
}

/// While a line is busy the client is paused, and throws away what it has fetched, be it up to the end: that is fetched again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_busy_loses_nothing() {
    let mut cluster = Cluster::new();
    cluster.produce(6_000);
    let log = Mutex::new(Log::default());
    let options = Options { batch: true, batch_bytes: 4 << 10, ..cluster.options(Protocol::Classic) };
    let group = tokio::task::spawn_blocking(move || Group::join(options, &Signing::default())).await.unwrap().unwrap();
    let (mut source, mut waits) = (group.attach(&Checkpoint::default()).unwrap(), 12);
    loop {
        match source.next().await.unwrap() {
            Some(batch) => assert!(log.lock().unwrap().commit(&batch)),
            None if source.goes_on() => {
                let checkpoint = log.lock().unwrap().checkpoint.clone();
                source = group.attach(&checkpoint).unwrap();
            }
            None => break,
        }
        if waits > 0 {
            waits -= 1;
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }
    cluster.wait(&log).await;
    drop(source);
    tokio::task::spawn_blocking(move || drop(group)).await.unwrap();
}

/// Set where a test has the process for itself.
const ALONE: &str = "TRIBUTARY_TEST_ALONE";

/// How the mock cluster of librdkafka ends its process where a member asks twice (`rdkafka_mock_cgrp.c`). It names members by their
/// addresses, for one thing, so that a new one can be taken for one that is gone.
const ASKED_TWICE: &str = "rd_kafka_mock_cgrp_classic_member_sync_set: Assertion `!member->resp' failed";

/// Runs a test in a process of its own, and again where the mock cluster ended that: twice at most, and it is told. Any other end is a
/// failure, and so is none.
fn alone<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
    if env::var_os(ALONE).is_some() {
        // Dropped members would wait for a cluster that is gone.
        std::panic::set_hook(Box::new(|panic| {
            eprintln!("{panic}");
            std::process::abort();
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        return runtime.block_on(test());
    }
    let mut gave_up = 0;
    loop {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env(ALONE, "1").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (out, said) = (all_of(child.stdout.take().unwrap()), all_of(child.stderr.take().unwrap()));
        let status = end_of(&mut child, Duration::from_secs(400));
        let (out, said) = (out.join().unwrap(), said.join().unwrap());
        if status.success() {
            assert!(out.contains("1 passed"), "{out}");
            return;
        }
        assert!(said.contains(ASKED_TWICE) && gave_up < 2, "{status}: {out}{said}");
        gave_up += 1;
        // Not by a macro, whose output is only seen of tests that fail.
        std::io::stderr().write_all(format!("{name} begins anew: {said}").as_bytes()).unwrap();
    }
}

fn all_of(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).unwrap();
        String::from_utf8_lossy(&all).into_owned()
    })
}

/// How a process ended; it is killed when it has not after so long.
fn end_of(child: &mut Child, patience: Duration) -> ExitStatus {
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    eprintln!("killed after {patience:?}");
    child.kill().unwrap();
    child.wait().unwrap()
}

async fn members_come_and_go(protocol: Protocol) {
    let mut cluster = Cluster::new();
    let log = Arc::new(Mutex::new(Log::default()));
    let mut members = vec![Member::start(cluster.options(protocol), &log)];
    cluster.produce(600);
    cluster.wait(&log).await;
    for _ in 0..2 {
        members.push(Member::start(cluster.options(protocol), &log));
        for _ in 0..10 {
            cluster.produce(60);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        cluster.wait(&log).await;
        members.push(Member::start(cluster.options(protocol), &log));
        cluster.produce(300);
        members.remove(0).stop().await;
        cluster.wait(&log).await;
    }
    for member in members {
        member.stop().await;
    }
}

#[test]
fn members_that_share_by_themselves_come_and_go() {
    alone("members_that_share_by_themselves_come_and_go", || members_come_and_go(Protocol::Classic));
}

#[test]
fn members_that_brokers_share_come_and_go() {
    alone("members_that_brokers_share_come_and_go", || members_come_and_go(Protocol::Consumer));
}

#[test]
fn what_brokers_refuse_passes() {
    alone("what_brokers_refuse_passes", brokers_refuse);
}

async fn brokers_refuse() {
    let mut cluster = Cluster::new();
    let log = Arc::new(Mutex::new(Log::default()));
    let moved = [
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    let busy = [
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    ];
    // Where a new member looks, joins, and is placed.
    cluster.mock.request_errors(Api::FindCoordinator, &busy);
    cluster.mock.request_errors(Api::JoinGroup, &busy);
    cluster.mock.request_errors(Api::ListOffsets, &moved[..2]);
    cluster.mock.request_errors(Api::Fetch, &moved);
    let members: Vec<Member> = (0..2).map(|_| Member::start(cluster.options(Protocol::Classic), &log)).collect();
    cluster.produce(300);
    cluster.wait(&log).await;

    // While it reads.
    cluster.mock.request_errors(Api::Fetch, &moved);
    cluster.mock.request_errors(Api::Heartbeat, &[Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
    cluster.mock.request_errors(Api::OffsetCommit, &busy);
    cluster.produce(300);
    cluster.wait(&log).await;

    // Leaders move, and brokers are away, the coordinator among them at some time.
    for broker in 1..=3 {
        cluster.mock.broker_down(broker).unwrap();
        for partition in 0..PARTITIONS {
            cluster.mock.partition_leader(TOPIC, partition, Some(broker % 3 + 1)).unwrap();
        }
        cluster.produce(120);
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster.mock.broker_up(broker).unwrap();
        cluster.produce(60);
    }
    cluster.wait(&log).await;
    for member in members {
        member.stop().await;
    }
}
