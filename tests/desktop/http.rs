//! JSON over plain HTTP to a program on this machine: the driver, and the sample platforms.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// One request on a connection of its own; the answer's JSON, whatever its status.
pub(crate) fn send(
    to: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
    patience: Duration,
) -> Value {
    let answer = exchange(to, method, path, body, patience)
        .unwrap_or_else(|error| panic!("{method} {path} at {to}: {error}"));
    serde_json::from_slice(&answer).unwrap_or_else(|error| {
        panic!(
            "{method} {path} at {to} answered no JSON ({error}): {}",
            String::from_utf8_lossy(&answer)
        )
    })
}

fn exchange(
    to: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
    patience: Duration,
) -> Result<Vec<u8>, Error> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(patience))?;
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    let mut part = [0_u8; 16 * 1024];
    loop {
        if let Some(whole) = whole_body(&answer) {
            return Ok(whole.to_vec());
        }
        match stream.read(&mut part)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&part[..count]),
        }
    }
}

/// The body of an answer, once all of it is there. Both programs always say how long it is.
fn whole_body(answer: &[u8]) -> Option<&[u8]> {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?
        .trim()
        .parse()
        .ok()?;
    answer.get(at + 4..at + 4 + length)
}
