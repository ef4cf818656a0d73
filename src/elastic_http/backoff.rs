//! How long to wait before the next attempt.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The longest wait that a server's `Retry-After` may ask for.
const MAX_ASKED: Duration = Duration::from_secs(120);

/// The wait before attempt `number` (the first repetition is 1): anything between nothing and a bound that doubles from
/// half a second to half a minute ("full jitter": many clients that failed together do not come back together).
pub(crate) fn wait(number: u32) -> Duration {
    let bound = 500_u64.saturating_mul(1 << number.saturating_sub(1).min(7)).min(30_000);
    // The standard library's hash keys are random: good enough for a delay.
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(random % (bound + 1))
}

/// What `Retry-After` asks for: seconds, or a date. None if it is neither.
pub(crate) fn asked(header: &str, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
    let wait = match header.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (chrono::DateTime::parse_from_rfc2822(header.trim()).ok()?.to_utc() - now)
            .to_std()
            .unwrap_or_default(),
    };
    Some(wait.min(MAX_ASKED))
}
