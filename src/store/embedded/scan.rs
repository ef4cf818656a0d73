//! A tantivy query for values with wildcards, ranges of keywords, and "there is a value": walks the terms of a field.
//!
//! Instead of a regular expression, so that a pattern means exactly what [`Glob::matches`] says, needs no escaping, and
//! costs time in proportion to the terms, whatever it looks like.

use std::ops::Bound;

use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TantivyError};

use crate::query::Glob;

/// Which terms are meant.
#[derive(Debug, Clone)]
pub(super) enum Terms {
    /// Every one.
    All,
    /// Those that match.
    Like(Glob),
    /// Those between, in the order of bytes.
    Within(Bound<String>, Bound<String>),
}

/// Documents that have a term of a field that is meant.
#[derive(Debug, Clone)]
pub(super) struct TermScan {
    field: Field,
    /// What stands before the value in the dictionary: a path in JSON.
    path: Vec<u8>,
    terms: Terms,
}

impl TermScan {
    pub(super) fn new(field: Field, path: &[u8], terms: Terms) -> Self {
        Self {
            field,
            path: path.to_vec(),
            terms,
        }
    }

    fn documents(&self, reader: &SegmentReader) -> tantivy::Result<BitSet> {
        let mut found = BitSet::with_max_value(reader.max_doc());
        let index = reader.inverted_index(self.field)?;
        let mut prefix = self.path.clone();
        if let Terms::Like(glob) = &self.terms {
            prefix.extend_from_slice(glob.prefix().as_bytes());
        }
        let mut stream = index.terms().range().ge(&prefix).into_stream()?;
        while stream.advance() {
            let term = stream.key();
            if !term.starts_with(&prefix) {
                break;
            }
            if !self.wants(term.get(self.path.len()..).unwrap_or_default()) {
                continue;
            }
            let mut postings = index.read_block_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)?;
            while !postings.docs().is_empty() {
                for &document in postings.docs() {
                    found.insert(document);
                }
                postings.advance();
            }
        }
        Ok(found)
    }

    fn wants(&self, term: &[u8]) -> bool {
        let Ok(term) = std::str::from_utf8(term) else {
            return false;
        };
        match &self.terms {
            Terms::All => true,
            Terms::Like(glob) => glob.matches(term),
            Terms::Within(from, to) => {
                let above = match from {
                    Bound::Included(from) => term >= from.as_str(),
                    Bound::Excluded(from) => term > from.as_str(),
                    Bound::Unbounded => true,
                };
                let below = match to {
                    Bound::Included(to) => term <= to.as_str(),
                    Bound::Excluded(to) => term < to.as_str(),
                    Bound::Unbounded => true,
                };
                above && below
            }
        }
    }
}

impl Query for TermScan {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for TermScan {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let found = BitSetDocSet::from(self.documents(reader)?);
        Ok(Box::new(ConstScorer::new(found, boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() <= document && scorer.seek(document) == document {
            return Ok(Explanation::new("TermScan", 1.0));
        }
        Err(TantivyError::InvalidArgument("the document does not match".to_owned()))
    }
}
