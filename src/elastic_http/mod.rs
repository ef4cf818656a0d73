//! A thin client for Elasticsearch and OpenSearch, over plain HTTP and JSON.
//!
//! The hard part is to fail well: a busy cluster, a restart or a broken connection are waited for, with a back-off that
//! does not bring all clients back at once; a wrong URL, key or certificate is said at once, with what to do about it,
//! and never with the key in the message.
//!
//! In: an [`Access`] and requests as paths and JSON. Out: an [`Answer`], whatever its status, or an [`HttpError`].

mod access;
mod answer;
pub(crate) mod backoff;
mod client;
mod connection;
mod error;
mod identity;
mod patience;
mod secret;
mod server;

pub use access::{Access, Credentials, Notice};
pub use answer::Answer;
pub(crate) use answer::{BLOCK, BLOCK_HELP, is_accident, shown};
pub use client::ElasticHttp;
pub(crate) use connection::connection;
pub use error::{HttpError, Trouble};
pub use secret::Secret;
pub use server::{Flavour, Server};

/// Text as one segment of a path: what is not a letter, digit, `-`, `_` or `.` is escaped.
pub fn segment(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
