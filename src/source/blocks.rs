//! Cuts a stream of bytes into lines, a block at a time.
//!
//! A line is borrowed from the block; what is longer than a line may be is thrown away while it is read, so an input
//! without any line end needs no more memory than any other.

use std::io::{self, Read};

use crate::line::MAX_LINE_BYTES;

/// Bytes that are asked for at once.
pub(super) const BLOCK_BYTES: usize = 256 * 1024;

/// So many NUL bytes are a hole: no file system leaves a smaller one.
const HOLE_BYTES: usize = 512;

/// A line as it lies in the block.
pub(super) struct RawLine<'a> {
    /// Without the line end, at most [`MAX_LINE_BYTES`].
    pub(super) bytes: &'a [u8],
    /// True if it was longer.
    pub(super) cut: bool,
    /// Where it ends, its line end included, in (unpacked) bytes from the beginning.
    pub(super) end: u64,
    /// False for a last line without line end.
    pub(super) complete: bool,
}

/// Lines of a stream.
pub(super) struct Blocks {
    input: Box<dyn Read + Send>,
    block: Vec<u8>,
    /// The part of the block that is read and not given yet.
    start: usize,
    end: usize,
    /// How much of that part is known to hold no line end.
    searched: usize,
    ended: bool,
    /// What stopped the stream; told when everything complete has been given.
    failed: Option<io::Error>,
    /// Bytes of the stream up to the end of the last complete line that was given.
    offset: u64,
    /// Bytes of the line at hand that were thrown away.
    thrown: u64,
    /// Bytes of a hole in front of the line at hand.
    skipped: u64,
    lines: u64,
}

impl Blocks {
    /// Of an input of which so many bytes and lines were left out.
    pub(super) fn new(input: Box<dyn Read + Send>, offset: u64, lines: u64) -> Self {
        Self {
            input,
            block: vec![0; BLOCK_BYTES],
            start: 0,
            end: 0,
            searched: 0,
            ended: false,
            failed: None,
            offset,
            thrown: 0,
            skipped: 0,
            lines,
        }
    }

    /// The first bytes up to a line end, before any line was given. `patient`: as far as one block goes; otherwise
    /// what is there at once, for a stream that comes slowly.
    pub(super) fn head(&mut self, patient: bool) -> &[u8] {
        while !self.over() && self.end < self.block.len() && (patient || self.end == 0) {
            self.fill();
        }
        let head = self.block.get(..self.end).unwrap_or_default();
        head.get(..memchr::memrchr(b'\n', head).unwrap_or(self.end))
            .unwrap_or_default()
    }

    /// Where the last complete line that was given ends, in (unpacked) bytes from the beginning.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many lines were given; the number of the last one.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The next line; at the end also one without line end. None at the end. After an error everything complete has
    /// been given and there is no more.
    pub(super) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        loop {
            let unread = self.block.get(self.start + self.searched..self.end).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', unread) {
                let length = self.searched + found;
                if length > MAX_LINE_BYTES {
                    match self.hole(length) {
                        Some(0) => continue,
                        Some(before) => return Ok(Some(self.give_before_hole(before))),
                        None => {}
                    }
                }
                self.offset += length as u64 + 1 + self.thrown + std::mem::take(&mut self.skipped);
                return Ok(Some(self.give(length, length + 1, self.offset)));
            }
            self.searched = self.end - self.start;
            if self.searched > MAX_LINE_BYTES {
                match self.hole(self.searched) {
                    Some(0) => continue,
                    Some(before) => return Ok(Some(self.give_before_hole(before))),
                    None => {}
                }
                self.thrown += (self.searched - MAX_LINE_BYTES) as u64;
                self.searched = MAX_LINE_BYTES;
                self.end = self.start + MAX_LINE_BYTES;
            }
            if let Some(error) = self.failed.take() {
                self.ended = true;
                self.start = self.end;
                return Err(error);
            }
            if self.ended {
                // It is not complete: `offset` stays, so that whoever reads on begins with it.
                let length = self.end - self.start;
                let end = self.offset + length as u64 + self.thrown + self.skipped;
                return Ok((length > 0).then(|| self.give(length, length, end)));
            }
            self.fill();
        }
    }

    /// Finds a hole in what is longer than a line may be: a file system or a writer that goes on where it was (after
    /// `copytruncate`) leaves NUL bytes, and the lines beside them are whole. One in front is skipped: `Some(0)`.
    /// Otherwise how many bytes lie before it.
    fn hole(&mut self, length: usize) -> Option<usize> {
        let unread = self.block.get(self.start..self.start + length).unwrap_or_default();
        let before = memchr::memchr(0, unread)?;
        let behind = unread.get(before..).unwrap_or_default();
        let hole = behind.iter().take_while(|byte| **byte == 0).count();
        if before > 0 {
            // So that it does not depend on how much was read by now.
            let is_seen = hole >= HOLE_BYTES && before + HOLE_BYTES <= MAX_LINE_BYTES;
            return (is_seen && self.thrown == 0).then_some(before);
        }
        // One byte of it stays: a line of nothing else is still one that cannot be read.
        let rest = hole.checked_sub(1).filter(|rest| *rest > 0)?;
        self.start += rest;
        self.skipped += rest as u64;
        self.searched = 0;
        Some(0)
    }

    fn give_before_hole(&mut self, before: usize) -> RawLine<'_> {
        self.offset += before as u64 + std::mem::take(&mut self.skipped);
        let end = self.offset;
        RawLine {
            complete: true,
            ..self.give(before, before, end)
        }
    }

    fn give(&mut self, length: usize, taken: usize, end: u64) -> RawLine<'_> {
        let start = self.start;
        self.start += taken;
        self.searched = 0;
        self.lines += 1;
        let kept = length.min(MAX_LINE_BYTES);
        RawLine {
            bytes: self.block.get(start..start + kept).unwrap_or_default(),
            cut: std::mem::take(&mut self.thrown) > 0 || length > kept,
            end,
            complete: taken > length,
        }
    }

    fn over(&self) -> bool {
        self.ended || self.failed.is_some()
    }

    /// Reads more behind what is there.
    fn fill(&mut self) {
        if self.start > 0 {
            self.block.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let free = self.block.get_mut(self.end..).unwrap_or_default();
        match self.input.read(free) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.failed = Some(error),
        }
    }
}
