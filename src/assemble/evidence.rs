//! The raw lines of a document: bounded to look at, whole for a later merge.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::line::{Digest, Moment};
use crate::transaction::{Memory, Record, Transaction};

use super::Mention;

/// The lines that a document shows: the first ones and the last ones.
const FIRST_LINES: usize = 20;
const LAST_LINES: usize = 30;

/// The most that the lines of one document may come to when they are read back, in bytes.
const MAX_BETWEEN_BYTES: usize = 256 << 20;

/// What a document keeps of its lines.
pub(super) struct Evidence {
    pub(super) lines: Vec<String>,
    pub(super) count: u64,
    pub(super) memory: Memory,
}

/// A line as a document remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// When it was said.
    pub at: Moment,
    /// Its ordinal among equal ones.
    pub ordinal: u16,
    /// The bytes as they were read.
    pub raw: Vec<u8>,
}

/// By time, equal ones by digest.
pub(super) fn evidence(lines: &[(Digest, &Mention)]) -> Evidence {
    let mut sorted: Vec<_> = lines
        .iter()
        .map(|(digest, mention)| (mention.line().at, *digest, mention))
        .collect();
    sorted.sort_by_key(|(at, digest, _)| (*at, *digest));
    let count = sorted.len();
    let mut memory = Memory::default();
    let mut shown = Vec::with_capacity(count.min(FIRST_LINES + LAST_LINES));
    let mut between = Vec::new();
    for (index, (at, _, mention)) in sorted.into_iter().enumerate() {
        let line = mention.line();
        if index >= FIRST_LINES && index + LAST_LINES < count {
            between.extend_from_slice(format!("{} {} ", at.0, line.ordinal).as_bytes());
            between.extend_from_slice(&line.raw);
            between.push(b'\n');
            continue;
        }
        if let Ok(text) = std::str::from_utf8(&line.raw) {
            shown.push(text.to_owned());
        } else {
            memory.bytes.insert(shown.len(), BASE64.encode(&line.raw));
            shown.push(String::from_utf8_lossy(&line.raw).into_owned());
        }
        memory.at.push(at.0);
        memory.ordinal.push(line.ordinal);
    }
    if memory.ordinal.iter().all(|ordinal| *ordinal == 0) {
        memory.ordinal.clear();
    }
    if !between.is_empty() {
        // Compressing to memory fails only where memory does.
        memory.between = zstd::encode_all(between.as_slice(), 1)
            .map(|bytes| BASE64.encode(bytes))
            .unwrap_or_default();
    }
    Evidence {
        lines: shown,
        count: count as u64,
        memory,
    }
}

/// The lines that a stored document remembers. Damaged memory gives what can be read.
pub fn remembered(document: &Transaction) -> Vec<Remembered> {
    lines_again(&document.lines, document.memory.as_deref())
}

/// The line of a stored record. Empty where its memory is damaged.
pub fn remembered_of_record(record: &Record) -> Vec<Remembered> {
    lines_again(&record.lines, record.memory.as_ref())
}

fn lines_again(shown: &[String], memory: Option<&Memory>) -> Vec<Remembered> {
    let none = Memory {
        at: Vec::new(),
        ordinal: Vec::new(),
        between: String::new(),
        bytes: BTreeMap::new(),
    };
    let memory = memory.unwrap_or(&none);
    let mut lines: Vec<_> = shown
        .iter()
        .zip(&memory.at)
        .enumerate()
        .map(|(index, (text, at))| Remembered {
            at: Moment(*at),
            ordinal: memory.ordinal.get(index).copied().unwrap_or_default(),
            raw: memory
                .bytes
                .get(&index)
                .and_then(|bytes| BASE64.decode(bytes).ok())
                .unwrap_or_else(|| text.as_bytes().to_vec()),
        })
        .collect();
    let between = unpack(&memory.between);
    lines.extend(between.split(|byte| *byte == b'\n').filter_map(read_between));
    lines
}

fn unpack(between: &str) -> Vec<u8> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    if let Ok(packed) = BASE64.decode(between)
        && let Ok(reader) = zstd::Decoder::new(packed.as_slice())
    {
        // What was read before an error stays.
        let _ = reader.take(MAX_BETWEEN_BYTES as u64).read_to_end(&mut bytes);
    }
    bytes
}

fn read_between(line: &[u8]) -> Option<Remembered> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<i64>().ok();
    let at = Moment(number()?);
    let ordinal = u16::try_from(number()?).ok()?;
    Some(Remembered {
        at,
        ordinal,
        raw: parts.next()?.to_vec(),
    })
}
