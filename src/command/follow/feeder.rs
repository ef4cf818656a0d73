//! What the threads that read have in common: they hand over what they read, and stop when nobody takes it.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use anyhow::bail;

use super::signals::Signals;
use crate::command::delivery::Delivery;

/// So many lines are handed over at once.
pub(super) const PIECE: usize = 1_000;

/// What a source has to say.
pub(super) enum News {
    /// Lines. `more`: there are more at once.
    Lines { delivery: Delivery, more: bool },
    /// Places in files that were not known, before anything is read of them. Saved at once: should this process be
    /// killed and such a file be renamed before the next commit, it is looked for.
    Begun(Delivery),
    /// It was read to its end.
    Whole(String),
    /// It could not be read.
    Failed(String, String),
    /// Something that a person should know.
    Note(String, String),
}

/// Where a source hands over what it reads.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) to: SyncSender<News>,
    pub(super) signals: Signals,
    pub(super) poll: Duration,
}

impl Outlet {
    /// Waits until it is taken. An error: nobody takes it any more, so the thread may end.
    pub(super) fn send(&self, news: News) -> anyhow::Result<()> {
        if self.signals.is_stop() || self.to.send(news).is_err() {
            bail!("nobody takes what is read");
        }
        Ok(())
    }
}
