//! Which part of what matches, in which order.

use crate::line::Moment;
use crate::transaction::Document;

/// By `@timestamp`; equal times always by id, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// The place behind a document, in an order: where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The document's `@timestamp`.
    pub at: Moment,
    /// Its id.
    pub id: String,
}

impl Cursor {
    /// Behind this document.
    pub fn behind(document: &Document) -> Self {
        Self {
            at: document.at(),
            id: document.id().to_owned(),
        }
    }
}

/// Which part of what matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many documents; 0 only counts.
    pub limit: usize,
    /// Skip so many first. Costs as much as reading them: go on with `after` instead.
    pub offset: usize,
    /// In which order.
    pub order: Order,
    /// Only what comes behind this place. None: from the beginning. Does not change `total`.
    pub after: Option<Cursor>,
}

impl Page {
    /// The newest so many.
    pub fn newest(limit: usize) -> Self {
        Self {
            limit,
            offset: 0,
            order: Order::Newest,
            after: None,
        }
    }

    /// The oldest so many.
    pub fn oldest(limit: usize) -> Self {
        Self {
            order: Order::Oldest,
            ..Self::newest(limit)
        }
    }

    /// The same page, behind this place.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor);
        self
    }
}

impl Default for Page {
    /// The newest fifty.
    fn default() -> Self {
        Self::newest(50)
    }
}
