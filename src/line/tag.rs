//! `postfix/smtpd[277]: `: the tag in front of a message, in the traditional formats.
//!
//! Without pid (`dovecot: `), and damaged where a line went through a relay as RFC 5424 and was written out in the
//! traditional form again: `postfix[272] 652C99F4586: to=<`, without the colon.

use super::stamp::{Cursor, number};

/// No program has a longer name; rsyslog itself cuts tags far earlier.
const LONGEST: usize = 128;

/// Reads the tag at the cursor and the blanks after it: program (empty if there is no tag) and pid.
pub(crate) fn tag<'a>(cursor: &mut Cursor<'a>) -> (&'a [u8], Option<u32>) {
    let found = read(cursor.rest());
    cursor.at += found.map_or(0, |tag| tag.length);
    cursor.blanks();
    found.map_or((&[], None), |tag| (tag.program, tag.pid))
}

/// `mx1 postfix/smtpd[277]: ` of a line that has lost its time: host (empty if the line begins with a tag), program, pid.
pub(crate) fn host_and_tag<'a>(cursor: &mut Cursor<'a>) -> (&'a [u8], &'a [u8], Option<u32>) {
    let (program, pid) = tag(cursor);
    let mut behind = Cursor { ..*cursor };
    if program.is_empty()
        && let Some(host) = behind.word()
        && behind.blanks()
        && let (program, Some(pid)) = tag(&mut behind)
    {
        *cursor = behind;
        return (host, program, Some(pid));
    }
    (&[], program, pid)
}

/// Steps over `[ID 801593 mail.info] `, which Solaris puts before a message, and the blanks after it.
pub(crate) fn message_id(cursor: &mut Cursor<'_>) {
    let rest = cursor.rest();
    let Some(inner) = rest.strip_prefix(b"[ID ") else {
        return;
    };
    let head = inner.get(..inner.len().min(48)).unwrap_or_default();
    let Some(end) = memchr::memchr(b']', head) else {
        return;
    };
    let mut words = head.get(..end).unwrap_or_default().split(|byte| *byte == b' ');
    let is_number = words.next().is_some_and(|word| number(word).is_some());
    let is_priority = words.next().is_some_and(|word| word.contains(&b'.'));
    if is_number && is_priority && words.next().is_none() {
        cursor.at += b"[ID ".len() + end + 1;
        cursor.blanks();
    }
}

/// True for a word that is a tag, not a host: a line that was never sent over the network may name no host.
pub(crate) fn is_tag(word: &[u8]) -> bool {
    word.strip_suffix(b":").is_some_and(|rest| !rest.contains(&b':'))
        && read(word).is_some_and(|tag| tag.length == word.len())
}

/// What ends the name of a program: `[`, `:`, a blank, any control character.
const ENDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte <= b' ' as usize || byte == b'[' as usize || byte == b':' as usize;
        byte += 1;
    }
    table
};

#[derive(Clone, Copy)]
struct Tag<'a> {
    program: &'a [u8],
    pid: Option<u32>,
    length: usize,
}

fn read(text: &[u8]) -> Option<Tag<'_>> {
    let head = text.get(..text.len().min(LONGEST))?;
    let end = head.iter().position(|byte| ENDS[usize::from(*byte)])?;
    let program = head.get(..end)?;
    match head.get(end)? {
        b':' => Some(Tag {
            program,
            pid: None,
            length: end + 1,
        }),
        b'[' => {
            let inner = head.get(end + 1..)?;
            let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let length = match inner.get(digits) {
                Some(b']') => digits,
                _ => inner.iter().position(|byte| *byte == b']' || *byte <= b' ')?,
            };
            let pid = number(inner.get(..length)?);
            if inner.get(length) != Some(&b']') || (pid.is_none() && program.is_empty()) {
                return None;
            }
            let after = end + length + 2;
            match text.get(after) {
                Some(b':') => Some(Tag {
                    program,
                    pid,
                    length: after + 1,
                }),
                None | Some(b' ' | b'\t') => Some(Tag {
                    program,
                    pid,
                    length: after,
                }),
                _ => None,
            }
        }
        _ => None,
    }
}
