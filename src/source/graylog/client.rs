//! Sends requests to Graylog's REST API, and sends them again where that helps.
//!
//! The hard part is that Graylog answers much with success that is none: a wrong path with its web page, a missing
//! `Accept` with CSV. So the kind of every answer is looked at, and the length of its body is the transport's business:
//! half a body is a broken connection.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::access::{GraylogAccess, Login};
use crate::elastic_http::{Access, HttpError, Notice, Trouble, backoff, connection, shown};

/// A longer answer is refused rather than held in memory.
const MAX_ANSWER_BYTES: u64 = 512 << 20;
/// A refusal's text is short.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;
/// Graylog says 500 to a bad query and to a hiccup of its search server alike: so often it is asked in all.
const SERVER_ERROR_ATTEMPTS: u32 = 3;

/// A connection to a Graylog; may be shared by threads.
pub struct Graylog {
    client: Client,
    /// Without slash at the end, without user and password.
    base: String,
    attempts: u32,
    timeout: Duration,
    notice: Notice,
    /// Something has answered: from now on a broken connection is an accident, not a wrong URL.
    answered: AtomicBool,
}

/// A request that failed, and how long the server asks to wait.
struct Failed {
    error: HttpError,
    asked: Option<Duration>,
}

impl From<HttpError> for Failed {
    fn from(error: HttpError) -> Self {
        Self { error, asked: None }
    }
}

impl Graylog {
    /// Reads the certificate; does not send anything yet.
    pub fn new(access: &GraylogAccess) -> Result<Self, HttpError> {
        let (base, secure) = base(&access.url)?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization(&access.login)?);
        // Every request that is no GET is refused without it.
        headers.insert("X-Requested-By", HeaderValue::from_static("mailtrail"));
        let connect = Access {
            ca: access.ca.clone(),
            proxy: access.proxy.clone(),
            insecure: access.insecure,
            timeout: access.timeout,
            ..Access::to(&[])
        };
        Ok(Self {
            client: connection(&connect, headers, secure)?,
            base,
            attempts: access.attempts.max(1),
            timeout: access.timeout,
            notice: access.notice.clone(),
            answered: AtomicBool::new(false),
        })
    }

    /// The API's base URL, without secrets.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Which Graylog answers: `6.1.4+7528370`. Needs no right.
    pub fn version(&self) -> Result<String, HttpError> {
        let body: Value = self.json("/", &[])?;
        match (
            body["version"].as_str(),
            body["cluster_id"].as_str().or(body["server_id"].as_str()),
        ) {
            (Some(version), Some(_)) => Ok(shown(version, 40)),
            _ => Err(self.stranger("JSON that is not Graylog's")),
        }
    }

    /// `GET path` as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, HttpError> {
        self.repeated(|| {
            let request = self.client.get(format!("{}{path}", self.base)).query(query);
            let response = self.once(request.header(ACCEPT, "application/json"), "application/json")?;
            let mut bytes = Vec::new();
            let read = response.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
            read.map_err(|error| self.broken(&error.to_string()))?;
            if bytes.len() as u64 == MAX_ANSWER_BYTES {
                return Err(HttpError::new(
                    Trouble::Answer,
                    format!("an answer of {} is above 512 MiB", self.base),
                    "ask for a shorter page",
                )
                .into());
            }
            serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
                serde_json::error::Category::Eof => self.broken("it ends in the middle").into(),
                _ => self.stranger(&format!("JSON that is not Graylog's ({error})")).into(),
            })
        })
    }

    /// `POST path` with JSON, answered with CSV that `read` takes. It is called again if the answer breaks off.
    pub(super) fn csv<T>(
        &self,
        path: &str,
        body: &Value,
        read: impl Fn(&mut dyn Read) -> Result<T, HttpError>,
    ) -> Result<T, HttpError> {
        self.repeated(|| {
            let request = self.client.post(format!("{}{path}", self.base)).json(body);
            let request = request.header(ACCEPT, "text/csv").timeout(self.timeout * 10);
            let response = self.once(request, "text/csv")?;
            Ok(read(&mut response.take(MAX_ANSWER_BYTES))?)
        })
    }

    /// Says something to the person who watches.
    pub(super) fn notice(&self, text: &str) {
        (self.notice)(text);
    }

    fn repeated<T>(&self, send: impl Fn() -> Result<T, Failed>) -> Result<T, HttpError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Failed { error, asked } = match send() {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            // A server that never answered is a wrong URL: say so at once.
            let known = self.answered.load(Ordering::Relaxed);
            let most = match error.status {
                Some(500) => self.attempts.min(SERVER_ERROR_ATTEMPTS),
                _ if error.passes() && known => self.attempts,
                _ => 1,
            };
            if attempt >= most {
                return Err(error);
            }
            if attempt > 1 {
                self.notice(&format!("{}; trying again ({attempt} of {most})", error.text));
            }
            std::thread::sleep(asked.unwrap_or_else(|| backoff::wait(attempt)));
        }
    }

    /// A success of this kind, its body not yet read.
    fn once(&self, request: RequestBuilder, kind: &str) -> Result<Response, Failed> {
        let response = request
            .send()
            .map_err(|error| HttpError::of_request(&self.base, &error))?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status().as_u16();
        let header = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (got, wait) = (header(CONTENT_TYPE), header(RETRY_AFTER));
        if status == 204 || (status == 200 && got.starts_with(kind)) {
            return Ok(response);
        }
        if status < 400 {
            let got = if got.is_empty() {
                "something without a type".into()
            } else {
                shown(&got, 80)
            };
            let error = self.stranger(&format!("{status} and {got} where {kind} is expected"));
            return Err(Failed::from(error.with_status(status)));
        }
        let mut text = Vec::new();
        // Half a text is better than none.
        let _ = response.take(MAX_REFUSAL_BYTES).read_to_end(&mut text);
        Err(Failed {
            error: self.refusal(status, &said(&text)).with_status(status),
            asked: backoff::asked(&wait, chrono::Utc::now()),
        })
    }

    fn refusal(&self, status: u16, said: &str) -> HttpError {
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        let (trouble, word, help) = match status {
            401 => (
                Trouble::Refused,
                " Unauthorized",
                "check the token, or user and password; a token may have expired or been revoked",
            ),
            403 => (
                Trouble::Refused,
                " Forbidden",
                "the user lacks a right: name the streams that it may read (`streams`; it needs `streams:read:ID` for \
                 each), or give it `searches:absolute` to read without naming any",
            ),
            400 => (
                Trouble::Answer,
                " Bad Request",
                "check the query: try it in Graylog's own search, with the same time frame",
            ),
            404 | 405 | 415 => (
                Trouble::Stranger,
                "",
                "the URL should be that of the API: it usually ends in /api (http://HOST:12900 for Graylog 2.0)",
            ),
            429 | 502..=504 => (
                Trouble::Busy,
                "",
                "Graylog, or a proxy in front of it, is busy or starting: look at its log",
            ),
            500 => (
                Trouble::Answer,
                "",
                "check the query in Graylog's own search (a wildcard at the beginning of a word is not allowed unless an \
                 administrator allows it); else look at Graylog's log and at its search server",
            ),
            _ => (Trouble::Answer, "", ""),
        };
        HttpError::new(
            trouble,
            format!("cannot read Graylog {}: {status}{word}{said}", self.base),
            help,
        )
    }

    fn stranger(&self, got: &str) -> HttpError {
        HttpError::new(
            Trouble::Stranger,
            format!("{} is not Graylog's API: it answers with {got}", self.base),
            "the URL should be that of the API: it usually ends in /api (http://HOST:12900 for Graylog 2.0)",
        )
    }

    /// An answer that breaks off.
    pub(super) fn broken(&self, why: &str) -> HttpError {
        HttpError::new(
            Trouble::Interrupted,
            format!("an answer of Graylog {} broke off: {}", self.base, shown(why, 200)),
            "if it stays so, look at Graylog's log and at proxies in between",
        )
    }
}

