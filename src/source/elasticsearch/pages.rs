//! Reads a time frame from an index, in the order of time, and checks that nothing is missing.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::IndexQuery;
use super::view::View;
use crate::elastic_http::{Answer, ElasticHttp, HttpError, Server, Trouble};
use crate::line::{Digest, Moment};
use crate::source::arrival::Arrival;
use crate::source::batch::Batch;
use crate::source::json_field::{field, text};
use crate::source::stored::{Content, Stored};
use crate::source::{Seen, Window};

/// A view that has expired is opened again so often; each time something new must have been read.
const MOST_VIEWS: u32 = 100;

/// Reads a frame.
pub(in crate::source) struct Pages {
    http: Arc<ElasticHttp>,
    query: IndexQuery,
    window: Window,
    server: Option<Server>,
    view: View,
    views: u32,
    /// Documents of this view that were read, and how many there are.
    read: u64,
    total: u64,
    /// The last moment of which documents were read, and which of it; the view may have to be opened again there.
    last: Moment,
    at_last: HashSet<Digest>,
    ended: bool,
}

impl Pages {
    /// Of this frame, in the index's own time.
    pub(in crate::source) fn new(http: Arc<ElasticHttp>, query: IndexQuery, window: Window) -> Self {
        Self {
            http,
            query,
            window,
            server: None,
            view: View::Closed,
            views: 0,
            read: 0,
            total: 0,
            last: window.from,
            at_last: HashSet::new(),
            ended: window.from >= window.to,
        }
    }

    /// The next documents. None at the end of the frame.
    pub(in crate::source) fn next(&mut self) -> Result<Option<Batch>, HttpError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.page();
        if page.is_err() {
            // Where it was is known; the next attempt opens a new view there.
            self.close();
        }
        page.map(Some)
    }

    fn page(&mut self) -> Result<Batch, HttpError> {
        loop {
            if matches!(self.view, View::Closed) {
                self.open()?;
            }
            let answer = self.view.page(&self.http, &self.query.index, &self.search())?;
            if answer.status == 404 && self.read > 0 && self.views < MOST_VIEWS {
                // The reader was slower than the server's patience.
                self.http
                    .notice("the view of the index has expired: opening another one");
                self.view = View::Closed;
                continue;
            }
            return self.batch(answer);
        }
    }

    fn open(&mut self) -> Result<(), HttpError> {
        let server = match &self.server {
            Some(server) => server,
            none => self.server.insert(match none {
                Some(server) => server.clone(),
                None => self.http.server()?,
            }),
        };
        self.view = View::open(&self.http, server, &self.query.index, !self.query.unique.is_empty())?;
        self.views += 1;
        self.read = 0;
        self.total = 0;
        Ok(())
    }

    fn search(&self) -> Value {
        let mut filter = vec![self.query.range(self.last, self.window.to)];
        let text = self.query.text();
        if !matches!(text.trim(), "" | "*") {
            filter.push(json!({ "query_string": { "query": text, "analyze_wildcard": true, "lenient": true } }));
        }
        let mut sort = vec![json!({ self.query.time.as_str(): { "order": "asc" } })];
        if !self.query.unique.is_empty() {
            sort.push(json!({ self.query.unique.as_str(): { "order": "asc", "unmapped_type": "keyword" } }));
        }
        let mut fields = self.query.names.all();
        fields.extend([self.query.time.as_str(), self.query.unique.as_str()]);
        fields.retain(|field| !field.is_empty());
        json!({
            "size": self.query.page.clamp(1, 10_000),
            "track_total_hits": true,
            "query": { "bool": { "filter": filter } },
            "sort": sort,
            "_source": fields,
        })
    }

    fn batch(&mut self, answer: Answer) -> Result<Batch, HttpError> {
        let body = answer.success()?;
        if body["timed_out"] == true || body["_shards"]["failed"].as_u64().is_some_and(|failed| failed > 0) {
            return Err(self.failed("a part of the index did not answer", "look at the cluster's health"));
        }
        if body["_shards"]["total"] == 0 {
            let text = format!("no index matches `{}` in {}", self.query.index, self.http.base());
            return Err(HttpError::new(
                Trouble::Answer,
                text,
                "look at `GET /_cat/indices`; may the user see it?",
            ));
        }
        let hits = body["hits"]["hits"].as_array().cloned().unwrap_or_default();
        if self.read == 0 {
            self.total = body["hits"]["total"]["value"].as_u64().unwrap_or(0);
        }
        self.read += hits.len() as u64;
        let stored: Option<Vec<Stored>> = hits.iter().map(|hit| self.stored(hit)).collect();
        let Some(mut messages) = stored else {
            let text = format!(
                "a document of `{}` has no readable time in `{}`",
                self.query.index, self.query.time
            );
            let help = "check the name of the time field and what is in it";
            return Err(HttpError::new(Trouble::Answer, text, help));
        };
        if self.read < self.total && messages.is_empty() {
            let lost = format!("only {} of {} documents were given", self.read, self.total);
            return Err(self.failed(
                &lost,
                "is there a field that is different in every document? name it in `unique`",
            ));
        }
        self.ended = self.read >= self.total;
        messages.retain(|message| message.at != self.last || !self.at_last.contains(&message.key));
        let last = messages.iter().map(|message| message.at).max().unwrap_or(self.last);
        if last > self.last {
            self.at_last.clear();
            self.last = last;
        }
        let here = messages.iter().filter(|message| message.at == last);
        self.at_last.extend(here.map(|message| message.key));
        if self.ended {
            self.close();
        }
        Ok(Batch {
            messages,
            up_to: if self.ended { self.window.to } else { self.last },
        })
    }

    fn stored(&self, hit: &Value) -> Option<Stored> {
        let source = hit["_source"].as_object()?;
        let word = |name: &str| field(source, name).and_then(text);
        let told = field(source, &self.query.time).and_then(|time| self.query.moment(time));
        let at = told.or_else(|| self.query.sorted(&hit["sort"][0]))?;
        let document = hit["_id"].as_str().unwrap_or_default();
        let unique = word(&self.query.unique).unwrap_or_default();
        let id = if unique.is_empty() {
            // An id is unique in an index.
            format!("{}/{document}", hit["_index"].as_str().unwrap_or_default())
        } else {
            unique.clone()
        };
        Some(Stored {
            key: Seen::key(&id),
            at,
            ranged: at,
            arrival: Arrival::of(at, &unique, document),
            content: Content::of(&self.query.names, word),
        })
    }

    fn failed(&self, why: &str, help: &str) -> HttpError {
        let text = format!("cannot read `{}` of {}: {why}", self.query.index, self.http.base());
        HttpError::new(Trouble::Answer, text, help)
    }

    fn close(&mut self) {
        if let Some(server) = &self.server {
            self.view.close(&self.http, server.flavour);
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.close();
    }
}
