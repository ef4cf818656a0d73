//! Sends requests, and sends them again where that helps.

use std::io::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::blocking::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::access::Access;
use super::answer::{self, Answer};
use super::connection::connection;
use super::error::{HttpError, Trouble};
use super::identity::{authorization, base, setting};
use super::patience::{Patience, Said, span};
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
    patience: Duration,
    notice: Notice,
    said: Said,
    compresses: bool,
    pub(super) flavour: Option<Flavour>,
}

/// What a request carries.
enum Body {
    Nothing,
    Json(Bytes),
    Lines(Bytes),
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
            compresses: access
                .compress
                .unwrap_or_else(|| !bases.iter().any(|base| is_this_machine(base))),
            bases,
            current: AtomicUsize::new(0),
            answered: AtomicBool::new(false),
            patience: access.patience,
            notice: access.notice.clone(),
            said: Said::default(),
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

    /// `POST path` with JSON lines, as `_bulk` wants them. An answer that the cluster is busy or blocked is not waited out
    /// here but given to the caller, who knows what to send then.
    pub fn lines(&self, path: &str, lines: Vec<u8>) -> Result<Answer, HttpError> {
        self.send_unless(&Method::POST, path, &Body::Lines(lines.into()), |answer| {
            answer.status == 429 || answer.is_block()
        })
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

    /// For something that the caller repeats by itself.
    pub(crate) fn patience(&self) -> Patience {
        Patience::of(self.patience)
    }

    /// Waits before the next attempt, and says so. False: it has lasted long enough.
    pub(crate) fn pause(&self, patience: &mut Patience, trouble: &str) -> bool {
        self.wait(patience, trouble, None)
    }

    fn wait(&self, patience: &mut Patience, trouble: &str, asked: Option<Duration>) -> bool {
        let Some(wait) = patience.next(asked) else { return false };
        // What is over with the next attempt is not worth a word.
        if patience.number() > 1 && self.said.is_new(trouble) {
            self.notice(&format!(
                "{trouble}; waiting, {} so far and at most {}; nothing more is read meanwhile",
                span(patience.waited()),
                span(self.patience)
            ));
        }
        std::thread::sleep(wait);
        true
    }

    /// Something that was waited for has gone well.
    pub(crate) fn is_well(&self, patience: &mut Patience) {
        if patience.number() > 1 && self.said.clear() {
            self.notice(&format!("{} goes on after {}", self.base(), span(patience.waited())));
        }
        patience.renew();
    }

    fn send(&self, method: &Method, path: &str, body: &Body) -> Result<Answer, HttpError> {
        self.send_unless(method, path, body, |_| false)
    }

    /// Sends until there is an answer that is no accident, or one that the caller wants.
    fn send_unless(
        &self,
        method: &Method,
        path: &str,
        body: &Body,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, HttpError> {
        let (body, kind, compressed) = packed(body, self.compresses);
        let mut patience = self.patience();
        let mut asked_nodes = 0;
        loop {
            let node = self.current.load(Ordering::Relaxed);
            let (error, asked_wait) = match self.once(method, path, &body, kind, compressed) {
                Ok((answer, _)) if !answer.passes() => {
                    self.is_well(&mut patience);
                    return Ok(answer);
                }
                Ok((answer, _)) if wanted(&answer) => return Ok(answer),
                Ok((answer, wait)) => (answer.error(), wait),
                Err(error) => (error, None),
            };
            asked_nodes += 1;
            let known = self.answered.load(Ordering::Relaxed);
            let another = asked_nodes < self.bases.len();
            // A certificate that has been good is renewed, one hopes; one that never was is a wrong setting.
            let accident = error.passes() || (error.trouble == Trouble::Certificate && (known || another));
            // A server that never answered is a wrong URL: say so at once, after each node was asked.
            if !accident || !(known || another) {
                return Err(error);
            }
            self.turn_from(node);
            // The other nodes are asked at once; only a round of all of them is waited after.
            if asked_nodes % self.bases.len() != 0 && asked_wait.is_none() {
                continue;
            }
            if !self.wait(&mut patience, &error.text, asked_wait) {
                return Err(error.after(&span(patience.waited())));
            }
        }
    }

    /// The next node, unless another thread has turned away from this one already.
    fn turn_from(&self, node: usize) {
        let _ = self
            .current
            .compare_exchange(node, node.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
    }

    fn once(
        &self,
        method: &Method,
        path: &str,
        body: &Bytes,
        kind: Option<&'static str>,
        compressed: bool,
    ) -> Result<(Answer, Option<Duration>), HttpError> {
        let base = self.base();
        let mut request = self.client.request(method.clone(), format!("{base}{path}"));
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind).body(body.clone());
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
        Body::Json(value.to_string().into())
    }
}

/// Is this URL's host the machine itself?
fn is_this_machine(base: &str) -> bool {
    let url = reqwest::Url::parse(base).ok();
    match url.as_ref().and_then(reqwest::Url::host_str) {
        Some("localhost") => true,
        Some(host) => {
            let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
            address.is_some_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// The body as it is sent, its content type, and whether it is gzip.
fn packed(body: &Body, compresses: bool) -> (Bytes, Option<&'static str>, bool) {
    let (bytes, kind) = match body {
        Body::Nothing => return (Bytes::new(), None, false),
        Body::Json(bytes) => (bytes, "application/json"),
        Body::Lines(bytes) => (bytes, "application/x-ndjson"),
    };
    if compresses && bytes.len() >= COMPRESS_FROM_BYTES {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if encoder.write_all(bytes).is_ok()
            && let Ok(packed) = encoder.finish()
        {
            return (packed.into(), Some(kind), true);
        }
    }
    (bytes.clone(), Some(kind), false)
}
