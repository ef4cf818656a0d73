//! Just enough of HTTP/1.1 for one request a connection.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: HashMap<String, String>,
    /// Names in lower case.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn read(stream: &TcpStream) -> Option<Self> {
        let mut input = BufReader::new(stream);
        let mut first = String::new();
        input.read_line(&mut first).ok()?;
        let mut words = first.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        let url = reqwest::Url::parse(&format!("http://server{target}")).unwrap();
        Some(Self {
            method,
            path: url.path().to_owned(),
            query: url
                .query_pairs()
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect(),
            headers,
            body,
        })
    }

    /// The body, unpacked.
    pub(super) fn plain(&self) -> Vec<u8> {
        if self.header("content-encoding") != "gzip" {
            return self.body.clone();
        }
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..])
            .read_to_end(&mut plain)
            .unwrap();
        plain
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = if kind.is_empty() {
            vec![]
        } else {
            vec![("Content-Type", kind.to_owned())]
        };
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// `{"type":"ApiError","message":"..."}`
    pub(super) fn refusal(status: u16, message: &str) -> Self {
        Self::json(status, &serde_json::json!({ "type": "ApiError", "message": message }))
    }

    /// `half`: the second half of the body never comes.
    pub(super) fn write(&self, mut stream: &TcpStream, half: bool) {
        let mut head = format!("HTTP/1.1 {} x\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&[*name, ": ", value, "\r\n"].concat());
        }
        // Graylog sends its exports in chunks.
        let chunked = self.headers.iter().any(|(_, value)| value == "text/csv");
        let shown = if half { self.body.len() / 2 } else { self.body.len() };
        let mut out = if chunked {
            let mut out = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
            for chunk in self.body[..shown].chunks(8192) {
                out.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
                out.extend(chunk);
                out.extend(b"\r\n");
            }
            out
        } else {
            let mut out = format!("{head}Content-Length: {}\r\n\r\n", self.body.len()).into_bytes();
            out.extend(&self.body[..shown]);
            out
        };
        if chunked && !half {
            out.extend(b"0\r\n\r\n");
        }
        // A client that has gone away is its own business.
        let _ = stream.write_all(&out);
    }
}
