//! An answer: JSON of the cluster, or something else that says the URL is wrong.

use std::io::Read;

use reqwest::blocking::Response;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::error::{HttpError, Trouble};

/// A longer answer is refused rather than held in memory.
const MAX_ANSWER_BYTES: u64 = 512 << 20;

/// The type of error of a cluster or index that takes nothing for now.
pub(crate) const BLOCK: &str = "cluster_block_exception";
/// What to do about it.
pub(crate) const BLOCK_HELP: &str = "the index is write-protected, mostly because the disk is full (flood stage): free \
    space, or remove the block (`index.blocks.*`) in its settings; nothing is lost, run the command again";

/// The types of error that a node's going or coming leaves on requests and documents under way, with status 500.
pub(crate) fn is_accident(kind: &str) -> bool {
    matches!(
        kind,
        "node_closed_exception"
            | "node_disconnected_exception"
            | "node_not_connected_exception"
            | "connect_transport_exception"
            | "receive_timeout_transport_exception"
            | "already_closed_exception"
            | "alreadyclosed_exception"
            | "engine_closed_exception"
            | "index_shard_closed_exception"
            | "illegal_index_shard_state_exception"
            | "shard_not_found_exception"
            | "no_shard_available_action_exception"
            | "no_longer_primary_shard_exception"
            | "retry_on_primary_exception"
            | "primary_missing_action_exception"
            | "unavailable_shards_exception"
            | "task_cancelled_exception"
    )
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

    /// Will the same request be answered better in a while, perhaps by another node?
    pub(crate) fn passes(&self) -> bool {
        matches!(self.status, 408 | 429 | 502..=504)
            || self.is_block()
            || (self.status == 500 && is_accident(self.kind()))
    }

    /// Is it a block of the cluster or an index: a full disk, or a person's?
    pub(crate) fn is_block(&self) -> bool {
        self.kind() == BLOCK
    }

    fn kind(&self) -> &str {
        self.body["error"]["type"].as_str().unwrap_or_default()
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
            _ if kind == BLOCK => (Trouble::Busy, BLOCK_HELP),
            403 => (
                Trouble::Refused,
                "the key is known but lacks a right: README.md lists those that mailtrail needs",
            ),
            413 => (
                Trouble::TooLarge,
                "the server or a proxy in front of it limits the size of a request",
            ),
            // Elasticsearch 7.10 for a pattern of hundreds of pieces.
            400 if reason.contains("Determinizing automaton") || cause.contains("Determinizing automaton") => (
                Trouble::Answer,
                "the pattern has more `*` and `?` than this server takes: shorten it",
            ),
            408 | 429 | 500 | 502..=504 if self.passes() => {
                (Trouble::Busy, "the cluster is busy, full or starting: look at its log")
            }
            _ => (Trouble::Answer, ""),
        };
        HttpError {
            status: Some(status),
            kind: kind.to_owned(),
            ..HttpError::new(
                trouble,
                format!(
                    "{} was answered with {status}: {}{cause}",
                    self.asked,
                    shown(reason, 1000)
                ),
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

/// Reads a whole answer; what is not JSON is an error that says what it looks like.
pub(super) fn read(asked: String, base: &str, response: Response) -> Result<Answer, HttpError> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut bytes = Vec::new();
    response
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(base, &error))?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            // A proxy may cut an answer and end it properly.
            Err(error) if error.is_eof() && is_json(&headers) => return Err(broken(base, &"it ends in the middle")),
            // These statuses say enough, whoever sent them.
            Err(_) if matches!(status, 401 | 403 | 413 | 429 | 502 | 503 | 504) => Value::Null,
            Err(_) if bytes.len() as u64 == MAX_ANSWER_BYTES => {
                return Err(HttpError::new(
                    Trouble::Answer,
                    format!("{asked} got an answer above 512 MiB"),
                    "",
                ));
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

fn broken(base: &str, why: &dyn std::fmt::Display) -> HttpError {
    HttpError::new(
        Trouble::Interrupted,
        format!("the answer of {base} broke off: {why}"),
        "if it stays so, look at the server's log and at proxies in between",
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.contains("json"))
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
pub(crate) fn shown(text: &str, limit: usize) -> String {
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
