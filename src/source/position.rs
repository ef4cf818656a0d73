//! Where the reading of a source is, so that another run can go on.
//!
//! The hard part is what a line does not tell by itself: its year, and the how-manieth it is of equal lines. So the
//! next run reads some lines again, from the [`Mark`] on, and gives those behind the position.

use serde::{Deserialize, Serialize};

use crate::line::{Context, Moment};

/// Behind a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Unpacked bytes from the beginning.
    pub offset: u64,
    /// Lines from the beginning.
    pub lines: u64,
    /// So many of the bytes belong to a last line that was taken without its line end. 0 for a whole line.
    pub partial: u64,
    /// Where to read again from.
    pub restart: Mark,
}

/// The beginning of a line, and what was known there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// Unpacked bytes from the beginning.
    pub offset: u64,
    /// Lines from the beginning.
    pub lines: u64,
    /// What the reader knew.
    pub context: Context,
}

/// As it is kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Flat {
    offset: u64,
    lines: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    partial: u64,
    restart_offset: u64,
    restart_lines: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reached: Option<Moment>,
    since: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Mark { offset, lines, context } = self.restart;
        let flat = Flat {
            offset: self.offset,
            lines: self.lines,
            partial: self.partial,
            restart_offset: offset,
            restart_lines: lines,
            reached: context.reached,
            since: context.since,
        };
        flat.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = Flat::deserialize(deserializer)?;
        Ok(Self {
            offset: flat.offset,
            lines: flat.lines,
            partial: flat.partial,
            restart: Mark {
                offset: flat.restart_offset,
                lines: flat.restart_lines,
                context: Context {
                    reached: flat.reached,
                    since: flat.since,
                },
            },
        })
    }
}
