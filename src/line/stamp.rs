//! What the time stamp of a header tells, before year and zone are known.
//!
//! In: the bytes of a header. Out: a [`Stamp`]; [`super::Calendar`] makes a moment of it.

use super::civil::midnight;

/// A time stamp as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// With year and zone: milliseconds since 1970-01-01 UTC.
    Absolute(i64),
    /// With year, without zone: milliseconds since 1970-01-01 of the wall clock.
    Wall(i64),
    /// Without year and zone: RFC 3164.
    Yearless(Yearless),
}

/// A day of an unknown year, and the wall clock's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Yearless {
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31; a month may be shorter.
    pub(crate) day: u32,
    /// Milliseconds since midnight.
    pub(crate) milliseconds: i64,
}

impl Yearless {
    /// Milliseconds since 1970-01-01 of the wall clock, in this year. None if that year has no such day.
    pub(crate) fn in_year(self, year: i64) -> Option<i64> {
        Some(midnight(year, self.month, self.day)? * 1000 + self.milliseconds)
    }
}

/// Reads a header from left to right. Every method that returns None leaves the position undefined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over this byte, if it comes next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Steps over blanks and tabs; true if there were any.
    pub(crate) fn blanks(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > start
    }

    /// The bytes up to the next blank or the end; None if there are none.
    pub(crate) fn word(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        let end = memchr::memchr2(b' ', b'\t', rest).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).filter(|word| !word.is_empty())
    }

    /// A number of exactly so many digits.
    pub(crate) fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + count)?;
        self.at += count;
        number(digits)
    }

    /// `hh:mm:ss` with or without a fraction, as milliseconds since midnight. A leap second is the next minute's.
    pub(crate) fn time(&mut self) -> Option<i64> {
        let hour = self.digits(2)?;
        let minute = self.take(b':').then(|| self.digits(2))??;
        let second = self.take(b':').then(|| self.digits(2))??;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some(i64::from(hour * 3600 + minute * 60 + second) * 1000 + self.fraction()?)
    }

    /// `.455556` or `,455` as milliseconds, rounded down; 0 if there is none.
    fn fraction(&mut self) -> Option<i64> {
        if !self.take(b'.') && !self.take(b',') {
            return Some(0);
        }
        let start = self.at;
        let mut milliseconds = 0;
        let mut weight = 100;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            milliseconds += i64::from(digit - b'0') * weight;
            weight /= 10;
            self.at += 1;
        }
        (self.at > start).then_some(milliseconds)
    }
}

/// A decimal number of at most nine digits.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    })
}
