//! Answers `GET /metrics` and `GET /healthz`, and nothing else.
//!
//! Whoever asks may be anybody: a request is at most 8 KiB and 5 seconds long, and only so many are heard at once.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::metrics::Metrics;

const MOST_BYTES: usize = 8 * 1024;
const LONGEST: Duration = Duration::from_secs(5);
const MOST_AT_ONCE: usize = 16;

/// Listens from now on. Returns the address, which has a port where none was asked for (`127.0.0.1:0`).
pub(super) fn listen(address: &str, metrics: &Arc<Metrics>) -> Result<std::net::SocketAddr> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}; write `--listen 127.0.0.1:9797`, or another free port")
    })?;
    let at = listener.local_addr()?;
    let metrics = Arc::clone(metrics);
    std::thread::spawn(move || {
        let busy = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                // Too many open files: they pass.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if busy.fetch_add(1, Ordering::SeqCst) >= MOST_AT_ONCE {
                busy.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let (metrics, busy) = (Arc::clone(&metrics), Arc::clone(&busy));
            std::thread::spawn(move || {
                // Who has gone away needs no answer.
                let _ = answer(stream, &metrics);
                busy.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    Ok(at)
}

fn answer(mut stream: TcpStream, metrics: &Metrics) -> io::Result<()> {
    let until = Instant::now() + LONGEST;
    stream.set_write_timeout(Some(LONGEST))?;
    let mut request = Vec::new();
    let mut some = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || request.len() > MOST_BYTES {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        let count = stream.read(&mut some)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(some.get(..count).unwrap_or_default());
    }
    let first = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = first.split(|byte| *byte == b' ').collect();
    let (method, path) = match words.as_slice() {
        [method, path, _] => (*method, path.split(|byte| *byte == b'?').next().unwrap_or_default()),
        _ => (b"".as_slice(), b"".as_slice()),
    };
    let plain = "text/plain; charset=utf-8";
    let (status, kind, body) = match (method, path) {
        (b"GET" | b"HEAD", b"/metrics") => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", metrics.text()),
        (b"GET" | b"HEAD", b"/healthz") => {
            let (well, words) = metrics.health();
            (if well { "200 OK" } else { "503 Service Unavailable" }, plain, words)
        }
        (b"GET" | b"HEAD", _) => ("404 Not Found", plain, "try /metrics or /healthz\n".to_owned()),
        _ => ("405 Method Not Allowed", plain, "only GET and HEAD\n".to_owned()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if method != b"HEAD" {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}
