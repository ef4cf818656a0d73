//! A message whose runs of blanks count as one: what a copyist or a log viewer has padded is still the daemon's line.
//!
//! The fields must point into the line as it stands, so every byte remembers where it came from.

use crate::pattern::Scratch;

/// A message without the second and further blanks of a run and without blanks at its end.
#[derive(Debug)]
pub(crate) struct Squeezed {
    /// What is matched.
    pub(crate) text: Vec<u8>,
    /// Where each byte stands in the message.
    places: Vec<u32>,
}

impl Squeezed {
    /// None if the message has no blank too many.
    pub(crate) fn of(message: &[u8]) -> Option<Self> {
        let end = message
            .iter()
            .rposition(|byte| *byte != b' ')
            .map_or(0, |last| last + 1);
        if end == message.len() && memchr::memmem::find(message, b"  ").is_none() {
            return None;
        }
        let mut squeezed = Self {
            text: Vec::with_capacity(end),
            places: Vec::with_capacity(end),
        };
        for (place, byte) in (0_u32..).zip(&message[..end]) {
            if *byte == b' ' && squeezed.text.last() == Some(&b' ') {
                continue;
            }
            squeezed.text.push(*byte);
            squeezed.places.push(place);
        }
        Some(squeezed)
    }

    /// Turns the spans of a match of the squeezed text into those of the message.
    pub(crate) fn restore(&self, scratch: &mut Scratch) {
        for span in &mut scratch.spans {
            let place = |at: u32| self.places.get(at as usize).copied();
            let end = span.end.checked_sub(1).filter(|last| *last >= span.start);
            let start = place(span.start).unwrap_or_else(|| self.places.last().map_or(0, |last| last + 1));
            span.end = end.and_then(place).map_or(start, |last| last + 1);
            span.start = start;
        }
    }
}
