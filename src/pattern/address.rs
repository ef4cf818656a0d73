//! Mailboxes as the MTAs log them.
//!
//! RFC 5321, 4.1.2: the local part may be a quoted string that holds anything, `"a> b, status=sent"@x`, so an
//! address ends at the first `>` outside quotes. Postfix with `info_log_address_format = internal` loses the
//! quotes (`<ok odd@good.example>`, `<a"b@x>`), so a quote that does not close sensibly is a character like others.

use super::byte_set::{Class, only};
use super::scan::{Found, before_marks};

/// What stands for itself inside `<>`: all but `>` and a quote.
static INSIDE: Class = Class::of(&[(0, b'!'), (b'#', b'='), (b'?', 0xff)]);
/// What stands for itself in an address without `<>`: no blank, quote or mark that ends it.
static BARE: Class = Class::of(&[
    (0, 0x1f),
    only(b'!'),
    (b'#', b'\''),
    (b'*', b'+'),
    (b'-', b':'),
    only(b'='),
    (b'?', 0xff),
]);

/// The address between `<` and `>`, without them. Without a `>` (a line that was cut) it goes to the end of the text.
pub(crate) fn inside_angles(text: &[u8], at: usize, escape: Escape) -> Found {
    let mut quotes = true;
    let mut end = INSIDE.run(text, at);
    while let Some(byte) = text.get(end) {
        match byte {
            b'>' => break,
            b'"' if quotes => {
                let closed = quote_end(text, end, escape).filter(|after| goes_on_as_address(text, *after));
                // One quote that does not close: the address is unquoted, and no second search is needed.
                quotes = closed.is_some();
                end = closed.unwrap_or(end + 1);
            }
            _ => end += 1,
        }
        end = INSIDE.run(text, end);
    }
    Found {
        start: at,
        end,
        next: end,
    }
}

/// After a quoted string comes `@`, a dot of an old-style local part, or the end of the address.
fn goes_on_as_address(text: &[u8], at: usize) -> bool {
    text.get(at)
        .is_none_or(|byte| matches!(byte, b'@' | b'.' | b'>' | b'+'))
}

/// How a quote is escaped inside a quoted string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// `"a\"b"`
    Backslash,
    /// `"a\\"b"`: sendmail writes every backslash twice into its log.
    Doubled,
}

/// Where the quoted string that begins at `at` ends, after its closing quote.
pub(crate) fn quote_end(text: &[u8], at: usize, escape: Escape) -> Option<usize> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut end = at + 1;
    loop {
        match text.get(end)? {
            b'"' => return Some(end + 1),
            b'\\' if escape == Escape::Doubled && text.get(end + 1) == Some(&b'\\') => {
                // The escaped character may be a backslash itself, which is doubled as well.
                end += if text.get(end + 2) == Some(&b'\\') { 4 } else { 3 };
            }
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

/// The end of an address without `<>`: `sue`, `\\steve`, `/var/lab/filebox`, `"|/usr/local/bin/labcmd ok"`.
pub(crate) fn bare(text: &[u8], at: usize) -> usize {
    let mut quotes = true;
    let mut end = BARE.run(text, at);
    while let Some(byte) = text.get(end) {
        match byte {
            b'"' if quotes => {
                let closed = quote_end(text, end, Escape::Backslash);
                quotes = closed.is_some();
                end = closed.unwrap_or(end + 1);
            }
            b' ' | b',' | b';' | b'<' | b'>' | b'(' | b')' => break,
            _ => end += 1,
        }
        end = BARE.run(text, end);
    }
    before_marks(text, at, end, b".:")
}
