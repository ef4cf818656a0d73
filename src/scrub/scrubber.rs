//! Which bytes of a line are who and where, by the fields of its rule, and by their look where no field is.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::pseudonym::{Pseudonyms, is_name};
use crate::event::{Capture, Event, FIELDS, Field};
use crate::line::Line;
use crate::pattern::take;
use crate::rule::{RuleSet, Scratch};

/// So many names are learned; a hostile log can hold a million.
const MOST_NAMES: usize = 1_000_000;
/// The longest address that is looked for, in bytes: what is longer is taken in pieces, so that a line takes linear time.
const MAX_TOKEN: usize = 512;
/// The same of an IP address, with its zone.
const MAX_IP: usize = 80;
/// Names that are shorter are words as well.
const SHORTEST: usize = 3;

/// Replaces who and where.
pub struct Scrubber<'r> {
    rules: &'r RuleSet,
    scratch: Scratch,
    pseudonyms: Pseudonyms,
    /// Names in lower case, known from fields; they are replaced wherever they stand alone.
    names: HashSet<Vec<u8>>,
    /// Words of the rules' own patterns: elsewhere than in a field they are no names.
    words: HashSet<Vec<u8>>,
    /// Queue ids stay, also inside a Message-ID.
    ids: HashSet<Vec<u8>>,
}

/// A line that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// As long as the line was.
    pub line: Vec<u8>,
    /// A rule says what its parts are. Where none does, a name that looks like a word may be left.
    pub matched: bool,
}

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Address,
    Host,
    Ip,
    /// A Message-ID: its queue ids stay.
    MessageId,
    /// Words of a person: every one of them goes.
    Words,
    /// Known and harmless.
    Plain,
}

impl<'r> Scrubber<'r> {
    /// With the rules that say what is what.
    pub fn new(rules: &'r RuleSet, pseudonyms: Pseudonyms) -> Self {
        Self {
            rules,
            scratch: Scratch::default(),
            pseudonyms,
            names: HashSet::new(),
            words: words_of(rules),
            ids: HashSet::new(),
        }
    }

    /// Learns the names of a line, so that they are found in the words of others.
    pub fn learn(&mut self, line: &Arc<Line>) {
        self.name(line.host.as_bytes());
        let Some(event) = self.rules.event(line, &mut self.scratch) else {
            return;
        };
        for (sort, span) in spans(&event) {
            let value = &line.text()[span];
            match sort {
                Sort::Address | Sort::Host => self.name(value),
                Sort::Ip | Sort::MessageId | Sort::Words | Sort::Plain => {}
            }
        }
        for field in [
            Field::QueueId,
            Field::NextQueueId,
            Field::NewQueueId,
            Field::NoticeQueueId,
            Field::OldQueueId,
        ] {
            let ids: Vec<Vec<u8>> = event.all(field).map(<[u8]>::to_vec).collect();
            if self.ids.len() < MOST_NAMES {
                self.ids.extend(ids);
            }
        }
    }

    fn name(&mut self, value: &[u8]) {
        if self.names.len() >= MOST_NAMES {
            return;
        }
        // The part behind the last dot of a host is no name.
        let domain = value.iter().rposition(|byte| *byte == b'.').unwrap_or(value.len());
        for name in value[..domain].split(|byte| !is_name(*byte)) {
            let has_letter = name.iter().any(u8::is_ascii_alphabetic);
            let name_lower = name.to_ascii_lowercase();
            if name.len() >= SHORTEST && has_letter && !self.words.contains(&name_lower) {
                self.names.insert(name_lower);
            }
        }
    }

    /// The line with pseudonyms.
    pub fn scrub(&mut self, line: &Arc<Line>) -> Scrubbed {
        let event = self.rules.event(line, &mut self.scratch);
        let mut out = self.replaced(line, event.as_ref(), true);
        let rule = event.as_ref().map(|event| event.rule);
        // A word that is somebody's name as well: the line must mean what it meant.
        if rule != self.rule_of(&out, line) {
            let without = self.replaced(line, event.as_ref(), false);
            if rule == self.rule_of(&without, line) {
                out = without;
            }
        }
        Scrubbed {
            line: out,
            matched: event.is_some_and(|event| !event.generic),
        }
    }

    fn rule_of(&mut self, raw: &[u8], line: &Line) -> Option<u16> {
        let again = Arc::new(Line::again(raw, line.at, line.ordinal)?);
        self.rules.event(&again, &mut self.scratch).map(|event| event.rule)
    }

