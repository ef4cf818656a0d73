//! A relay in front of the genuine server, which breaks what a test wants broken: it answers by itself, refuses some
//! documents of a request, is slow, cuts the connection before, in the middle of or after what the server says, resets
//! it, demands a key, speaks TLS with a certificate that may change.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What the relay does with a request.
pub(super) enum Verdict {
    /// Gives it to the server and its answer back.
    Pass,
    /// Answers by itself: status line, headers, body.
    Answer(&'static str, &'static str),
    /// Closes the connection; the server never has it.
    Cut,
    /// Resets the connection with the request half read.
    Reset,
    /// The server has it, and its answer ends properly, but too early.
    Short,
    /// Gives it to the server after so long, whether the client still waits or not.
    Slow(Duration),
    /// Of a bulk request, refuses every third document with 429; the server never has those.
    RefuseSome,
    /// The server has so many of the documents of a bulk request; then the connection breaks.
    Die(usize),
    /// The server has it, its answer is lost.
    Lose,
}

/// A request, as far as a verdict needs it.
pub(super) struct Request {
    /// `POST /_bulk?...`
    pub(super) line: String,
    /// All header lines.
    pub(super) head: String,
}

type Judge = Arc<Mutex<dyn FnMut(&Request) -> Verdict + Send>>;

/// Starts a relay to `server` (`http://host:port`); returns its own base URL.
pub(super) fn start(server: &str, judge: impl FnMut(&Request) -> Verdict + Send + 'static) -> String {
    serve(server, judge, None)
}

/// The same with TLS. `certificate` and `client_ca` are names of files in `tests/data/tls`.
pub(super) fn start_tls(server: &str, certificate: &str, client_ca: Option<&str>) -> String {
    serve(
        server,
        |_| Verdict::Pass,
        Some(Arc::new(Mutex::new(tls(certificate, client_ca)))),
    )
}

/// The certificate that a relay shows to whoever connects next.
pub(super) type Shown = Arc<Mutex<Arc<rustls::ServerConfig>>>;

/// With TLS and a certificate that the test changes.
pub(super) fn start_shown(
    server: &str,
    shown: &Shown,
    judge: impl FnMut(&Request) -> Verdict + Send + 'static,
) -> String {
    serve(server, judge, Some(shown.clone()))
}

/// What is shown with these files of `tests/data/tls`.
pub(super) fn tls(certificate: &str, client_ca: Option<&str>) -> Arc<rustls::ServerConfig> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = |name: &str| format!("{}/tests/data/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let chain = |name: &str| -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(file(name))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let builder = rustls::ServerConfig::builder();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(chain(name).remove(0)).unwrap();
            builder.with_client_cert_verifier(
                rustls::server::WebPkiClientVerifier::builder(Arc::new(roots))
                    .build()
                    .unwrap(),
            )
        }
    };
    let key = PrivateKeyDer::from_pem_file(file(certificate)).unwrap();
    Arc::new(builder.with_single_cert(chain(certificate), key).unwrap())
}

fn serve(server: &str, judge: impl FnMut(&Request) -> Verdict + Send + 'static, tls: Option<Shown>) -> String {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let judge: Judge = Arc::new(Mutex::new(judge));
    let scheme = if tls.is_some() { "https" } else { "http" };
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, judge) = (server.clone(), judge.clone());
            let tls = tls.as_ref().map(|shown| shown.lock().unwrap().clone());
            std::thread::spawn(move || {
                client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                // A client that does not like the certificate, or a cut connection, is what the tests are about.
                let _ = match tls {
                    None => converse(client, &server, &judge),
                    Some(config) => {
                        let connection = rustls::ServerConnection::new(config).unwrap();
                        converse(rustls::StreamOwned::new(connection, client), &server, &judge)
                    }
                };
            });
        }
    });
    format!("{scheme}://127.0.0.1:{port}")
}

