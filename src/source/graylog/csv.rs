//! CSV as Graylog's exports write it: every value in quotes, quotes doubled, line ends as they are; no value, no
//! quotes.
//!
//! In: bytes. Out: rows, one after the other, so that an export of any length needs the memory of a row.

use std::io::{self, BufRead, BufReader, Read};

/// A longer row is no row: no message is so long.
const MAX_ROW_BYTES: usize = 16 << 20;

/// Reads rows.
pub(super) struct Rows<R> {
    input: BufReader<R>,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
        }
    }

    /// The next row; None at the end. A row that ends in the middle of a value is an error of the kind
    /// `UnexpectedEof`.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<String>>> {
        let mut line = Vec::new();
        let mut quotes = 0;
        loop {
            let start = line.len();
            // `take`: a stream without any line end must not fill the memory.
            let added = (&mut self.input)
                .take(MAX_ROW_BYTES as u64)
                .read_until(b'\n', &mut line)?;
            if added == 0 && start == 0 {
                return Ok(None);
            }
            if added == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            quotes += memchr::memchr_iter(b'"', line.get(start..).unwrap_or_default()).count();
            if line.len() > MAX_ROW_BYTES {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a row is longer than 16 MiB",
                ));
            }
            // Only an even number of quotes leaves no value open. An error's row has no line end.
            if quotes % 2 == 0 {
                break;
            }
        }
        let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r'));
        line.truncate(end.map_or(0, |last| last + 1));
        Ok(Some(values(&line)))
    }
}

fn values(row: &[u8]) -> Vec<String> {
    let mut values = Vec::new();
    let mut value = Vec::new();
    let mut quoted = false;
    let mut bytes = row.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                value.push(b'"');
            }
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                values.push(String::from_utf8_lossy(&value).into_owned());
                value.clear();
            }
            _ => value.push(byte),
        }
    }
    values.push(String::from_utf8_lossy(&value).into_owned());
    values
}
