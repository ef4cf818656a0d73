//! Lines from Graylog, 2.x to 7.x, over its REST API.
//!
//! The hard part is that a search has a window, a silently limited range, an end that belongs to it in some versions
//! and no stable order, and that each kind of input keeps a line in another way. What is known of the versions was seen
//! on 4.2.3, 5.1.13, 6.1.4 and 7.0.1.
//!
//! In: a [`GraylogAccess`], a [`GraylogQuery`] and a time frame. Out: messages, complete up to a moment.

mod access;
mod answer;
mod client;
mod csv;
mod export;
mod pages;
mod query;
mod receipt;

pub use access::{GraylogAccess, Login};
pub use client::Graylog;
pub(super) use pages::Pages;
pub use query::{GraylogQuery, Range};