/// The words of a refusal, `{"type":"ApiError","message":"..."}` or a list of such; plain text as it is.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(list)) => list
            .iter()
            .filter_map(|one| Some(format!("{} {}", one["path"].as_str()?, one["message"].as_str()?)))
            .collect::<Vec<_>>()
            .join(", "),
        Ok(value) => value["message"].as_str().unwrap_or_default().to_owned(),
        // A web page says nothing to a person.
        Err(_) if body.starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    shown(text.trim(), 500)
}

/// A URL without slash at its end, and whether it is https. What stands in it is not repeated: it may be a password.
fn base(url: &str) -> Result<(String, bool), HttpError> {
    let bad = |why: &str| {
        HttpError::new(
            Trouble::Setting,
            format!("Graylog's URL is bad: {why}"),
            "for instance https://graylog.example/api",
        )
    };
    let mut parsed = Url::parse(url.trim()).map_err(|error| bad(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(bad("it must begin with http:// or https://"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(bad(
            "user and password do not belong there, but to `user` and `password_file`",
        ));
    }
    parsed.set_query(None);
    parsed.set_fragment(None);
    let secure = parsed.scheme() == "https";
    Ok((parsed.as_str().trim_end_matches('/').to_owned(), secure))
}

fn authorization(login: &Login) -> Result<HeaderValue, HttpError> {
    let text = match login {
        Login::Token(token) => format!("{}:token", token.expose()),
        Login::Password { user, password } => format!("{user}:{}", password.expose()),
    };
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}"))
        .map_err(|_| HttpError::new(Trouble::Setting, "the token cannot be sent", "is it the right file?"))?;
    value.set_sensitive(true);
    Ok(value)
}
