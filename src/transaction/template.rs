//! Lines of one shape that no rule knew, per day: what a new rule would be written for.

use serde::{Deserialize, Serialize};

use crate::line::{Digest, Moment};

use super::{SCHEMA, SliceMemory};

/// How long a day is, in milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Unmatched lines of one shape and program, of one day (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Always `template`.
    pub kind: TemplateKind,
    /// Content only: period and a digest of program, template and day.
    pub id: String,
    /// The start of the day.
    #[serde(rename = "@timestamp")]
    pub at: Moment,
    /// The message with `<*>` for what varies.
    pub template: String,
    /// The syslog tag. Empty where there is none.
    pub program: String,
    /// The hosts that said it, the first ones in the order of their names.
    pub hosts: Vec<String>,
    /// How many lines.
    pub count: u64,
    /// The earliest line.
    pub first: Moment,
    /// The latest line.
    pub last: Moment,
    /// The message of the earliest line, without header.
    pub example: String,
    /// The fingerprint of the rule set that did not know it.
    pub rules: String,
    /// When a run first met this template of this program, by the clock of that run: "new since the last run". Hidden,
    /// since it is no content: the same lines read at another time are the same document. None in a store that keeps no
    /// state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<Moment>,
    /// What a later run needs to add to it. Hidden: stores keep it, nobody is shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<SliceMemory>,
}

/// The one kind of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateKind {
    /// The only one.
    #[default]
    Template,
}

/// A document names at most so many hosts.
pub const MAX_HOSTS: usize = 100;

impl Template {
    /// Of a program and the day of a moment, with no line yet.
    pub fn new(program: &str, template: &str, at: Moment) -> Self {
        let day = Moment(at.0.div_euclid(DAY_MS) * DAY_MS);
        let digest = Digest::of_parts(&[
            b"template",
            program.as_bytes(),
            template.as_bytes(),
            &day.second().to_le_bytes(),
        ]);
        Self {
            schema: SCHEMA,
            kind: TemplateKind::Template,
            id: digest.id_at(day),
            at: day,
            template: template.to_owned(),
            program: program.to_owned(),
            hosts: Vec::new(),
            count: 0,
            first: at,
            last: at,
            example: String::new(),
            rules: String::new(),
            noticed: None,
            memory: None,
        }
    }

    /// Notes that a host said it; at most [`MAX_HOSTS`] are named.
    pub fn host(&mut self, host: &str) {
        if let Err(at) = self.hosts.binary_search_by(|known| known.as_str().cmp(host)) {
            self.hosts.insert(at, host.to_owned());
            self.hosts.truncate(MAX_HOSTS);
        }
    }
}
