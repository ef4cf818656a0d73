//! A relay in front of the genuine server, which breaks what a test wants broken: it answers by itself, cuts the
//! connection before or after the server had the request, demands a key, speaks TLS.

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
    let config = builder.with_single_cert(chain(certificate), key).unwrap();
    serve(server, |_| Verdict::Pass, Some(Arc::new(config)))
}

fn serve(
    server: &str,
    judge: impl FnMut(&Request) -> Verdict + Send + 'static,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> String {
    let server = server.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let judge: Judge = Arc::new(Mutex::new(judge));
    let scheme = if tls.is_some() { "https" } else { "http" };
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, judge, tls) = (server.clone(), judge.clone(), tls.clone());
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
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let request = Request { line, head };
    let verdict = judge.lock().unwrap()(&request);
    let client = client.get_mut();
    match verdict {
        Verdict::Cut => return Ok(()),
        Verdict::Answer(head, body) => {
            let length = body.len();
            write!(
                client,
                "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )?;
        }
        Verdict::Pass | Verdict::Lose => {
            let mut server = TcpStream::connect(server)?;
            write!(server, "{}{}Connection: close\r\n\r\n", request.line, request.head)?;
            server.write_all(&body)?;
            let mut answer = Vec::new();
            server.read_to_end(&mut answer)?;
            if matches!(verdict, Verdict::Pass) {
                // Not every server says that it closes.
                let end = answer.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                client.write_all(&answer[..end])?;
                client.write_all(b"Connection: close\r\n")?;
                client.write_all(&answer[end..])?;
            }
        }
    }
    client.flush()
}
