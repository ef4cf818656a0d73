//! The evidence of a story: what is told, the raw lines with their hashes, the rules that read them, and what was read
//! around it.
//!
//! Who gets the pack need not trust who made it: each line has the SHA-256 of its bytes, so it can be compared with the
//! log itself, line by line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::{AnswerError, Coverage, Story, TimeFrame, coverage};
use crate::assemble::evidence::remembered;
use crate::line::Moment;
use crate::store::Store;
use crate::transaction::Transaction;

/// So much before the first line and after the last one the coverage is told, in milliseconds.
const AROUND_MS: i64 = 3_600_000;

/// The version of the pack's shape.
pub const VERSION: u32 = 1;

/// The evidence of one message.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// Always [`VERSION`].
    pub evidence: u32,
    /// When it was made.
    pub made: Moment,
    /// By which program: `mailtrail 0.1.0`.
    pub by: String,
    /// Who and where is replaced by pseudonyms.
    pub scrubbed: bool,
    /// What is told, without raw lines.
    pub story: Story,
    /// The lines of each document of the story.
    pub documents: Vec<DocumentLines>,
    /// The fingerprint of the rules that are in use now.
    pub rules: String,
    /// The time of which the coverage is told: the message's own and an hour around it.
    pub around: TimeFrame,
    /// What was read of that time.
    pub coverage: Coverage,
}

/// The lines of a document.
#[derive(Debug, Clone, Serialize)]
pub struct DocumentLines {
    /// The document.
    pub id: String,
    /// Its host.
    pub host: String,
    /// Its queue id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// The fingerprint of the rules that read the lines.
    pub rules: String,
    /// How many lines the document has; more than `lines` where not all could be kept.
    pub line_count: u64,
    /// The lines, by time.
    pub lines: Vec<RawLine>,
}

/// A line as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RawLine {
    /// When it was said, UTC.
    pub at: Moment,
    /// SHA-256 of its bytes, without the line end, in hexadecimal.
    pub sha256: String,
    /// The line; what is not UTF-8 is replaced.
    pub line: String,
    /// The bytes, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// The evidence of a story that still has its hidden memory. `rules` is the fingerprint of the rules in use.
pub fn evidence(store: &dyn Store, told: &Story, rules: &str, made: Moment) -> Result<Evidence, AnswerError> {
    let documents = || told.hops.iter().chain(&told.notices);
    let first = documents().map(|document| document.at.0).min().unwrap_or(made.0);
    let last = documents().map(|document| document.end.0).max().unwrap_or(made.0);
    let around = TimeFrame {
        from: Some(Moment(first - AROUND_MS)),
        until: Some(Moment(last + AROUND_MS)),
    };
    Ok(Evidence {
        evidence: VERSION,
        made,
        by: concat!("mailtrail ", env!("CARGO_PKG_VERSION")).to_owned(),
        scrubbed: false,
        documents: documents().map(lines_of).collect(),
        story: told.clone().without_lines(),
        rules: rules.to_owned(),
        coverage: coverage(store, around)?,
        around,
    })
}

fn lines_of(document: &Transaction) -> DocumentLines {
    let mut lines = remembered(document);
    lines.sort_by(|a, b| (a.at, &a.raw).cmp(&(b.at, &b.raw)));
    DocumentLines {
        id: document.id.clone(),
        host: document.host.clone(),
        queue_id: document.queue_id.clone(),
        rules: document.rules.clone(),
        line_count: document.line_count,
        lines: lines.iter().map(|line| RawLine::of(line.at, &line.raw)).collect(),
    }
}

impl RawLine {
    /// Of the bytes as they were read.
    pub fn of(at: Moment, raw: &[u8]) -> Self {
        let is_text = std::str::from_utf8(raw).is_ok();
        Self {
            at,
            sha256: sha256(raw),
            line: String::from_utf8_lossy(raw).into_owned(),
            base64: (!is_text).then(|| BASE64.encode(raw)),
        }
    }
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