    /// `names`: known names are replaced in text without a field as well.
    fn replaced(&self, line: &Line, event: Option<&Event>, names: bool) -> Vec<u8> {
        let text = line.text();
        let mut out = self.header(line);
        let mut at = 0;
        for (sort, span) in event.into_iter().flat_map(spans) {
            if span.start < at {
                continue;
            }
            self.free(text, at..span.start, names, &mut out);
            let value = &text[span.clone()];
            match sort {
                Sort::Address => out.extend(self.pseudonyms.address(value)),
                Sort::Host => out.extend(self.host_or_ip(value)),
                Sort::Ip => out.extend(self.pseudonyms.ip(value)),
                Sort::MessageId => self.message_id(value, &mut out),
                Sort::Words => out.extend(self.pseudonyms.names(value)),
                Sort::Plain => out.extend_from_slice(value),
            }
            at = span.end;
        }
        self.free(text, at..text.len(), names, &mut out);
        out.extend_from_slice(line.raw.get(line.text.end as usize..).unwrap_or_default());
        out
    }

    /// What stands before the message: the host in it is replaced.
    fn header(&self, line: &Line) -> Vec<u8> {
        let head = line.raw.get(..line.text.start as usize).unwrap_or_default();
        let host = line.host.as_bytes();
        let lower = head.to_ascii_lowercase();
        let found = memchr::memmem::find_iter(&lower, host).find(|at| {
            let before = at.checked_sub(1).map(|at| lower[at]);
            before == Some(b' ') && lower.get(at + host.len()) == Some(&b' ')
        });
        match found {
            Some(at) if !host.is_empty() => {
                let mut out = head[..at].to_vec();
                out.extend(self.host_or_ip(&head[at..at + host.len()]));
                out.extend_from_slice(&head[at + host.len()..]);
                out
            }
            _ => head.to_vec(),
        }
    }

    fn host_or_ip(&self, value: &[u8]) -> Vec<u8> {
        let bare = value.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        let inner = bare.unwrap_or(value);
        if take("ip", inner, 0).is_none_or(|(span, _)| span.end != inner.len()) {
            return self.pseudonyms.host(value);
        }
        let ip = self.pseudonyms.ip(inner);
        if bare.is_some() {
            [b"[", &*ip, b"]"].concat()
        } else {
            ip
        }
    }

    fn message_id(&self, value: &[u8], out: &mut Vec<u8>) {
        let at = value.iter().rposition(|byte| *byte == b'@').unwrap_or(value.len());
        let mut rest = &value[..at];
        while let Some(first) = rest.first() {
            let length = rest.iter().take_while(|byte| is_name(**byte)).count().max(1);
            let (part, behind) = rest.split_at(length);
            if is_name(*first) && !self.ids.contains(part) {
                out.extend(self.pseudonyms.name(part));
            } else {
                out.extend_from_slice(part);
            }
            rest = behind;
        }
        if at < value.len() {
            out.push(b'@');
            out.extend(self.host_or_ip(&value[at + 1..]));
        }
    }

    /// Text without a field: what looks like an address, a host or an IP goes, and so do known names.
    fn free(&self, text: &[u8], span: Range<usize>, names: bool, out: &mut Vec<u8>) {
        let text = &text[..span.end];
        let mut at = span.start;
        while at < text.len() {
            let starts = at == 0 || !is_name(text[at - 1]) && text[at - 1] != b'.';
            if !starts || !is_token(text[at]) && text[at] != b':' {
                out.push(text[at]);
                at += 1;
                continue;
            }
            if let Some((value, next)) =
                take("ip", &text[..text.len().min(at + MAX_IP)], at).filter(|(value, next)| value.end == *next)
                && text.get(next).is_none_or(|byte| !is_name(*byte) && *byte != b'@')
            {
                out.extend(self.pseudonyms.ip(&text[value]));
                at = next;
                continue;
            }
            let end = token_end(text, at);
            let token = &text[at..end];
            if end == at {
                out.push(text[at]);
                at += 1;
            } else if self.ids.contains(token) {
                out.extend_from_slice(token);
                at = end;
            } else if let Some(sign) = token.iter().rposition(|byte| *byte == b'@') {
                let left = token[..sign]
                    .iter()
                    .rposition(|byte| matches!(byte, b'=' | b':' | b'/'))
                    .map_or(0, |at| at + 1);
                out.extend_from_slice(&token[..left]);
                out.extend(self.pseudonyms.address(&token[left..]));
                at = end;
            } else {
                let name = text[at..end]
                    .iter()
                    .take_while(|byte| is_name(**byte) || **byte == b'.')
                    .count();
                let name = trimmed(&text[at..at + name]);
                if name.is_empty() {
                    out.push(text[at]);
                    at += 1;
                } else {
                    self.word(name, names, out);
                    at += name.len();
                }
            }
        }
    }

    /// A dotted name, or a word.
    fn word(&self, word: &[u8], names: bool, out: &mut Vec<u8>) {
        if looks_like_host(word) {
            out.extend(self.pseudonyms.host(word));
            return;
        }
        for (number, part) in word.split(|byte| *byte == b'.').enumerate() {
            if number > 0 {
                out.push(b'.');
            }
            if names && self.names.contains(&part.to_ascii_lowercase()) && !self.ids.contains(part) {
                out.extend(self.pseudonyms.name(part));
            } else {
                out.extend_from_slice(part);
            }
        }
    }
}

