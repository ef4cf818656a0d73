//! A line of `nfdump -o line` (and `long`, `extended`): it begins with the flow's own time and has no header.
//!
//! What tells it from a syslog line is that a duration stands where a host would: `2026-11-24 10:05:07.123  0.512 TCP ...`.

/// The program that writes such lines.
pub(super) const PROGRAM: &[u8] = b"nfdump";

/// Is this what stands after the time of a flow: a duration with milliseconds, and two ends?
pub(super) fn is_flow(after_time: &[u8]) -> bool {
    let end = after_time.iter().position(|byte| *byte == b' ').unwrap_or_default();
    let (duration, rest) = after_time.split_at(end);
    let Some(dot) = duration.iter().position(|byte| *byte == b'.') else {
        return false;
    };
    let (whole, fraction) = duration.split_at(dot);
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    !whole.is_empty()
        && whole.iter().all(|byte| is_digit(byte) || *byte == b':')
        && fraction.len() == 4
        && fraction.iter().skip(1).all(is_digit)
        && memchr::memmem::find(rest, b" -> ").is_some()
}
