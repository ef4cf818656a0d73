//! Numbers: counters, seconds, times of day, RFC 3463 statuses.
//!
//! In: the text and a place. Out: the place after the number; `at` or None if none stands there.

use super::byte_set::{Class, DIGIT};

static DIGITS: Class = Class::of(&[DIGIT]);

/// The end of a run of digits.
pub(crate) fn digits(text: &[u8], at: usize) -> usize {
    let mut end = at;
    while text.get(end).is_some_and(|byte| DIGITS.has(*byte)) {
        end += 1;
    }
    end
}

/// Behind a sign, if one stands here.
pub(crate) fn sign(text: &[u8], at: usize) -> usize {
    at + usize::from(text.get(at).is_some_and(|byte| matches!(byte, b'-' | b'+')))
}

/// `12`, `.5`, `0.06`, `5.2e-05`: a dot or an `e` counts only before a digit.
pub(crate) fn number(text: &[u8], at: usize) -> Option<usize> {
    let mut end = digits(text, at);
    if text.get(end) == Some(&b'.') {
        let fraction = digits(text, end + 1);
        if fraction > end + 1 {
            end = fraction;
        }
    }
    if end == at {
        return None;
    }
    if text.get(end).is_some_and(|byte| matches!(byte, b'e' | b'E')) {
        let exponent = sign(text, end + 1);
        let after = digits(text, exponent);
        if after > exponent {
            end = after;
        }
    }
    Some(end)
}

/// `2` or `0/1`.
pub(crate) fn counter(text: &[u8], at: usize) -> usize {
    let end = digits(text, at);
    if end > at && text.get(end) == Some(&b'/') {
        let of = digits(text, end + 1);
        if of > end + 1 {
            return of;
        }
    }
    end
}

/// `[days+]hh:mm:ss`; hours may have more than two digits.
pub(crate) fn clock(text: &[u8], at: usize) -> Option<usize> {
    let mut from = at;
    let mut end = digits(text, from);
    if end > at && text.get(end) == Some(&b'+') {
        from = end + 1;
        end = digits(text, from);
    }
    for _ in 0..2 {
        if end == from || text.get(end) != Some(&b':') {
            return None;
        }
        from = end + 1;
        end = digits(text, from);
    }
    (end > from).then_some(end)
}

/// `class.subject.detail`, RFC 3463: one digit, then one to three, twice.
pub(crate) fn dsn(text: &[u8], at: usize) -> Option<usize> {
    let mut end = digits(text, at);
    if end != at + 1 {
        return None;
    }
    for _ in 0..2 {
        if text.get(end) != Some(&b'.') {
            return None;
        }
        let from = end + 1;
        end = digits(text, from);
        if !(1..=3).contains(&(end - from)) {
            return None;
        }
    }
    Some(end)
}