/// The fields of an event that stand in the line, in its order, without overlaps.
fn spans(event: &Event) -> Vec<(Sort, Range<usize>)> {
    let mut spans: Vec<(Sort, Range<usize>)> = event
        .captures
        .iter()
        .filter(|capture| capture.len != Capture::CONSTANT)
        .filter_map(|capture| {
            let start = capture.start as usize;
            let sort = sort_of(event, *capture)?;
            Some((sort, start..(start + capture.len as usize).min(event.line.text().len())))
        })
        .filter(|(_, span)| span.start < span.end)
        .collect();
    spans.sort_by_key(|(_, span)| (span.start, span.end));
    spans
}

/// What a field is. None: its words are looked through.
fn sort_of(event: &Event, capture: Capture) -> Option<Sort> {
    let Some((field, ..)) = FIELDS.get(capture.field as usize) else {
        let own = (capture.field as usize).checked_sub(FIELDS.len())?;
        let name = event.vocabulary.extra.get(own)?;
        let is_person = [
            "user",
            "login",
            "mailbox",
            "address",
            "recipient",
            "sender",
            "ident",
            "account",
        ];
        let is_host = ["helo", "host", "server", "domain"];
        return if is_person.iter().any(|part| name.contains(part)) {
            Some(Sort::Address)
        } else if is_host.iter().any(|part| name.contains(part)) {
            Some(Sort::Host)
        } else {
            None
        };
    };
    Some(match field {
        Field::From
        | Field::To
        | Field::OrigTo
        | Field::Ctladdr
        | Field::SaslUser
        | Field::SaslSender
        | Field::Submitter => Sort::Address,
        Field::ClientHost | Field::Helo | Field::OrigClientHost | Field::RelayHost | Field::NextHost => Sort::Host,
        Field::ClientIp | Field::OrigClientIp | Field::RelayIp => Sort::Ip,
        Field::MessageId => Sort::MessageId,
        Field::Subject | Field::HeaderValue | Field::Folder => Sort::Words,
        Field::QueueId
        | Field::NewQueueId
        | Field::OldQueueId
        | Field::OrigQueueId
        | Field::NextQueueId
        | Field::NoticeQueueId
        | Field::Status
        | Field::Dsn
        | Field::Proto
        | Field::SaslMethod
        | Field::TlsProtocol
        | Field::TlsCipher
        | Field::Mailer
        | Field::Action
        | Field::Stage
        | Field::Relay => Sort::Plain,
        _ => return None,
    })
}

/// Words that stand in some pattern, and a few that mail servers use in any sentence.
fn words_of(rules: &RuleSet) -> HashSet<Vec<u8>> {
    let mut words: HashSet<Vec<u8>> = COMMON.iter().map(|word| word.as_bytes().to_vec()).collect();
    for text in rules.texts() {
        words.extend(text.split(|byte| !is_name(*byte)).map(<[u8]>::to_ascii_lowercase));
    }
    words
}

/// Names of accounts and hosts that are words as well: replaced in their fields, not in the words of others.
const COMMON: &[&str] = &[
    "mail", "smtp", "user", "test", "the", "and", "for", "not", "info", "unknown", "message", "server", "host", "root",
];

fn is_token(byte: u8) -> bool {
    is_name(byte) || byte >= 0x80 || b"._%+=~!#$&*/^{|}?".contains(&byte)
}

/// The end of what may be an address or a name.
fn token_end(text: &[u8], at: usize) -> usize {
    let mut end = at;
    while end < text.len() && end - at < MAX_TOKEN && (is_token(text[end]) || text[end] == b'@') {
        end += 1;
    }
    let token = text[at..end].strip_suffix(b".").unwrap_or(&text[at..end]);
    at + token.len()
}

fn trimmed(name: &[u8]) -> &[u8] {
    let mut name = name;
    while let [rest @ .., b'.' | b'-'] = name {
        name = rest;
    }
    name
}

/// Endings of files, which are no top-level domains.
const ENDINGS: &[&str] = &[
    "cf", "db", "log", "conf", "so", "txt", "pid", "pem", "key", "crt", "sock", "cdb", "lmdb", "html", "eml", "cpp",
];

fn looks_like_host(word: &[u8]) -> bool {
    let Some(dot) = word.iter().rposition(|byte| *byte == b'.') else {
        return false;
    };
    let last = &word[dot + 1..];
    last.len() >= 2
        && last.iter().all(u8::is_ascii_alphabetic)
        && dot > 0
        && !ENDINGS.contains(&&*String::from_utf8_lossy(last).to_ascii_lowercase())
}
