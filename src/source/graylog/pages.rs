//! Reads a time frame from Graylog, one stretch after the other, each complete.
//!
//! Graylog gives at most so many messages at once, sorts by one field and has no cursor. So a stretch is asked for in
//! ascending order; if there are more messages than were given, all but those of the last moment are surely complete,
//! and the next stretch begins at that moment: nothing is skipped, nothing is doubled, whatever comes in meanwhile. A
//! single moment with too many messages is exported.
//!
//! An administrator may limit the length of a search; Graylog then searches the end of the range that was asked for,
//! and says so only by telling another range than was asked for.

use std::sync::Arc;

use super::answer::{Answer, searched};
use super::query::Range;
use super::{Graylog, GraylogQuery};
use crate::elastic_http::{HttpError, Trouble};
use crate::line::Moment;
use crate::source::Window;
use crate::source::batch::Batch;
use crate::source::stored::Stored;

/// The first stretch, in milliseconds: ten minutes.
const FIRST: i64 = 600_000;
/// The longest: a day.
const LONGEST: i64 = 86_400_000;
/// Fewer messages than this every search server gives at once.
const SMALLEST_PAGE: usize = 100;

/// Reads a frame.
pub(in crate::source) struct Pages {
    pub(super) graylog: Arc<Graylog>,
    pub(super) query: GraylogQuery,
    /// The frame is read up to here.
    pub(super) at: Moment,
    pub(super) to: Moment,
    /// Of the next stretch, in milliseconds.
    length: i64,
    /// Which no stretch may exceed, in milliseconds.
    longest: i64,
    page: usize,
    /// It is known that the field which the frame is about is there.
    pub(super) checked: bool,
}

/// A part of the frame, of one stream or of all.
#[derive(Clone)]
pub(super) struct Stretch {
    pub(super) from: Moment,
    pub(super) to: Moment,
    pub(super) stream: Option<String>,
}

/// Why a stretch was not read.
pub(super) enum Unread {
    /// A search may only be so many milliseconds long.
    TooLong(i64),
    Failed(HttpError),
}

impl From<HttpError> for Unread {
    fn from(error: HttpError) -> Self {
        Self::Failed(error)
    }
}

/// What a search gave.
struct Page {
    messages: Vec<Stored>,
    /// How many there are.
    total: u64,
}

impl Page {
    fn is_complete(&self) -> bool {
        self.messages.len() as u64 >= self.total
    }
}

impl Pages {
    /// Of this frame, in Graylog's own time.
    pub(in crate::source) fn new(graylog: Arc<Graylog>, query: GraylogQuery, window: Window) -> Self {
        let query_is_checked = query.range == Range::Stamp;
        let page = query.page.clamp(SMALLEST_PAGE, GraylogQuery::WINDOW);
        Self {
            graylog,
            query,
            at: window.from,
            to: window.to,
            length: FIRST,
            longest: LONGEST,
            page,
            checked: query_is_checked,
        }
    }

    /// The next messages. None at the end of the frame. After an error the same stretch can be asked for again.
    pub(in crate::source) fn next(&mut self) -> Result<Option<Batch>, HttpError> {
        while self.at < self.to {
            if !self.checked {
                self.check_receipts()?;
            }
            let end = Moment(self.at.0.saturating_add(self.length).min(self.to.0));
            match self.read(end) {
                Ok(batch) => {
                    self.adapt(&batch, end);
                    self.at = batch.up_to;
                    return Ok(Some(batch));
                }
                Err(Unread::Failed(error)) => return Err(error),
                Err(Unread::TooLong(limit)) => self.shorten(limit, end)?,
            }
        }
        Ok(None)
    }

    /// Reads from where it is up to `end`, or as far as the answers are complete.
    fn read(&mut self, end: Moment) -> Result<Batch, Unread> {
        let mut batch = Batch {
            messages: Vec::new(),
            up_to: end,
        };
        for stream in self.streams() {
            let stretch = Stretch {
                from: self.at,
                to: batch.up_to,
                stream,
            };
            let (messages, up_to) = self.stretch(&stretch)?;
            batch.up_to = up_to;
            batch.messages.extend(messages);
        }
        // The end belongs to the range in some versions, and another stream may have stopped earlier.
        let from = self.at;
        batch
            .messages
            .retain(|message| message.ranged >= from && message.ranged < batch.up_to);
        Ok(batch)
    }

    /// The messages of a stretch, and up to where they are complete.
    fn stretch(&mut self, stretch: &Stretch) -> Result<(Vec<Stored>, Moment), Unread> {
        let page = self.page_or_smaller(stretch)?;
        if page.is_complete() {
            return Ok((page.messages, stretch.to));
        }
        if let Some(last) = page.messages.iter().map(|message| message.ranged).max()
            && last > stretch.from
            && page.messages.is_sorted_by_key(|message| message.ranged)
        {
            return Ok((page.messages, last.min(stretch.to)));
        }
        // Not in order, or one moment: the first moment alone.
        let moment = Moment(stretch.from.0 + 1);
        let alone = Stretch {
            to: moment,
            ..stretch.clone()
        };
        Ok((self.moment(&alone)?, moment))
    }

