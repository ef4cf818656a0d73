//! What a rule adds to what stands in the line: constants (`set:`) and value maps (`map:`).

use super::set::Rule;
use crate::event::{Capture, Field, FieldId};
use crate::pattern::{Kept, Program, Scratch, Span};

/// A constant of the vocabulary as the value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Constant {
    pub(crate) field: FieldId,
    pub(crate) index: u32,
}

impl Constant {
    fn capture(self) -> Capture {
        Capture {
            field: self.field,
            len: Capture::CONSTANT,
            start: self.index,
        }
    }
}

/// When a case of a map fits.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// The value is one of these.
    Is(Box<[Box<[u8]>]>),
    /// It begins with one of these.
    Starts(Box<[Box<[u8]>]>),
    /// One of these is in it.
    Contains(Box<[Box<[u8]>]>),
    /// It is like this pattern, whose fields are kept.
    Like(Box<Program>),
    /// Always.
    Else,
}

/// What a case gives.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) test: Test,
    pub(crate) gives: Box<[Constant]>,
    /// The fields that its pattern keeps.
    pub(crate) keeps: Kept,
    /// The status comes from the class of the `dsn` field.
    pub(crate) by_dsn: bool,
}

/// What the values of one field mean.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) field: FieldId,
    pub(crate) cases: Box<[Case]>,
}

/// The status of each class of RFC 3463, as constants.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ByDsn {
    pub(crate) sent: u32,
    pub(crate) deferred: u32,
    pub(crate) bounced: u32,
}

impl Test {
    /// The words that it looks for.
    pub(crate) fn texts(&self) -> Vec<&[u8]> {
        match self {
            Self::Is(words) | Self::Starts(words) | Self::Contains(words) => words.iter().map(|word| &**word).collect(),
            Self::Like(pattern) => pattern.texts(),
            Self::Else => Vec::new(),
        }
    }

    fn fits(&self, value: &[u8], scratch: &mut Scratch) -> bool {
        match self {
            Self::Is(words) => words.iter().any(|word| **word == *value),
            Self::Starts(words) => words.iter().any(|word| value.starts_with(word)),
            Self::Contains(words) => words.iter().any(|word| memchr::memmem::find(value, word).is_some()),
            Self::Like(pattern) => pattern.matches(value, scratch),
            Self::Else => true,
        }
    }
}

/// Applies a rule's maps and constants to its captures, in that order: a map overrides what stands in the line, a
/// constant does not.
pub(crate) fn add(captures: &mut Vec<Capture>, text: &[u8], rule: &Rule, by_dsn: ByDsn, scratch: &mut Scratch) {
    for map in &rule.maps {
        let Some((start, value)) = value(captures, text, map.field) else {
            continue;
        };
        let Some(case) = map.cases.iter().find(|case| case.test.fits(value, scratch)) else {
            continue;
        };
        if let Test::Like(_) = case.test {
            let spans = scratch.spans();
            captures.retain(|capture| spans.iter().all(|span| span.slot != capture.field));
            captures.extend(spans.iter().map(|span| self::capture(*span, start)));
        }
        let status = if case.by_dsn {
            let class = self::value(captures, text, Field::Dsn as FieldId).and_then(|(_, dsn)| dsn.first());
            let index = match class {
                Some(b'2') => Some(by_dsn.sent),
                Some(b'4') => Some(by_dsn.deferred),
                Some(b'5') => Some(by_dsn.bounced),
                _ => None,
            };
            index.map(|index| Constant {
                field: Field::Status as FieldId,
                index,
            })
        } else {
            None
        };
        for constant in case.gives.iter().copied().chain(status) {
            captures.retain(|capture| capture.field != constant.field);
            captures.push(constant.capture());
        }
    }
    for constant in &rule.constants {
        if captures.iter().all(|capture| capture.field != constant.field) {
            captures.push(constant.capture());
        }
    }
}

/// The first value of a field that stands in the line, and where.
fn value<'t>(captures: &[Capture], text: &'t [u8], field: FieldId) -> Option<(usize, &'t [u8])> {
    let capture = captures
        .iter()
        .find(|capture| capture.field == field && capture.len != Capture::CONSTANT)?;
    let start = capture.start as usize;
    Some((start, text.get(start..start + capture.len as usize)?))
}

/// A capture of the event; a value beyond 64 KiB is cut.
pub(crate) fn capture(span: Span, offset: usize) -> Capture {
    Capture {
        field: span.slot,
        len: u16::try_from(span.end - span.start)
            .unwrap_or(u16::MAX)
            .min(Capture::CONSTANT - 1),
        start: span.start + u32::try_from(offset).unwrap_or(0),
    }
}
