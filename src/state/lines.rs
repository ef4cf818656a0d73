//! Lines that no document holds yet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::line::{Line, Moment};

/// A line that begins with a queue id and that no rule knew, of a queue id of which nothing else was said: when something
/// is, it belongs to that document. Or a line of a client session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    /// When it was said.
    pub at: Moment,
    /// The host as in the documents.
    pub host: String,
    /// The queue id. Empty for a line of a session.
    pub queue_id: String,
    /// What another program said, or the beginning of a message of which it may speak; then the queue id is that of the
    /// mail that has the line, or empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
    /// The how-manieth of equal lines.
    #[serde(default)]
    pub ordinal: u16,
    /// The line; empty where it is not UTF-8.
    pub text: String,
    /// Base64 of a line that is not UTF-8.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bytes: String,
}

impl Waiting {
    /// Of a line that speaks of this queue id.
    pub fn of(line: &Line, queue_id: &str) -> Self {
        let text = std::str::from_utf8(&line.raw);
        Self {
            at: line.at,
            host: line.host.to_string(),
            queue_id: queue_id.to_owned(),
            beside: false,
            ordinal: line.ordinal,
            text: text.unwrap_or_default().to_owned(),
            bytes: if text.is_ok() {
                String::new()
            } else {
                BASE64.encode(&line.raw)
            },
        }
    }

    /// The line. None where it is damaged.
    pub fn line(&self) -> Option<Line> {
        let raw = match self.bytes.as_str() {
            "" => self.text.as_bytes().to_vec(),
            bytes => BASE64.decode(bytes).ok()?,
        };
        let line = Line::again(&raw, self.at, self.ordinal)?;
        Some(line.of_host(self.host.as_str().into()))
    }
}
