//! Lines of a time frame from a server: Graylog, or an index.
//!
//! A run reads a window that overlaps the one before. What it may rely on: [`WindowSource::read_up_to`] only moves when
//! all messages before it were given, so an error in between claims nothing; and the ids that [`WindowSource::seen`]
//! tells, given to the next run, keep its overlap from being given twice.

use std::sync::Arc;

use super::batch::Batch;
use super::feed::Feed;
use super::{
    Graylog, GraylogQuery, IndexQuery, Progress, Read, Seen, Source, SourceError, Tally, Window, elasticsearch, graylog,
};
use crate::elastic_http::ElasticHttp;
use crate::line::Moment;

/// Reads a time frame from a server.
pub struct WindowSource {
    name: Arc<str>,
    begins: Moment,
    pages: Pages,
    feed: Feed,
    shift: i64,
    /// What is fetched is complete up to here.
    fetched: Moment,
    /// What was given is complete up to here.
    given: Moment,
}

enum Pages {
    Graylog(Box<graylog::Pages>),
    Index(Box<elasticsearch::Pages>),
}

impl WindowSource {
    /// From Graylog. The window is moved to whole seconds. `seen`: messages that earlier runs have given.
    pub fn graylog(graylog: Arc<Graylog>, query: GraylogQuery, window: Window, seen: Seen) -> Self {
        let (shift, dating) = (query.shift(), query.dating);
        let name = Arc::from(graylog.base());
        Self::new(name, window, shift, |name, frame| {
            let feed = Feed::new(name, dating, window.to, seen);
            (
                Pages::Graylog(Box::new(graylog::Pages::new(graylog, query, frame))),
                feed,
            )
        })
    }

    /// From an index of Elasticsearch or OpenSearch. The window is moved to whole seconds. `seen`: messages that
    /// earlier runs have given.
    pub fn index(http: Arc<ElasticHttp>, query: IndexQuery, window: Window, seen: Seen) -> Self {
        let (shift, dating) = (query.shift(), query.dating);
        let name = Arc::from(format!("{}/{}", http.base(), query.index));
        Self::new(name, window, shift, |name, frame| {
            let feed = Feed::new(name, dating, window.to, seen);
            (
                Pages::Index(Box::new(elasticsearch::Pages::new(http, query, frame))),
                feed,
            )
        })
    }

    fn new(name: Arc<str>, window: Window, shift: i64, make: impl FnOnce(Arc<str>, Window) -> (Pages, Feed)) -> Self {
        let window = window.whole_seconds();
        let frame = Window {
            from: Moment(window.from.0.saturating_sub(shift)),
            to: Moment(window.to.0.saturating_sub(shift)),
        };
        let (pages, feed) = make(Arc::clone(&name), frame);
        Self {
            name,
            begins: window.from,
            pages,
            feed,
            shift,
            fetched: window.from,
            given: window.from,
        }
    }

    /// Gives only the lines of these messages. The others of the window are read, since equal lines of one second are
    /// told apart by being counted, and count as left out.
    #[must_use]
    pub fn only(mut self, messages: Seen) -> Self {
        self.feed.give_only(messages);
        self
    }

    /// Everything in the window before this moment has been given: a watermark. At the end it is the window's end.
    /// About the time of receipt where that is what the window is about.
    pub fn read_up_to(&self) -> Moment {
        self.given
    }

    /// All messages that were given, and those that were left out because an earlier run had given them, with their
    /// moment in the range. One whose lines still wait is not among them.
    pub fn seen(&self) -> &Seen {
        self.feed.seen()
    }

    /// How many messages were left out because an earlier run had given them.
    pub fn skipped(&self) -> u64 {
        self.feed.skipped()
    }
}

impl Source for WindowSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn begins(&self) -> Option<Moment> {
        // No line is earlier, but for those that tell their own time.
        Some(self.begins)
    }

    fn next(&mut self) -> Result<Option<Read>, SourceError> {
        loop {
            if let Some(read) = self.feed.next() {
                return Ok(Some(read));
            }
            self.given = self.fetched;
            let batch = match &mut self.pages {
                Pages::Graylog(pages) => pages.next(),
                Pages::Index(pages) => pages.next(),
            };
            let Some(Batch { messages, up_to }) = batch? else {
                return Ok(None);
            };
            self.feed.add(messages, self.shift);
            self.fetched = Moment(up_to.0.saturating_add(self.shift));
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            read: self.feed.bytes(),
            total: None,
        }
    }

    fn tally(&self) -> Tally {
        self.feed.tally()
    }
}
