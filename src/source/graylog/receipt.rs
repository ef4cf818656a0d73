//! The time of receipt, which only some versions of Graylog tell.

use super::pages::{Pages, Stretch, Unread};
use crate::elastic_http::{HttpError, Trouble};

impl Pages {
    /// That no message has a time of receipt looks as if none had been received: say so instead.
    pub(super) fn check_receipts(&mut self) -> Result<(), HttpError> {
        let mut known = 0;
        let mut all = 0;
        for stream in self.streams() {
            let frame = Stretch {
                from: self.at,
                to: self.to,
                stream,
            };
            for (count, text) in [(&mut known, self.query.with_receipt()), (&mut all, self.query.plain())] {
                *count += match self.ask(&frame, &text, 1, "timestamp:asc") {
                    Ok(answer) => answer.total_results,
                    Err(Unread::Failed(error)) => return Err(error),
                    Err(Unread::TooLong(limit)) => return Err(self.too_long(limit)),
                };
            }
        }
        if known == 0 && all > 0 {
            return Err(HttpError::new(
                Trouble::Answer,
                format!(
                    "Graylog {} does not tell when it received a message, so what came late cannot be looked for by that",
                    self.graylog.base()
                ),
                "Graylog 6.0 and later tell it; with an older one ask for a longer time frame",
            ));
        }
        self.checked = true;
        Ok(())
    }

    /// An administrator's limit is shorter than the reach.
    pub(super) fn too_long(&self, limit: i64) -> HttpError {
        HttpError::new(
            Trouble::Answer,
            format!(
                "Graylog {} searches no more than {} seconds at once, too few to look for what came late",
                self.graylog.base(),
                limit / 1000
            ),
            "an administrator has set a query time range limit: shorten the reach, or have the limit lifted",
        )
    }
}
