//! Follows a server by time frames: a short one as often as it bears it, a longer one each minute, and the last hour
//! every quarter of an hour, since servers index late what they receive.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::feeder::{News, Outlet};
use crate::command::servers::Server;
use crate::command::windows::{Frame, Reading, Stop};
use crate::ledger::Gap;
use crate::state::Cursor;

/// Frames: how often, and from how long before the last one's end, in milliseconds.
const SHORT_MS: i64 = 30 * 1000;
const LONGER: (Duration, i64) = (Duration::from_secs(60), 5 * 60 * 1000);
const LONG: (Duration, i64) = (Duration::from_secs(15 * 60), 60 * 60 * 1000);
/// A server is asked for at most a fifth of the time.
const REST: u32 = 4;
/// After a failure it is left alone for so long at most.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// A server that is followed.
pub(super) struct Follower {
    pub(super) server: Server,
    pub(super) before: Cursor,
    /// Silences of hosts that are to be asked for again.
    pub(super) silences: Arc<Mutex<Vec<Gap>>>,
    pub(super) outlet: Outlet,
}

impl Follower {
    /// Until nobody takes what is read.
    pub(super) fn run(self) {
        let Self {
            server,
            before,
            silences,
            outlet,
        } = self;
        let mut reading = Reading::of(&server, &before);
        let (mut longer, mut long): (Option<Instant>, Option<Instant>) = (None, None);
        let mut failures = 0_u32;
        loop {
            let began = Instant::now();
            let is_due = |last: Option<Instant>, every: Duration| last.is_none_or(|last| last.elapsed() >= every);
            let (is_long, is_longer) = (is_due(long, LONG.0), is_due(longer, LONGER.0));
            let frame = match reading.watermark() {
                Some(_) if !is_long && !is_longer => Frame::until_now(0, SHORT_MS),
                Some(_) if !is_long => Frame::until_now(0, LONGER.1),
                _ => Frame::until_now(LONG.1, LONGER.1),
            };
            let mut deliver = |delivery| outlet.send(News::Lines { delivery, more: false });
            let mut read = reading.read(frame, is_long || is_longer, &mut deliver);
            let asked: Vec<Gap> = silences
                .lock()
                .map(|mut gaps| std::mem::take(&mut *gaps))
                .unwrap_or_default();
            if read.is_ok() && !asked.is_empty() {
                read = reading.read_silences(&asked, &mut deliver);
            }
            let told = match read {
                Ok(()) => {
                    failures = 0;
                    longer = if is_longer { Some(began) } else { longer };
                    long = if is_long { Some(began) } else { long };
                    outlet.send(News::Whole(server.name.clone()))
                }
                Err(Stop::Taker(_)) => return,
                Err(Stop::Server(error)) => {
                    failures += 1;
                    outlet.send(News::Failed(server.name.clone(), error))
                }
            };
            if told.is_err() {
                return;
            }
            let rest = (began.elapsed() * REST).max(outlet.poll * 2_u32.saturating_pow(failures.min(6)));
            outlet.signals.sleep(rest.min(LONGEST_REST));
        }
    }
}
