//! What the indices are called.
//!
//! `mailtrail-tx-2026.11` holds mails, refusals, sessions and records of that month (UTC), for a person together under
//! the alias `mailtrail-tx`; `mailtrail-ledger-2026.11` holds what was read (slices) and what no rule matched
//! (templates), together under `mailtrail-ledger`. They are apart because a name cannot be a list of strings in one
//! document and something else in another of the same index, and because a person may want to keep them for different
//! times.

use chrono::{DateTime, Months, NaiveDate, Utc};

use crate::transaction::Document;

/// Which of the two families of indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Mails, refusals, sessions, records.
    Transactions,
    /// Slices and templates.
    Ledger,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Transactions, Self::Ledger];

    /// Where this document belongs.
    pub fn of(document: &Document) -> Self {
        match document {
            Document::Transaction(_) | Document::Record(_) => Self::Transactions,
            Document::Slice(_) | Document::Template(_) => Self::Ledger,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Transactions => "tx",
            Self::Ledger => "ledger",
        }
    }
}

/// The names of everything that mailtrail has in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    prefix: String,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            prefix: "mailtrail".to_owned(),
        }
    }
}

impl Layout {
    /// With another beginning than `mailtrail`: lower case letters, digits, `-` and `_`, a letter first. None if it is
    /// not so.
    pub fn new(prefix: &str) -> Option<Self> {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let good = prefix.len() <= 100
            && prefix.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            && prefix.bytes().all(rest);
        good.then(|| Self {
            prefix: prefix.to_owned(),
        })
    }

    /// The alias over all periods, and the name of the templates: `mailtrail-tx`.
    pub fn alias(&self, family: Family) -> String {
        format!("{}-{}", self.prefix, family.word())
    }

    /// What a search asks: every period that is there, and no index of another name. Not the alias, which only the
    /// template gives: to name one oneself takes a right that a key for writing lacks.
    pub fn periods(&self, family: Family) -> String {
        format!("{}-*.*", self.alias(family))
    }

    /// The path of a request to all indices of both families, which need not be there yet.
    pub(super) fn everywhere(&self, action: &str) -> String {
        let aliases = Family::ALL.map(|family| self.periods(family)).join(",");
        format!("/{aliases}/{action}?ignore_unavailable=true&allow_no_indices=true")
    }

    /// The path of a search in all periods of families. It fails as a whole, and is repeated, where a shard is not ready:
    /// without the last word the shard's documents would be left out, and the answer be a success.
    pub(super) fn search(&self, families: &[Family]) -> String {
        let periods: Vec<String> = families.iter().map(|family| self.periods(*family)).collect();
        format!(
            "/{}/_search?ignore_unavailable=true&allow_no_indices=true&allow_partial_search_results=false",
            periods.join(",")
        )
    }

    /// All periods, for the templates: `mailtrail-tx-*`.
    pub fn pattern(&self, family: Family) -> String {
        format!("{}-*", self.alias(family))
    }

    /// The index of a document: that of the period which its id begins with. None if the id is none of mailtrail's.
    pub fn index_of(&self, family: Family, id: &str) -> Option<String> {
        let (period, digest) = id.split_once('-')?;
        let digits = period.len() == 6 && period.bytes().all(|byte| byte.is_ascii_digit());
        // Longer ids are refused by the servers, together with everything else in the request.
        if !digits || digest.is_empty() || id.len() > 512 {
            return None;
        }
        let (year, month) = period.split_at(4);
        Some(format!("{}-{year}.{month}", self.alias(family)))
    }

    /// The first moment after an index's period. None if the name is no period index of this layout.
    pub fn end_of(&self, index: &str) -> Option<DateTime<Utc>> {
        let period = Family::ALL
            .iter()
            .find_map(|family| index.strip_prefix(&self.alias(*family))?.strip_prefix('-'))?;
        let (year, month) = period.split_once('.')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        let first = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)?;
        let next = first.checked_add_months(Months::new(1))?;
        Some(next.and_hms_opt(0, 0, 0)?.and_utc())
    }
}
