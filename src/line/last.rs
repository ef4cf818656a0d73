//! `last message repeated 2 times`: what the last message of a host was.
//!
//! A syslog daemon writes this instead of a message that equals the one before it. It does so per file, so it is the
//! host's last message in the log; where the line names a program, too, it must be that program's.
//!
//! In: lines, one after the other. Out: the message that was repeated.

use std::collections::HashMap;
use std::sync::Arc;

use super::Line;
use super::entry::Entry;

/// No site has so many hosts; a log that makes them up costs this much memory and no more.
const MOST: usize = 1024;

/// The last message of each host.
#[derive(Debug, Default)]
pub(crate) struct LastMessages {
    last: Message,
    others: HashMap<Arc<str>, Message>,
}

#[derive(Debug, Default)]
struct Message {
    host: Arc<str>,
    program: Arc<str>,
    pid: Option<u32>,
    text: Vec<u8>,
}

impl LastMessages {
    /// Takes the next line.
    pub(crate) fn note(&mut self, line: &Line) {
        if !Arc::ptr_eq(&self.last.host, &line.host) {
            let next = self.others.remove(&line.host).unwrap_or_default();
            if self.others.len() >= MOST {
                self.others.clear();
            }
            let before = std::mem::replace(&mut self.last, next);
            self.others.insert(Arc::clone(&before.host), before);
            self.last.host = Arc::clone(&line.host);
        }
        if !Arc::ptr_eq(&self.last.program, &line.program) {
            self.last.program = Arc::clone(&line.program);
        }
        self.last.pid = line.pid;
        self.last.text.clear();
        self.last.text.extend_from_slice(line.text());
    }

    /// The last message of this host. `program`: empty for any. `text`: `message repeated 2 times: [ ...]`, the way
    /// newer daemons say it.
    pub(crate) fn repeated(&self, count: u32, host: &str, program: &str, pid: Option<u32>) -> Option<Entry> {
        let message = if *self.last.host == *host {
            &self.last
        } else {
            self.others.get(host)?
        };
        if !program.is_empty() && (*message.program != *program || message.pid != pid) || message.text.is_empty() {
            return None;
        }
        let mut text = format!("message repeated {count} times: [ ").into_bytes();
        text.extend_from_slice(&message.text);
        text.push(b']');
        Some(Entry {
            host: message.host.as_bytes().to_vec(),
            program: message.program.as_bytes().to_vec(),
            pid: message.pid,
            text,
        })
    }
}

/// The count of `last message repeated 2 times`. None for any other message, and for 0.
pub(crate) fn count(text: &[u8]) -> Option<u32> {
    let rest = text.strip_prefix(b"last message repeated ")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let tail = rest.get(digits..)?.trim_ascii_end();
    if !matches!(tail, b" times" | b" time") {
        return None;
    }
    super::stamp::number(rest.get(..digits)?).filter(|count| *count > 0)
}
