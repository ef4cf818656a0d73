//! One line that a person gives: with its header, or as a message of a program.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::cli::Said;
use crate::command::input::dating;
use crate::config::Config;
use crate::line::{Evidence, Line, Reader};
use crate::rule::message_line;

/// A line, and whether it has a header.
pub(super) fn read(text: &str, program: Option<&str>, said: &Said, config: &Config) -> Result<(Line, bool)> {
    let text = text.trim_end_matches(['\n', '\r']);
    let mut reader = Reader::new(Arc::from("-"), dating(said, config)?, Evidence::default());
    if let Some(line) = reader.read(text.as_bytes(), 1) {
        return Ok((line, true));
    }
    // A record that sendmail has split waits for its other parts.
    reader.end();
    if let Some(line) = reader.pending() {
        return Ok((line, true));
    }
    let Some(program) = program else {
        bail!(
            "the line has no header that mailtrail knows, so nothing tells which program said it: \
             say so with --program, for example --program postfix/smtpd"
        );
    };
    Ok((message_line(program, text.as_bytes()), false))
}
