//! x
use super::Moment;
/// x
pub fn of_queue_id(_id: &str) -> Option<Moment> {
    None
}
