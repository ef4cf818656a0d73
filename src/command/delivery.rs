//! What a source hands over: lines, and how far it is behind them.
//!
//! Both in one piece, so that whoever takes it may save at any time between two pieces: nothing is then counted whose
//! place is not saved, and no place is saved whose lines were not taken.

use std::sync::Arc;

use crate::ledger::Gap;
use crate::line::{Digest, Moment};
use crate::source::{JournalPlace, Place, Read};

/// Takes what is handed over.
pub(super) type Deliver<'d> = dyn FnMut(Delivery) -> anyhow::Result<()> + 'd;

/// Lines, and how far the source is behind them.
pub(super) struct Delivery {
    /// The source, as the state knows it.
    pub(super) source: Arc<str>,
    /// What was read.
    pub(super) reads: Vec<Read>,
    /// Lines that an earlier run had read, and were left out.
    pub(super) seen: u64,
    /// None where a later run cannot go on here.
    pub(super) reached: Option<Reached>,
    /// Only the lines of this silence of a host count.
    pub(super) silence: Option<Gap>,
}

/// How far a source is.
pub(super) enum Reached {
    /// All files.
    Files(Vec<Place>),
    /// A server.
    Server(ServerReach),
    /// A journal.
    Journal(JournalPlace),
}

/// How far a server is.
pub(super) struct ServerReach {
    /// Everything before it was read. None if there is a hole before what was read.
    pub(super) watermark: Option<Moment>,
    /// Messages that were read and that a later window can meet again,
    pub(super) new: Vec<(Digest, Moment)>,
    /// if they are not older than this.
    pub(super) since: Option<Moment>,
}
