//! What is asked of Graylog.

use crate::line::{Dating, Moment, TimeZone};
use crate::source::FieldNames;
use crate::source::mail_query::mail_query;

/// What is asked of Graylog, within a time frame.
#[derive(Debug, Clone)]
pub struct GraylogQuery {
    /// In Graylog's search language; `*` is everything. None: what mail servers and their companions say.
    pub query: Option<String>,
    /// Ids of the streams to read (24 hexadecimal digits). Empty: all, which needs the right `searches:absolute`.
    pub streams: Vec<String>,
    /// What the fields are called.
    pub names: FieldNames,
    /// Which time of a message the frame is about.
    pub range: Range,
    /// Minutes to be added to Graylog's time stamps, where an input has read them in a wrong zone: -60 for an input
    /// that takes local time of UTC+1 for UTC... and so is an hour ahead.
    pub shift_minutes: i64,
    /// How many messages are asked for at once, at most [`GraylogQuery::WINDOW`].
    pub page: usize,
    /// How stamps are read that a shipper or a raw input left in the text. Stamps that Graylog has read need it not.
    pub dating: Dating,
}

/// Which time of a message a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Its time stamp: when it was said.
    Stamp,
    /// When Graylog received it (`gl2_receive_timestamp`, which 6.0 and later write): finds what came late, if it was
    /// said at most so many minutes before the frame, or so many after its end by a clock that is ahead.
    Received {
        /// How far the time stamps of what is received may be away.
        reach_minutes: u32,
    },
}

impl GraylogQuery {
    /// More than this a search server does not give at once, unless it was set otherwise.
    pub const WINDOW: usize = 10_000;
    const RECEIVED: &str = "gl2_receive_timestamp";
    /// A week: the reach of a host that was cut off.
    pub const WEEK_MINUTES: u32 = 7 * 24 * 60;

    /// The query for the lines of this frame, where it is about the receipt; a frame of stamps needs no more.
    pub(super) fn text(&self, from: Moment, to: Moment) -> String {
        if self.range == Range::Stamp {
            return self.plain();
        }
        let stamp = |at: Moment| at.rfc3339().replace('T', " ").replace('Z', "");
        // Half-open, as the frame.
        self.and(&format!(
            "{}:[\"{}\" TO \"{}\"}}",
            Self::RECEIVED,
            stamp(from),
            stamp(to)
        ))
    }

    /// The query for those of its messages of which Graylog wrote when it received them.
    pub(super) fn with_receipt(&self) -> String {
        self.and(&format!("_exists_:{}", Self::RECEIVED))
    }

    /// The query, whatever the frame.
    pub(super) fn plain(&self) -> String {
        let query = self.query.clone();
        query.unwrap_or_else(|| mail_query(&self.names, "facility"))
    }

    fn and(&self, condition: &str) -> String {
        match self.plain().trim() {
            // Graylog's export refuses the asterisk.
            "" | "*" => condition.to_owned(),
            query => format!("({query}) AND {condition}"),
        }
    }

    /// The field that the frame is about.
    pub(super) fn ranged(&self) -> &'static str {
        match self.range {
            Range::Stamp => "timestamp",
            Range::Received { .. } => Self::RECEIVED,
        }
    }

    /// How far the time stamps may be away from the frame, in milliseconds.
    pub(super) fn reach(&self) -> i64 {
        match self.range {
            Range::Stamp => 0,
            Range::Received { reach_minutes } => i64::from(reach_minutes) * 60_000,
        }
    }

    /// The fields that are needed.
    pub(super) fn fields(&self) -> Vec<&str> {
        let mut fields = vec!["timestamp", "gl2_message_id"];
        if self.range != Range::Stamp {
            fields.push(Self::RECEIVED);
        }
        fields.extend(self.names.all());
        fields
    }

    pub(in crate::source) fn shift(&self) -> i64 {
        self.shift_minutes.saturating_mul(60_000)
    }
}

impl Default for GraylogQuery {
    fn default() -> Self {
        Self {
            query: None,
            streams: Vec::new(),
            names: FieldNames::graylog(),
            range: Range::Stamp,
            shift_minutes: 0,
            page: 5000,
            dating: Dating::today(TimeZone::Local, None),
        }
    }
}
