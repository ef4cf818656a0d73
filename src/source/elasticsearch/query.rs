//! What is asked of an index.

use crate::line::{Dating, Moment, TimeZone};
use crate::source::FieldNames;
use crate::source::mail_query::mail_query;

/// What is asked of an index, within a time frame.
#[derive(Debug, Clone)]
pub struct IndexQuery {
    /// Names of indices, with `*`, between commas; `-` before a name takes it out. Not an alias of only the newest.
    pub index: String,
    /// In Lucene's language; `*` is everything. None: what mail servers and their companions say.
    pub query: Option<String>,
    /// What the fields are called.
    pub names: FieldNames,
    /// The field with the time that the frame is about.
    pub time: String,
    /// What is in that field.
    pub kind: TimeKind,
    /// A field that is different in every document, of the type `keyword`, which also tells the order within a moment.
    /// Empty: there is none; then the server's own order is used, which some versions pay for with memory.
    pub unique: String,
    /// The field with the name of the syslog facility, for the default query. Empty: there is none.
    pub facility: String,
    /// Minutes to be added to the time stamps, where they were read in a wrong zone.
    pub shift_minutes: i64,
    /// How many documents are asked for at once, at most 10,000.
    pub page: usize,
    /// How stamps are read that stand in the text itself.
    pub dating: Dating,
}

/// What is in the field with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeKind {
    /// A `date` or `date_nanos`, in whatever format.
    Date,
    /// A number: seconds since 1970, perhaps with a fraction (Graylog before 0.20).
    EpochSeconds,
    /// A number: milliseconds since 1970.
    EpochMilliseconds,
}

impl IndexQuery {
    /// Graylog's own indices, with the usual prefix. For another index set give its prefix in `index`.
    pub fn graylog() -> Self {
        Self {
            names: FieldNames::graylog(),
            unique: "gl2_message_id".into(),
            facility: "facility".into(),
            ..Self::new("graylog_*,-gl-events_*,-gl-system-events_*", "timestamp")
        }
    }

    /// What Filebeat or the Elastic Agent write.
    pub fn filebeat() -> Self {
        Self {
            facility: "log.syslog.facility.name".into(),
            ..Self::new("filebeat-*", "@timestamp")
        }
    }

    /// What Logstash writes.
    pub fn logstash() -> Self {
        Self {
            names: FieldNames::logstash(),
            facility: "facility_label".into(),
            ..Self::new("logstash-*", "@timestamp")
        }
    }

    /// Any index with a `date` field, with the names of the Elastic Common Schema for the other fields.
    pub fn new(index: &str, time: &str) -> Self {
        Self {
            index: index.to_owned(),
            query: None,
            names: FieldNames::ecs(),
            time: time.to_owned(),
            kind: TimeKind::Date,
            unique: String::new(),
            facility: String::new(),
            shift_minutes: 0,
            page: 5000,
            dating: Dating::today(TimeZone::Local, None),
        }
    }

    pub(super) fn text(&self) -> String {
        let query = self.query.clone();
        query.unwrap_or_else(|| mail_query(&self.names, &self.facility))
    }

    pub(in crate::source) fn shift(&self) -> i64 {
        self.shift_minutes.saturating_mul(60_000)
    }

    /// The condition of a frame.
    pub(super) fn range(&self, from: Moment, to: Moment) -> serde_json::Value {
        // Numbers are right for every date format but those that are a number themselves, and for those with `format`.
        let bounds = match self.kind {
            TimeKind::Date => serde_json::json!({ "gte": from.0, "lt": to.0, "format": "epoch_millis" }),
            TimeKind::EpochMilliseconds => serde_json::json!({ "gte": from.0, "lt": to.0 }),
            TimeKind::EpochSeconds => serde_json::json!({ "gte": seconds(from), "lt": seconds(to) }),
        };
        serde_json::json!({ "range": { self.time.as_str(): bounds } })
    }

    /// The time in such a field.
    pub(super) fn moment(&self, value: &serde_json::Value) -> Option<Moment> {
        match (self.kind, value) {
            (TimeKind::Date, serde_json::Value::String(text)) => crate::source::server_time::moment(text),
            (TimeKind::EpochSeconds, _) => {
                let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
                // A double holds milliseconds of any likely time exactly.
                #[allow(clippy::cast_possible_truncation)]
                Some(Moment((seconds * 1000.0).round() as i64))
            }
            _ => Some(Moment(value.as_i64().or_else(|| value.as_str()?.parse().ok())?)),
        }
    }

    /// The time by which a document was sorted, where its own is in a format that only the server knows.
    pub(super) fn sorted(&self, value: &serde_json::Value) -> Option<Moment> {
        if self.kind != TimeKind::Date {
            return None;
        }
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
        // `date_nanos` is sorted by nanoseconds. 10^15 milliseconds are the year 33658.
        Some(Moment(if number > 1_000_000_000_000_000 {
            number / 1_000_000
        } else {
            number
        }))
    }
}

fn seconds(at: Moment) -> f64 {
    // A double holds milliseconds of any likely time exactly.
    #[allow(clippy::cast_precision_loss)]
    let milliseconds = at.0 as f64;
    milliseconds / 1000.0
}
