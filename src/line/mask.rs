//! Passwords in verbose logs: masked before anything is kept.
//!
//! A daemon that is told to log its dialogue logs what a client says after AUTH. What follows from a line must not
//! depend on the lines before it (a log may be cut anywhere), so what could be the answer to a challenge is masked, whoever
//! asked: a word of base64 that is no command.
//!
//! * Postfix `smtpd -v`, `smtp -v`, postscreen: `< client[ip]: AUTH PLAIN ...`, `> mx[ip]:25: AUTH PLAIN ...`, and the
//!   SASL glue (`src/xsasl/*.c`, `src/smtp/smtp_sasl_glue.c`): `init_response`, `decoded response`, `pass`.
//! * sendmail from `LogLevel` 15 on (`srvrsmtp.c`): `QID: <-- AUTH PLAIN ...`.
//! * Dovecot with `auth_debug_passwords`: `resp=...`.
//!
//! In: a program and its message. Out: the part of the message that is a secret.

use std::ops::Range;

/// What stands for it.
pub(crate) const MASK: &[u8] = b"[masked]";

/// A copy of the line without the secret of its message, which begins at `text` with so many letters and digits
/// ([`leading`](super::leading::leading)). None if there is nothing to mask.
pub(crate) fn masked(line: &[u8], program: &[u8], text: usize, leading: Option<usize>) -> Option<Vec<u8>> {
    let secret = secret(program, line.get(text..)?, leading)?;
    let (start, end) = (text + secret.start, text + secret.end);
    if line.get(start..end) == Some(MASK) {
        return None;
    }
    Some([line.get(..start)?, MASK, line.get(end..)?].concat())
}

/// Of a line without a readable header: whatever follows the first AUTH.
pub(crate) fn masked_unreadable(line: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memmem::find(line, b"AUTH ")?;
    let secret = of_command(line.get(at..)?)?;
    Some([line.get(..at + secret.start)?, MASK, line.get(at + secret.end..)?].concat())
}

fn secret(program: &[u8], text: &[u8], leading: Option<usize>) -> Option<Range<usize>> {
    let command = match text.first()? {
        b'<' | b'>' if text.get(1) == Some(&b' ') => behind_peer(text)?,
        b'<' if text.starts_with(b"<-- ") => 4,
        b'x' | b's' | b'l' if SASL.iter().any(|glue| text.starts_with(glue)) => return of_glue(text),
        _ if program.starts_with(b"dovecot") || program.starts_with(b"auth") => return of_dovecot(text),
        _ => behind_queue_id(text, leading)?,
    };
    let secret = of_command(text.get(command..)?)?;
    Some(command + secret.start..command + secret.end)
}

/// `< client.example[192.0.2.1]:25: `
fn behind_peer(text: &[u8]) -> Option<usize> {
    let bracket = memchr::memchr(b']', text)?;
    Some(bracket + memchr::memmem::find(text.get(bracket..)?, b": ")? + 2)
}

/// `6AO2BAIi000729: <-- `
fn behind_queue_id(text: &[u8], leading: Option<usize>) -> Option<usize> {
    let end = leading?;
    text.get(end..)?.starts_with(b": <-- ").then_some(end + 6)
}

/// Commands of one word, which base64 might spell as well.
const COMMANDS: &[&[u8]] = &[
    b"DATA",
    b"QUIT",
    b"RSET",
    b"NOOP",
    b"HELP",
    b"STARTTLS",
    b"EHLO",
    b"HELO",
    b"MAIL",
    b"RCPT",
    b"AUTH",
    b"VRFY",
    b"EXPN",
    b"ETRN",
    b"TURN",
    b"BDAT",
    b"LHLO",
    b"XCLIENT",
    b"XFORWARD",
    b"VERB",
    b"ONEX",
];

/// The secret of what a client says.
fn of_command(command: &[u8]) -> Option<Range<usize>> {
    let all = command.len();
    if command.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH ")) {
        let blanks = command.get(5..)?.iter().take_while(|byte| **byte == b' ').count();
        let start = 5 + blanks;
        let length = memchr::memchr(b' ', command.get(start..)?).unwrap_or(all - start);
        let mechanism = command.get(start..start + length)?;
        let is_mechanism = (1..=20).contains(&length)
            && mechanism
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
            || mechanism.iter().all(u8::is_ascii_lowercase) && length <= 20;
        let start = if is_mechanism { start + length + 1 } else { start };
        return (start < all).then_some(start..all);
    }
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let is_command = COMMANDS.iter().any(|verb| command.eq_ignore_ascii_case(verb));
    (all > 1 && !is_command && command.iter().all(is_base64)).then_some(0..all)
}

/// How the messages of Postfix's SASL glue begin.
const SASL: &[&[u8]] = &[b"xsasl_", b"smtp_sasl", b"smtpd_sasl", b"lmtp_sasl"];

/// What stands before a secret in them.
const MARKS: &[&[u8]] = &[
    b"init_response ",
    b"initial response ",
    b"initial reply: ",
    b"decoded response: ",
    b"client response ",
    b"get_passwd: ",
    b"' pass `",
];

fn of_glue(text: &[u8]) -> Option<Range<usize>> {
    MARKS.iter().find_map(|mark| {
        let start = memchr::memmem::find(text, mark)? + mark.len();
        (start < text.len()).then_some(start..text.len())
    })
}

fn of_dovecot(text: &[u8]) -> Option<Range<usize>> {
    let start = memchr::memmem::find(text, b"resp=")? + 5;
    let rest = text.get(start..)?;
    let length = rest.iter().position(|byte| *byte <= b' ').unwrap_or(rest.len());
    (length > 0).then_some(start..start + length)
}
