//! HTTP, as much of it as the SDK speaks: one thread a connection, which stays open.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::State;
use super::calls::answer;
use super::push::push;

/// Where it listens.
pub(super) fn start(state: Arc<Mutex<State>>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            // One that went away while it waited is no reason to let the others wait.
            let (Ok(client), state) = (client, Arc::clone(&state)) else { continue };
            // Who goes away has what he wanted.
            std::thread::spawn(move || serve(&client, &state).ok());
        }
    });
    endpoint
}

fn serve(client: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut from = BufReader::new(client.try_clone()?);
    loop {
        let (mut target, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_lowercase().as_str() {
                "x-amz-target" => target = value.trim().to_owned(),
                "content-length" => length = value.trim().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let asked: Value = serde_json::from_slice(&body).unwrap();
        let operation = target.strip_prefix("Kinesis_20131202.").unwrap();
        let Some((status, said)) = answer(&mut state.lock().unwrap(), operation, &asked) else { return Ok(()) };
        if operation == "SubscribeToShard" && status == 200 {
            return push(client, state, &said);
        }
        send(client, status, &said.to_string())?;
    }
}

fn send(mut client: &TcpStream, status: u16, body: &str) -> io::Result<()> {
    let kind = "Content-Type: application/x-amz-json-1.1";
    let head = format!("HTTP/1.1 {status} x\r\n{kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    client.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}
