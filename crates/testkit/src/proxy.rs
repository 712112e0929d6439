//! Breaks calls between a client and a server that are both real: a proxy for HTTP/1.1 with faults on order.
//!
//! It reads a whole request, decides, and passes on, so that what the server did and what the client heard of it can
//! be told apart. Source: RFC 9112, HTTP/1.1.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallFault {
    /// The server never hears of it: 503 SlowDown.
    Busy,
    /// The server hears half of it, then the connection breaks.
    CutRequest,
    /// The server did it, and nobody is told.
    DropReply,
    /// The server did it, and half of the reply arrives.
    CutReply,
    /// The server did it, and the reply is late.
    Delay,
}

impl CallFault {
    const ALL: [Self; 5] = [Self::Busy, Self::CutRequest, Self::DropReply, Self::CutReply, Self::Delay];
}

/// How late a late reply is.
const LATE: Duration = Duration::from_millis(300);

const BUSY: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>SlowDown</Code>\
    <Message>Please reduce your request rate.</Message></Error>";

/// A proxy on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    seed: u64,
    per_mille: u64,
    calls: AtomicU64,
    is_over: AtomicBool,
    broken: Mutex<BTreeMap<(String, CallFault), u64>>,
}

impl FaultProxy {
    /// Begins to pass calls to `upstream`, breaking about `per_mille` of a thousand, chosen by `seed` and the number of
    /// the call.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(upstream: SocketAddr, seed: u64, per_mille: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            seed,
            per_mille,
            calls: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            broken: Mutex::default(),
        });
        let inner = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if inner.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let inner = Arc::clone(&inner);
                // A connection that breaks is what this is for.
                thread::spawn(move || drop(inner.serve(&client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often each operation of S3 was broken in each way so far.
    pub fn broken(&self) -> BTreeMap<(String, CallFault), u64> {
        self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls came so far.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for somebody to come.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    /// Passes on the calls of one connection until it ends or is broken.
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let server = TcpStream::connect(self.upstream)?;
        // Heads and bodies are written one after the other: waiting to join them would add 40 ms to each call.
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        let mut from_client = BufReader::new(client.try_clone()?);
        let mut from_server = BufReader::new(server.try_clone()?);
        loop {
            let request = Message::request(&mut from_client, client)?;
            let fault = self.decide(&request);
            let passed = self.pass(&request, fault, &server, &mut from_server, client);
            if !matches!(passed, Ok(true)) {
                drop(client.shutdown(Shutdown::Both));
                return passed.map(drop);
            }
        }
    }

    /// Whether the connection goes on.
    fn pass(
        &self,
        request: &Message,
        fault: Option<CallFault>,
        mut server: &TcpStream,
        from_server: &mut BufReader<TcpStream>,
        mut client: &TcpStream,
    ) -> io::Result<bool> {
        match fault {
            Some(CallFault::Busy) => {
                let head = format!("HTTP/1.1 503 Slow Down\r\nContent-Length: {}\r\n\r\n", BUSY.len());
                client.write_all(head.as_bytes())?;
                client.write_all(if request.is_head() { b"" } else { BUSY })?;
                return Ok(!request.is_head());
            }
            Some(CallFault::CutRequest) => {
                server.write_all(&request.head)?;
                server.write_all(request.body.split_at(request.body.len() / 2).0)?;
                drop(server.shutdown(Shutdown::Both));
                return Ok(false);
            }
            Some(CallFault::DropReply | CallFault::CutReply | CallFault::Delay) | None => {}
        }
        server.write_all(&request.head)?;
        server.write_all(&request.body)?;
        let reply = Message::reply(from_server, request.is_head())?;
        let whole = [reply.head, reply.body].concat();
        match fault {
            Some(CallFault::DropReply) => Ok(false),
            Some(CallFault::CutReply) => client.write_all(whole.split_at(whole.len() / 2).0).map(|()| false),
            Some(CallFault::Delay) => {
                thread::park_timeout(LATE);
                client.write_all(&whole).map(|()| true)
            }
            _ => client.write_all(&whole).map(|()| true),
        }
    }

    fn decide(&self, request: &Message) -> Option<CallFault> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut hasher = DefaultHasher::new();
        (self.seed, number).hash(&mut hasher);
        let drawn = hasher.finish();
        if drawn % 1_000 >= self.per_mille {
            return None;
        }
        let fault = CallFault::ALL.get(usize::try_from(drawn / 1_000 % 5).unwrap_or(0)).copied()?;
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        *broken.entry((request.operation(), fault)).or_default() += 1;
        Some(fault)
    }
}

/// A request or a reply, as it goes over the wire.
struct Message {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Message {
    fn request(from: &mut BufReader<TcpStream>, mut client: &TcpStream) -> io::Result<Self> {
        let mut head = read_head(from)?;
        if field(&head, "expect").is_some() {
            // Asked in the server's name, who is not asked again.
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            head = without(&head, "expect");
        }
        let body = read_body(from, &head)?;
        Ok(Self { head, body })
    }

    fn reply(from: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<Self> {
        let mut head = read_head(from)?;
        while head.starts_with(b"HTTP/1.1 1") {
            head = read_head(from)?;
        }
        let is_empty = is_head || head.starts_with(b"HTTP/1.1 204") || head.starts_with(b"HTTP/1.1 304");
        let body = if is_empty { Vec::new() } else { read_body(from, &head)? };
        Ok(Self { head, body })
    }

    fn is_head(&self) -> bool {
        self.head.starts_with(b"HEAD ")
    }

    /// S3's name of the operation.
    fn operation(&self) -> String {
        let line = String::from_utf8_lossy(&self.head);
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let has = |key: &str| query.split('&').any(|pair| pair.split('=').next() == Some(key));
        match method {
            "PUT" if has("partNumber") => "UploadPart",
            "PUT" => "PutObject",
            "POST" if has("uploadId") => "CompleteMultipartUpload",
            "POST" => "CreateMultipartUpload",
            "DELETE" if has("uploadId") => "AbortMultipartUpload",
            "DELETE" => "DeleteObject",
            "HEAD" => "HeadObject",
            _ if has("list-type") => "ListObjectsV2",
            _ if has("uploads") => "ListMultipartUploads",
            _ => "GetObject",
        }
        .to_owned()
    }
}

/// Everything up to the empty line.
fn read_head(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        if from.read_until(b'\n', &mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if head.ends_with(b"\r\n\r\n") {
            return Ok(head);
        }
    }
}

/// What the head promises: so many bytes, or chunks with their sizes.
fn read_body(from: &mut impl BufRead, head: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some(length) = field(head, "content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        from.take(length).read_to_end(&mut body)?;
        return Ok(body);
    }
    if field(head, "transfer-encoding").is_none_or(|coding| !coding.contains("chunked")) {
        return Ok(body);
    }
    loop {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line)?;
        let digits = String::from_utf8_lossy(&line);
        let size = digits.trim().split(';').next().unwrap_or_default().to_owned();
        let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
        body.extend_from_slice(&line);
        // The bytes of the chunk and the end of its line; trailers are not used here.
        from.take(size + 2).read_to_end(&mut body)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// The value of a field of the head.
fn field(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let found = head.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_lowercase())
}

fn without(head: &[u8], name: &str) -> Vec<u8> {
    let head = String::from_utf8_lossy(head);
    let is_other = |line: &&str| !line.split(':').next().is_some_and(|key| key.eq_ignore_ascii_case(name));
    let kept: Vec<&str> = head.split("\r\n").filter(is_other).collect();
    kept.join("\r\n").into_bytes()
}
