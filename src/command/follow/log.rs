//! What a service says: one event a line, `key=value`.

use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::sync::Arc;

use crate::command::escape::escape;
use crate::command::when;
use crate::elastic_http::Notice;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::command) enum Level {
    Info,
    Warn,
    Error,
}

/// Says one event on standard error, in one write: `ts=... level=info event=stopped lines=12`.
pub(in crate::command) fn say(level: Level, event: &str, fields: &[(&str, &dyn Display)]) {
    let line = line(level, event, fields);
    // Where standard error is gone there is nobody to tell.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Says what a connection has to say: `event=connection source=graylog msg="... trying again"`.
pub(super) fn connection(source: &str) -> Notice {
    let source = source.to_owned();
    Arc::new(move |text| say(Level::Warn, "connection", &[("source", &source), ("msg", &text)]))
}

fn line(level: Level, event: &str, fields: &[(&str, &dyn Display)]) -> String {
    let level = match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    let mut line = format!("ts={} level={level} event={event}", when::now());
    for (key, value) in fields {
        let value = value.to_string();
        let bare = !value.is_empty() && !value.contains([' ', '"', '=', '\\', '\n']);
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        let value = escape(&value);
        let _ = if bare {
            write!(line, " {key}={value}")
        } else {
            write!(line, " {key}=\"{value}\"")
        };
    }
    line.push('\n');
    line
}
