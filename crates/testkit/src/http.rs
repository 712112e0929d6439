//! HTTP, as much of it as clients of services speak: one thread a connection, which stays open.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::service::Answered;

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query, as they came.
    pub(crate) target: String,
    /// The field `Authorization`.
    pub(crate) authorization: String,
    /// A call that asks for nothing but what its path says has no body.
    pub(crate) body: Value,
}

/// Listens on a port of its own. What is answered comes with the time that the service has, in milliseconds since 1970.
pub(crate) fn start(answer: impl Fn(Asked) -> (Answered, i64) + Send + Sync + 'static) -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), answer) = (client, Arc::clone(&answer)) else { return };
            // Who goes away has what he wanted.
            std::thread::spawn(move || serve(&client, &*answer).ok());
        }
    });
    Ok(endpoint)
}

fn serve(client: &TcpStream, answer: &dyn Fn(Asked) -> (Answered, i64)) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut from = BufReader::new(client.try_clone()?);
    loop {
        let mut first = String::new();
        if from.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("authorization") {
                value.trim().clone_into(&mut authorization);
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let body = if body.is_empty() { json!({}) } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (answered, now) = answer(Asked { method, target, authorization, body });
        send(client, &answered, now)?;
    }
}

fn send(mut client: &TcpStream, answered: &Answered, now: i64) -> io::Result<()> {
    let body = answered.body.to_string();
    let date = chrono::DateTime::from_timestamp_millis(now).unwrap_or_default();
    let date = date.format("%a, %d %b %Y %H:%M:%S GMT");
    let error = answered.code.map_or_else(String::new, |code| format!("x-amzn-ErrorType: {code}\r\n"));
    let head = format!(
        "HTTP/1.1 {} x\r\nContent-Type: application/json\r\nDate: {date}\r\n{error}Content-Length: {}\r\n\r\n",
        answered.status,
        body.len()
    );
    client.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}