/// One request, one answer.
fn converse(client: impl Read + Write, server: &str, judge: &Judge) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let mut line = String::new();
    client.read_line(&mut line)?;
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if client.read_line(&mut header)? <= 2 {
            break;
        }
        let lower = header.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if !lower.starts_with("connection:") {
            head += &header;
        }
    }
    let request = Request { line, head };
    let verdict = judge.lock().unwrap()(&request);
    if matches!(verdict, Verdict::Reset) {
        // What was not read makes the system reset the connection.
        let mut begin = vec![0; length.min(1)];
        client.read_exact(&mut begin)?;
        return Ok(());
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let client = client.get_mut();
    match verdict {
        Verdict::Cut | Verdict::Reset => return Ok(()),
        Verdict::Answer(head, body) => {
            let length = body.len();
            write!(
                client,
                "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )?;
        }
        Verdict::Slow(delay) => {
            std::thread::sleep(delay);
            client.write_all(&asked(server, &request, &body)?)?;
        }
        Verdict::Pass => client.write_all(&asked(server, &request, &body)?)?,
        Verdict::Lose => {
            asked(server, &request, &body)?;
        }
        Verdict::Short => {
            let answer = Parts::of(server, &request, &body)?;
            let half = &answer.body[..answer.body.len() / 2];
            answer.write(client, half)?;
        }
        Verdict::Die(count) => {
            let some: Vec<u8> = operations(&request, &body).into_iter().take(count).flatten().collect();
            asked(server, &plain(&request, some.len()), &some)?;
        }
        Verdict::RefuseSome => {
            let all = operations(&request, &body);
            let refused = |index: usize| index % 3 == 2;
            let some: Vec<u8> = all
                .iter()
                .enumerate()
                .filter(|(index, _)| !refused(*index))
                .flat_map(|(_, lines)| lines.iter().copied())
                .collect();
            let answer = Parts::of(server, &plain(&request, some.len()), &some)?;
            let mut taken: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            let mut items = std::mem::take(taken["items"].as_array_mut().unwrap()).into_iter();
            let no = serde_json::json!({"create": {"status": 429, "error": {
                "type": "es_rejected_execution_exception", "reason": "rejected execution of primary operation"}}});
            let items: Vec<_> = (0..all.len())
                .map(|index| {
                    if refused(index) {
                        no.clone()
                    } else {
                        items.next().unwrap()
                    }
                })
                .collect();
            taken["items"] = items.into();
            answer.write(client, taken.to_string().as_bytes())?;
        }
    }
    client.flush()
}

/// The server's answer, which says that the connection is closed after it: not every server does.
fn asked(server: &str, request: &Request, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(server)?;
    write!(server, "{}{}Connection: close\r\n\r\n", request.line, request.head)?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let end = answer.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    answer.splice(end..end, *b"Connection: close\r\n");
    Ok(answer)
}

/// An answer that was not compressed, to be changed.
struct Parts {
    status: String,
    body: Vec<u8>,
}

impl Parts {
    fn of(server: &str, request: &Request, body: &[u8]) -> io::Result<Self> {
        let head: String = request
            .head
            .split_inclusive('\n')
            .filter(|header| !header.to_ascii_lowercase().starts_with("accept-encoding:"))
            .collect();
        let line = request.line.clone();
        let answer = asked(server, &Request { line, head }, body)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.lines().next().unwrap_or_default().to_owned();
        let body = answer.get(end + 4..).unwrap_or_default();
        // In chunks or not: what is between the first and the last brace is the answer.
        let text = String::from_utf8_lossy(body).into_owned();
        let body = if head.to_ascii_lowercase().contains("chunked") {
            joined(&text)
        } else {
            text
        };
        Ok(Self {
            status,
            body: body.into_bytes(),
        })
    }

    fn write(&self, client: &mut impl Write, body: &[u8]) -> io::Result<()> {
        write!(
            client,
            "{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.status,
            body.len()
        )?;
        client.write_all(body)
    }
}

/// The chunks of a body.
fn joined(mut rest: &str) -> String {
    let mut whole = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let Ok(size @ 1..) = usize::from_str_radix(size.trim(), 16) else {
            break;
        };
        whole += &after[..size];
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}

/// The operations of a bulk request, each with its lines.
fn operations(request: &Request, body: &[u8]) -> Vec<Vec<u8>> {
    let mut text = Vec::new();
    if request.head.to_ascii_lowercase().contains("content-encoding: gzip") {
        flate2::read::GzDecoder::new(body).read_to_end(&mut text).unwrap();
    } else {
        text.extend_from_slice(body);
    }
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    while let Some(action) = lines.next() {
        let mut operation = action.to_vec();
        if !action.starts_with(br#"{"delete""#) {
            operation.extend_from_slice(lines.next().unwrap());
        }
        all.push(operation);
    }
    all
}

/// The request with a body of another length, not compressed.
fn plain(request: &Request, length: usize) -> Request {
    let changed = ["content-length:", "content-encoding:", "accept-encoding:"];
    let kept = |header: &&str| {
        let lower = header.to_ascii_lowercase();
        !changed.iter().any(|name| lower.starts_with(name))
    };
    let head: String = request.head.split_inclusive('\n').filter(kept).collect();
    Request {
        line: request.line.clone(),
        head: format!("{head}Content-Length: {length}\r\n"),
    }
}
