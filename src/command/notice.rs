//! Who hears what a connection has to say while it lasts.

use std::sync::Arc;

use crate::elastic_http::Notice;

/// The person at the terminal, in plain lines: no result would tell what a command is waiting for.
pub(super) fn to_person() -> Notice {
    Arc::new(|text| anstream::eprintln!("{text}"))
}
