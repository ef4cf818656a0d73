//! Sends requests, and sends them again where that helps.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::access::Access;
use super::answer::{self, Answer};
use super::connection::connection;
use super::error::HttpError;
use super::identity::{authorization, base, setting};
use super::{Flavour, Notice, backoff};

/// Shorter bodies are not worth compressing.
const COMPRESS_FROM_BYTES: usize = 1024;

/// A connection to a cluster; may be shared by threads.
pub struct ElasticHttp {
    client: Client,
    /// Without slash at the end, without user and password.
    bases: Vec<String>,
    current: AtomicUsize,
    /// Something has answered: from now on a broken connection is an accident, not a wrong URL.
    answered: AtomicBool,
    attempts: u32,
    notice: Notice,
    pub(super) flavour: Option<Flavour>,
}

/// What a request carries.
enum Body {
    Nothing,
    Json(Vec<u8>),
    Lines(Vec<u8>),
}

impl ElasticHttp {
    /// Reads the certificates and keys; does not send anything yet.
    pub fn new(access: &Access) -> Result<Self, HttpError> {
        let mut credentials = access.credentials.clone();
        let mut bases = Vec::new();
        for url in &access.urls {
            bases.push(base(url, &mut credentials)?);
        }
        if bases.is_empty() {
            return Err(setting(
                "no URL of Elasticsearch or OpenSearch is given",
                "for instance https://es.example:9200",
            ));
        }
        let secure = bases.iter().any(|base| base.starts_with("https:"));
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization(&credentials)? {
            headers.insert(AUTHORIZATION, value);
        }
        let client = connection(access, headers, secure)?;
        Ok(Self {
            client,
            bases,
            current: AtomicUsize::new(0),
            answered: AtomicBool::new(false),
            attempts: access.attempts.max(1),
            notice: access.notice.clone(),
            flavour: access.flavour,
        })
    }

    /// `GET path`; the path begins with a slash.
    pub fn get(&self, path: &str) -> Result<Answer, HttpError> {
        self.send(&Method::GET, path, &Body::Nothing)
    }

    /// `DELETE path`
    pub fn delete(&self, path: &str) -> Result<Answer, HttpError> {
        self.send(&Method::DELETE, path, &Body::Nothing)
    }

    /// `DELETE path` with JSON.
    pub fn delete_with(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.send(&Method::DELETE, path, &json(body))
    }

    /// `POST path` with JSON, or with nothing for null.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.send(&Method::POST, path, &json(body))
    }

    /// `PUT path` with JSON, or with nothing for null.
    pub fn put(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.send(&Method::PUT, path, &json(body))
    }

    /// `POST path` with JSON lines, as `_bulk` and `_msearch` want them.
    pub fn lines(&self, path: &str, lines: Vec<u8>) -> Result<Answer, HttpError> {
        self.send(&Method::POST, path, &Body::Lines(lines))
    }

    /// The base URL of the node that is used now, without secrets.
    pub fn base(&self) -> &str {
        let index = self.current.load(Ordering::Relaxed) % self.bases.len();
        self.bases.get(index).map_or("", String::as_str)
    }

    /// Says something to the person who watches.
    pub fn notice(&self, text: &str) {
        (self.notice)(text);
    }

    /// Waits before attempt `number` of something that the caller repeats by itself. False: it was the last one.
    pub fn pause(&self, number: u32) -> bool {
        if number >= self.attempts {
            return false;
        }
        std::thread::sleep(backoff::wait(number));
        true
    }

    fn send(&self, method: &Method, path: &str, body: &Body) -> Result<Answer, HttpError> {
        let (body, kind, compressed) = packed(body);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (error, asked_wait) = match self.once(method, path, &body, kind, compressed) {
                Ok((answer, _)) if !matches!(answer.status, 429 | 502 | 503 | 504) => return Ok(answer),
                Ok((answer, wait)) => (answer.error(), wait),
                Err(error) => (error, None),
            };
            let known = self.answered.load(Ordering::Relaxed);
            let other_node = self.bases.len() > 1;
            // A server that never answered is a wrong URL: say so at once, after each node was asked.
            let worth_it = error.passes() && (known || (other_node && (attempt as usize) < self.bases.len()));
            if !worth_it || attempt >= self.attempts {
                return Err(error);
            }
            if other_node {
                self.current.fetch_add(1, Ordering::Relaxed);
            }
            if known {
                let wait = asked_wait.unwrap_or_else(|| backoff::wait(attempt));
                if attempt > 1 {
                    self.notice(&format!(
                        "{}; trying again ({attempt} of {})",
                        error.text, self.attempts
                    ));
                }
                std::thread::sleep(wait);
            }
        }
    }

    fn once(
        &self,
        method: &Method,
        path: &str,
        body: &[u8],
        kind: Option<&'static str>,
        compressed: bool,
    ) -> Result<(Answer, Option<Duration>), HttpError> {
        let base = self.base();
        let mut request = self.client.request(method.clone(), format!("{base}{path}"));
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind).body(body.to_vec());
            if compressed {
                request = request.header(CONTENT_ENCODING, "gzip");
            }
        }
        let response = request.send().map_err(|error| HttpError::of_request(base, &error))?;
        let asked_wait = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| backoff::asked(value.to_str().ok()?, chrono::Utc::now()));
        // The path's query part says nothing to a person.
        let asked = format!("{method} {base}{}", path.split('?').next().unwrap_or(path));
        let answer = answer::read(asked, base, response)?;
        self.answered.store(true, Ordering::Relaxed);
        Ok((answer, asked_wait))
    }
}

fn json(value: &Value) -> Body {
    if value.is_null() {
        Body::Nothing
    } else {
        Body::Json(value.to_string().into_bytes())
    }
}

/// The body as it is sent, its content type, and whether it is gzip.
fn packed(body: &Body) -> (Vec<u8>, Option<&'static str>, bool) {
    let (bytes, kind) = match body {
        Body::Nothing => return (Vec::new(), None, false),
        Body::Json(bytes) => (bytes, "application/json"),
        Body::Lines(bytes) => (bytes, "application/x-ndjson"),
    };
    if bytes.len() >= COMPRESS_FROM_BYTES {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if encoder.write_all(bytes).is_ok()
            && let Ok(packed) = encoder.finish()
        {
            return (packed, Some(kind), true);
        }
    }
    (bytes.clone(), Some(kind), false)
}
