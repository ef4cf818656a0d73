//! Sends requests, and sends them again where that helps.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use reqwest::Method;
use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::Value;

use super::access::Access;
use super::error::{HttpError, Trouble};
use super::{Credentials, Flavour, Notice, Secret, backoff};

/// A longer answer is refused rather than held in memory.
const MAX_ANSWER_BYTES: u64 = 512 << 20;

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

/// An answer of the cluster, success or not.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON. Null where the body was empty.
    pub body: Value,
    /// `GET https://es.example:9200/_cluster/health`, for messages.
    pub asked: String,
    pub(super) headers: HeaderMap,
}

impl Answer {
    /// The JSON of a success; any other answer as an error.
    pub fn success(self) -> Result<Value, HttpError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(self.error())
    }

    /// This answer as an error.
    pub fn error(&self) -> HttpError {
        let error = &self.body["error"];
        let kind = error["type"].as_str().unwrap_or_default();
        let reason = error["root_cause"][0]["reason"]
            .as_str()
            .or(error["reason"].as_str())
            .or(error.as_str())
            .or(self.body["message"].as_str())
            .unwrap_or("no reason given");
        // The deepest cause is the one that names the field or the setting.
        let cause = deepest_cause(error).filter(|cause| *cause != reason);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        let status = self.status;
        let (trouble, help) = match status {
            401 => (
                Trouble::Refused,
                "check the API key, user and password or token: is it the right one, and not expired or revoked?",
            ),
            403 if kind == "cluster_block_exception" => (
                Trouble::Busy,
                "the index is write-protected: free disk space or remove the block (`index.blocks.*`) in its settings",
            ),
            403 => (
                Trouble::Refused,
                "the key is known but lacks a right: README.md lists those that mailtrail needs",
            ),
            413 => (
                Trouble::TooLarge,
                "the server or a proxy in front of it limits the size of a request",
            ),
            429 | 502..=504 => (Trouble::Busy, "the cluster is busy, full or starting: look at its log"),
            _ => (Trouble::Answer, ""),
        };
        HttpError {
            status: Some(status),
            kind: kind.to_owned(),
            ..HttpError::new(
                trouble,
                format!("{} was answered with {status}: {}{cause}", self.asked, shown(reason, 1000)),
                help,
            )
        }
    }

    /// A header's value. None if it is not there or not text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn deepest_cause(error: &Value) -> Option<&str> {
    let mut deepest = None;
    let mut cause = &error["caused_by"];
    while cause.is_object() {
        deepest = cause["reason"].as_str().or(deepest);
        cause = &cause["caused_by"];
    }
    deepest
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
        // Fails only if a provider is there already, which is just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
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
        let builder = Client::builder()
            .user_agent(concat!("mailtrail/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A redirect would carry the key to a stranger, and means a wrong URL anyway.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(access.timeout.min(Duration::from_secs(20)))
            .timeout(access.timeout);
        let builder = certificates(builder, access, secure)?;
        let builder = match &access.proxy {
            Some(proxy) => builder.proxy(
                reqwest::Proxy::all(proxy)
                    .map_err(|_| setting("the proxy's URL is bad", "for instance http://proxy.example:3128"))?,
            ),
            None => builder,
        };
        let client = builder.build().map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            setting(&format!("cannot set up TLS: {cause}"), "check `ca` and `client_certificate`")
        })?;
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
                    self.notice(&format!("{}; trying again ({attempt} of {})", error.text, self.attempts));
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
        let answer = read(asked, base, response)?;
        self.answered.store(true, Ordering::Relaxed);
        Ok((answer, asked_wait))
    }
}

/// Reads a whole answer; what is not JSON is an error that says what it looks like.
fn read(asked: String, base: &str, response: Response) -> Result<Answer, HttpError> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut bytes = Vec::new();
    response
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| {
            HttpError::new(
                Trouble::Interrupted,
                format!("the answer of {base} broke off: {error}"),
                "if it stays so, look at the server's log and at proxies in between",
            )
        })?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            // These statuses say enough, whoever sent them.
            Err(_) if matches!(status, 401 | 403 | 413 | 429 | 502 | 503 | 504) => Value::Null,
            Err(_) if bytes.len() as u64 == MAX_ANSWER_BYTES => {
                return Err(HttpError::new(Trouble::Answer, format!("{asked} got an answer above 512 MiB"), ""));
            }
            Err(_) => return Err(stranger(&asked, status, &headers, &bytes)),
        }
    };
    if (300..400).contains(&status) {
        return Err(stranger(&asked, status, &headers, &bytes));
    }
    Ok(Answer {
        status,
        body,
        asked,
        headers,
    })
}

