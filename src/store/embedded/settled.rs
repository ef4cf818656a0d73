//! A tantivy query that is read to its end before others combine it.
//!
//! For what is excluded: tantivy 0.27 asks the scorer of an exclusion for documents that it has passed, and those of
//! phrases, ranges and intersections are not made for it.

use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED};

/// The documents of another query.
#[derive(Debug)]
pub(super) struct Settled {
    inner: Box<dyn Query>,
}

impl Settled {
    pub(super) fn new(inner: Box<dyn Query>) -> Self {
        Self { inner }
    }
}

impl Clone for Settled {
    fn clone(&self) -> Self {
        Self::new(self.inner.box_clone())
    }
}

impl Query for Settled {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(SettledWeight {
            inner: self.inner.weight(scoring)?,
        }))
    }
}

struct SettledWeight {
    inner: Box<dyn Weight>,
}

impl Weight for SettledWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut found = BitSet::with_max_value(reader.max_doc());
        let mut scorer = self.inner.scorer(reader, boost)?;
        while scorer.doc() != TERMINATED {
            found.insert(scorer.doc());
            scorer.advance();
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.inner.explain(reader, document)
    }
}
