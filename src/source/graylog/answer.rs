//! What `GET /search/universal/absolute` answers.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::GraylogQuery;
use crate::line::Moment;
use crate::source::Seen;
use crate::source::arrival::Arrival;
use crate::source::json_field::{field, text};
use crate::source::server_time::moment;
use crate::source::stored::{Content, Stored};

/// The answer, as far as it is needed. All versions from 2.0 to 7.0 have these fields.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// At most as many as were asked for.
    pub(super) messages: Vec<Hit>,
    /// How many match in the range.
    pub(super) total_results: u64,
    /// The range that was searched, which need not be the one that was asked for.
    pub(super) from: String,
    pub(super) to: String,
}

/// One message.
#[derive(Debug, Deserialize)]
pub(super) struct Hit {
    message: Map<String, Value>,
}

impl Hit {
    /// The message. None without a time stamp: Graylog knows none such.
    pub(super) fn stored(&self, query: &GraylogQuery) -> Option<Stored> {
        let word = |name: &str| field(&self.message, name).and_then(text);
        let ulid = word("gl2_message_id").unwrap_or_default();
        let document = word("_id").unwrap_or_default();
        let at = moment(&word("timestamp")?)?;
        Some(Stored {
            key: key(&ulid, &document),
            at,
            ranged: moment(&word(query.ranged())?)?,
            arrival: Arrival::of(at, &ulid, &document),
            content: Content::of(&query.names, word),
        })
    }
}

/// What tells a message from all others, in JSON and in CSV: the document's id is a random one in CSV, and a message
/// in two index sets is two documents.
pub(super) fn key(ulid: &str, document: &str) -> crate::line::Digest {
    Seen::key(if ulid.is_empty() { document } else { ulid })
}

/// The range that was searched.
pub(super) fn searched(answer: &Answer) -> Option<(Moment, Moment)> {
    Some((moment(&answer.from)?, moment(&answer.to)?))
}