fn stranger(asked: &str, status: u16, headers: &HeaderMap, bytes: &[u8]) -> HttpError {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let kind = match (text("location"), text("content-type")) {
        (Some(location), _) => format!("a redirect to {}", shown(location, 200)),
        (None, kind) => format!(
            "{}, not JSON: {}",
            kind.unwrap_or("something"),
            shown(&String::from_utf8_lossy(bytes), 80)
        ),
    };
    HttpError {
        status: Some(status),
        ..HttpError::new(
            Trouble::Stranger,
            format!("{asked} was answered with {status} and {kind}"),
            "the URL may belong to a web page (Kibana, Dashboards, a login, a proxy): give that of Elasticsearch or \
             OpenSearch itself, usually port 9200",
        )
    }
}

/// Foreign text for a message: one line, no control characters, at most so many characters.
fn shown(text: &str, limit: usize) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(limit)
        .collect();
    if text.chars().nth(limit).is_some() {
        shown.push_str("...");
    }
    shown
}

fn json(value: &Value) -> Body {
    if value.is_null() { Body::Nothing } else { Body::Json(value.to_string().into_bytes()) }
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

/// A URL without slash at its end; user and password in it become the credentials.
fn base(url: &str, credentials: &mut Credentials) -> Result<String, HttpError> {
    // The URL may hold a password: it is not repeated before that is known.
    let bad = |why: &str| setting(&format!("a URL of the cluster is bad: {why}"), "for instance https://es.example:9200");
    let mut parsed = reqwest::Url::parse(url.trim()).map_err(|error| bad(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(bad("it must begin with http:// or https://"));
    }
    if !parsed.username().is_empty() {
        if *credentials == Credentials::Anonymous {
            *credentials = Credentials::Basic {
                user: decoded(parsed.username()),
                password: Secret::new(decoded(parsed.password().unwrap_or_default())),
            };
        }
        let cleared = parsed.set_username("").and_then(|()| parsed.set_password(None));
        cleared.map_err(|()| bad("its user cannot be read"))?;
    }
    parsed.set_query(None);
    parsed.set_fragment(None);
    Ok(parsed.as_str().trim_end_matches('/').to_owned())
}

/// `%40` is `@`; what is no such escape stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(code) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(code);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, HttpError> {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let text = match credentials {
        Credentials::Anonymous => return Ok(None),
        Credentials::Basic { user, password } => format!("Basic {}", encode(&format!("{user}:{}", password.expose()))),
        // `id:key` is what Elasticsearch shows beside the encoded form; a colon is in no base64.
        Credentials::ApiKey(key) if key.expose().contains(':') => format!("ApiKey {}", encode(key.expose())),
        Credentials::ApiKey(key) => format!("ApiKey {}", key.expose()),
        Credentials::Bearer(token) => format!("Bearer {}", token.expose()),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| setting("the key or token has characters that no key has", "is it the right file?"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn certificates(builder: ClientBuilder, access: &Access, secure: bool) -> Result<ClientBuilder, HttpError> {
    let read = |what: &str, path: &std::path::Path| {
        std::fs::read(path).map_err(|error| {
            setting(
                &format!("cannot read `{what}` {}: {error}", path.display()),
                "give the path of a PEM file",
            )
        })
    };
    let no_pem = |what: &str, path: &std::path::Path, help: &str| {
        setting(&format!("`{what}` {} holds no usable PEM", path.display()), help)
    };
    let mut builder = builder;
    if !secure {
        // Without https nothing is checked, and a machine without any CA certificates must do.
        builder = builder.tls_certs_only(Vec::new());
    } else if let Some(path) = &access.ca {
        let help = "it should begin with -----BEGIN CERTIFICATE-----";
        let certificates = reqwest::Certificate::from_pem_bundle(&read("ca", path)?)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| no_pem("ca", path, help))?;
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(path) = &access.client_certificate {
        let help = "it should hold the certificate, its chain and its private key";
        let identity = reqwest::Identity::from_pem(&read("client_certificate", path)?)
            .map_err(|_| no_pem("client_certificate", path, help))?;
        builder = builder.identity(identity);
    }
    if access.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    Ok(builder)
}

fn setting(text: &str, help: &str) -> HttpError {
    HttpError::new(Trouble::Setting, text, help)
}
