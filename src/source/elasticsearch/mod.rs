//! Lines from an index of Elasticsearch or OpenSearch: Graylog's own, Filebeat's, Logstash's, or any with a time.
//!
//! The hard part is to read everything once: both servers lose documents in silence when pages are cut between
//! documents of one time, so the order always ends with a unique key, the view does not change while it is read, and
//! what was read is counted against what there is.
//!
//! In: a connection, an [`IndexQuery`] and a time frame. Out: messages, complete up to a moment.

mod pages;
mod query;
mod view;

pub(super) use pages::Pages;
pub use query::{IndexQuery, TimeKind};
