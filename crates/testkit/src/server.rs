//! A server that answers as it was told, one answer a request, and keeps what it was asked: what goes over the wire, field
//! by field, and what is made of answers that no server at hand gives.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its first line.
    pub line: String,
    /// Its fields, their names in lower case.
    pub fields: BTreeMap<String, String>,
    /// Its body, as text.
    pub body: String,
}

impl Request {
    /// The field of this name, in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn read(client: &TcpStream) -> io::Result<Self> {
        let mut from = BufReader::new(client.try_clone()?);
        let mut line = String::new();
        from.read_line(&mut line)?;
        let mut fields = BTreeMap::new();
        loop {
            let mut field = String::new();
            from.read_line(&mut field)?;
            let Some((name, value)) = field.split_once(':') else { break };
            fields.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let length = fields.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        from.take(length).read_to_end(&mut body)?;
        Ok(Self { line: line.trim().to_owned(), fields, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// An answer: status, fields and body. Its length is said unless a field says another one.
#[derive(Clone, Debug)]
pub struct Reply(pub u16, pub &'static [(&'static str, &'static str)], pub &'static str);

impl Reply {
    fn send(&self, mut client: &TcpStream) -> io::Result<()> {
        let Self(status, fields, body) = self;
        let is_said = fields.iter().any(|(name, _)| *name == "Content-Length");
        let length = if is_said { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {status} x\r\n{fields}{length}Connection: close\r\n\r\n");
        client.write_all(head.as_bytes())?;
        client.write_all(body.as_bytes())
    }
}

/// The server. It ends after its last answer.
#[derive(Clone, Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl ScriptedServer {
    /// Listens on a port of its own.
    ///
    /// # Errors
    /// When there is none.
    pub fn start(replies: &[Reply]) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), replies)
    }

    /// Listens there.
    ///
    /// # Errors
    /// When it cannot.
    pub fn start_at(address: SocketAddr, replies: &[Reply]) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let server = Self { address: listener.local_addr()?, requests: Arc::default() };
        let (requests, mut replies) = (Arc::clone(&server.requests), VecDeque::from(replies.to_vec()));
        std::thread::spawn(move || {
            while let Some(reply) = replies.pop_front() {
                let Ok((client, _)) = listener.accept() else { return };
                if let Ok(request) = Request::read(&client) {
                    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                    // Who does not wait for the answer shows it in what he does next.
                    drop(reply.send(&client));
                }
            }
        });
        Ok(server)
    }

    /// Where it listens, as a URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