    /// The messages of a single millisecond.
    fn moment(&self, stretch: &Stretch) -> Result<Vec<Stored>, Unread> {
        // In descending order: where the end belongs to the range, its messages come first and can be counted.
        let page = self.search(stretch, GraylogQuery::WINDOW, "desc");
        let page = match page {
            Ok(page) if page.is_complete() => return Ok(page.messages),
            Err(Unread::Failed(error)) if error.status == Some(500) => self.search(stretch, self.page, "desc")?,
            page => page?,
        };
        let after = page
            .messages
            .iter()
            .filter(|message| message.ranged >= stretch.to)
            .count() as u64;
        let expected = match page.messages.len() as u64 {
            // Nothing but messages of the end: how many came before is not known.
            all if all == after => 0,
            _ => page.total - after.min(page.total),
        };
        self.graylog.notice(&format!(
            "{expected} messages have the time {}: they are exported",
            stretch.from
        ));
        Ok(self.graylog.export(&self.query, stretch, expected)?)
    }

    /// A page; where the search server gives fewer at once than most do, a smaller one.
    fn page_or_smaller(&mut self, stretch: &Stretch) -> Result<Page, Unread> {
        loop {
            let error = match self.search(stretch, self.page, "asc") {
                Err(Unread::Failed(error)) if error.status == Some(500) => error,
                other => return other,
            };
            // The texts differ by version: whether it is the size, only trying tells.
            if self.page <= SMALLEST_PAGE || self.search(stretch, 1, "asc").is_err() {
                return Err(error.into());
            }
            self.page = (self.page / 2).max(SMALLEST_PAGE);
        }
    }

    fn search(&self, stretch: &Stretch, limit: usize, order: &str) -> Result<Page, Unread> {
        let text = self.query.text(stretch.from, stretch.to);
        let sort = format!("{}:{order}", self.query.ranged());
        let answer = self.ask(stretch, &text, limit, &sort)?;
        let messages: Option<Vec<Stored>> = answer.messages.iter().map(|hit| hit.stored(&self.query)).collect();
        Ok(Page {
            messages: messages.ok_or_else(|| self.wrong("a message has no time stamp"))?,
            total: answer.total_results,
        })
    }

    /// The streams to ask for, one after the other: a filter has room for one. None is all.
    pub(super) fn streams(&self) -> Vec<Option<String>> {
        if self.query.streams.is_empty() {
            return vec![None];
        }
        self.query.streams.iter().cloned().map(Some).collect()
    }

    /// One search. The range that was searched is the one that was asked for, or it is no answer.
    pub(super) fn ask(&self, stretch: &Stretch, text: &str, limit: usize, sort: &str) -> Result<Answer, Unread> {
        let reach = self.query.reach();
        let (from, to) = (Moment(stretch.from.0 - reach), Moment(stretch.to.0 + reach));
        let (from_text, to_text, limit) = (from.rfc3339(), to.rfc3339(), limit.to_string());
        let fields = self.query.fields().join(",");
        let filter = stretch.stream.as_ref().map(|stream| format!("streams:{stream}"));
        let mut asked = vec![
            ("query", text),
            ("from", &from_text),
            ("to", &to_text),
            ("limit", &limit),
            ("sort", sort),
            ("fields", &fields),
            ("decorate", "false"),
        ];
        if let Some(filter) = &filter {
            asked.push(("filter", filter));
        }
        let answer: Answer = self.graylog.json("/search/universal/absolute", &asked)?;
        match searched(&answer) {
            Some((begun, ended)) if begun == from && ended == to => Ok(answer),
            Some((begun, ended)) if begun > from && ended == to => Err(Unread::TooLong(ended.0 - begun.0)),
            _ => Err(self.wrong("it searched another range than it was asked for").into()),
        }
    }

    /// Longer stretches where little is said, shorter ones where much is: about half a page each.
    fn adapt(&mut self, batch: &Batch, end: Moment) {
        if batch.up_to < end {
            self.length = ((batch.up_to.0 - self.at.0) / 2).max(1);
        } else if batch.messages.len() < self.page / 3 {
            self.length = (self.length * 2).min(self.longest);
        }
    }

    /// An administrator's limit became known.
    fn shorten(&mut self, limit: i64, end: Moment) -> Result<(), HttpError> {
        let asked = end.0 - self.at.0;
        if self.query.range != Range::Stamp {
            return Err(self.too_long(limit));
        }
        if limit <= 0 || asked <= limit {
            return Err(self.wrong("it searched another range than it was asked for"));
        }
        self.graylog.notice(&format!(
            "Graylog searches no more than {} seconds at once (an administrator's limit): asking in shorter stretches",
            limit / 1000
        ));
        self.longest = limit;
        self.length = limit;
        Ok(())
    }

    fn wrong(&self, why: &str) -> HttpError {
        HttpError::new(
            Trouble::Answer,
            format!(
                "Graylog {} gave an answer that cannot be used: {why}",
                self.graylog.base()
            ),
            "is the URL that of Graylog itself? what version is it?",
        )
    }
}
