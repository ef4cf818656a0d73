//! `last message repeated 2 times`: what the last message of a host was.
//!
//! A syslog daemon writes this instead of a message that equals the one before it. It does so per file, so it is the
//! host's last message in the log; where the line names a program, too, it must be that program's.
//!
//! In: lines, one after the other. Out: the message that was repeated.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::Line;
use super::entry::Entry;

/// No site has so many hosts; a log that makes them up costs this much memory and no more.
const MOST: usize = 1024;

/// Of so many hosts the message is found without hashing the name.
const NEAR: usize = 8;

/// The last message of each host.
#[derive(Debug, Default)]
pub(crate) struct LastMessages {
    messages: Vec<Message>,
    by_host: HashMap<Arc<str>, usize>,
}

#[derive(Debug)]
struct Message {
    host: Arc<str>,
    program: Arc<str>,
    pid: Option<u32>,
    /// The line that said it, and where in it.
    raw: Arc<[u8]>,
    text: Range<u32>,
}

impl Message {
    fn of(line: &Line) -> Self {
        Self {
            host: Arc::clone(&line.host),
            program: Arc::clone(&line.program),
            pid: line.pid,
            raw: Arc::clone(&line.raw),
            text: line.text.clone(),
        }
    }

    fn text(&self) -> &[u8] {
        let Range { start, end } = self.text;
        self.raw.get(start as usize..end as usize).unwrap_or_default()
    }
}

impl LastMessages {
    /// Takes the next line.
    pub(crate) fn note(&mut self, line: &Line) {
        let near = self.messages.iter().take(NEAR);
        let near = near
            .take_while(|message| !Arc::ptr_eq(&message.host, &line.host))
            .count();
        let found = if near < NEAR.min(self.messages.len()) {
            Some(near)
        } else {
            self.by_host.get(&line.host).copied()
        };
        if let Some(message) = found.and_then(|found| self.messages.get_mut(found)) {
            *message = Message::of(line);
            return;
        }
        if self.messages.len() >= MOST {
            self.messages.clear();
            self.by_host.clear();
        }
        self.by_host.insert(Arc::clone(&line.host), self.messages.len());
        self.messages.push(Message::of(line));
    }

    /// The last message of this host. `program`: empty for any. `text`: `message repeated 2 times: [ ...]`, the way
    /// newer daemons say it.
    pub(crate) fn repeated(&self, count: u32, host: &str, program: &str, pid: Option<u32>) -> Option<Entry> {
        let message = self.messages.get(*self.by_host.get(host)?)?;
        if !program.is_empty() && (*message.program != *program || message.pid != pid) || message.text.is_empty() {
            return None;
        }
        let mut text = format!("message repeated {count} times: [ ").into_bytes();
        text.extend_from_slice(message.text());
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
