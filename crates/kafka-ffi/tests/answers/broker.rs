//! A broker that says what it is told: ApiVersions and Metadata, no more. librdkafka's own mock cluster has no controller,
//! without which DescribeTopics is not asked.
//!
//! Source: Kafka protocol guide, "ApiVersions", "Metadata".

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;

/// What it says of one topic.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) name: String,
    pub(crate) error: i16,
    pub(crate) id: u128,
}

/// What it does from now on.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// The version of Metadata that it speaks: from 10 on with ids.
    pub(crate) version: i16,
    pub(crate) topics: Vec<Said>,
    /// Of an answer that tells of topics only so many bytes are true; its length says the rest.
    pub(crate) cut: Option<usize>,
    /// So long it thinks about topics.
    pub(crate) delay: Duration,
}

#[derive(Clone)]
pub(crate) struct Broker {
    port: u16,
    manner: Arc<Mutex<Manner>>,
}

impl Broker {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let broker = Self { port, manner: Arc::new(Mutex::new(manner)) };
        let accepting = broker.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let broker = accepting.clone();
                // A client that goes away ends it.
                std::thread::spawn(move || broker.serve(stream).ok());
            }
        });
        broker
    }

    pub(crate) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length)?;
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request)?;
            let mut request = Request(&request);
            let (key, version, number) = (request.i16(), request.i16(), request.take(4).to_vec());
            let client = request.i16();
            request.take(usize::try_from(client).unwrap_or(0));
            let manner = self.manner.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut answer = number;
            match key {
                API_VERSIONS => versions(&mut answer, version, manner.version),
                METADATA => {
                    let asks = request.asks_for_topics();
                    answer.push(0);
                    self.metadata(&mut answer, &manner, if asks { &manner.topics } else { &[] });
                    if asks {
                        std::thread::park_timeout(manner.delay);
                        if let Some(cut) = manner.cut {
                            answer.truncate(4 + cut);
                        }
                    }
                }
                _ => return Ok(()),
            }
            stream.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes())?;
            stream.write_all(&answer)?;
        }
    }

    fn metadata(&self, answer: &mut Vec<u8>, manner: &Manner, topics: &[Said]) {
        answer.extend([0; 4]);
        // One broker, without a rack, which is the controller.
        answer.push(2);
        answer.extend(1_i32.to_be_bytes());
        text(answer, "127.0.0.1");
        answer.extend(i32::from(self.port).to_be_bytes());
        answer.extend([0, 0]);
        text(answer, "cluster");
        answer.extend(1_i32.to_be_bytes());
        varint(answer, topics.len() + 1);
        for topic in topics {
            answer.extend(topic.error.to_be_bytes());
            text(answer, &topic.name);
            if manner.version >= 10 {
                answer.extend(topic.id.to_be_bytes());
            }
            // Not internal, no partitions.
            answer.extend([0, 1]);
            answer.extend(i32::MIN.to_be_bytes());
            answer.push(0);
        }
        answer.extend(i32::MIN.to_be_bytes());
        answer.push(0);
    }
}

fn versions(answer: &mut Vec<u8>, asked: i16, metadata: i16) {
    let known = [(METADATA, metadata, metadata), (API_VERSIONS, 0, 3)];
    answer.extend([0; 2]);
    match asked {
        3.. => varint(answer, known.len() + 1),
        _ => answer.extend(i32::try_from(known.len()).unwrap().to_be_bytes()),
    }
    for (key, least, most) in known {
        for number in [key, least, most] {
            answer.extend(number.to_be_bytes());
        }
        answer.extend((asked >= 3).then_some(0));
    }
    if asked >= 1 {
        answer.extend([0; 4]);
    }
    answer.extend((asked >= 3).then_some(0));
}

fn varint(answer: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        answer.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    answer.push(number as u8);
}

fn text(answer: &mut Vec<u8>, said: &str) {
    varint(answer, said.len() + 1);
    answer.extend(said.as_bytes());
}

struct Request<'a>(&'a [u8]);

impl<'a> Request<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    /// Behind the header: an empty list or none is a question for brokers or for all topics.
    fn asks_for_topics(&mut self) -> bool {
        let [_, count] = self.take(2) else { return false };
        *count > 1
    }
}
