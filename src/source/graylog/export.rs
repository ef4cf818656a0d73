//! The messages of a single millisecond that has more of them than a search gives: `POST /views/search/messages`.
//!
//! The hard part is that this export calls nearly everything a success. A bad query, a stream that is not there or may
//! not be read give 200 and nothing; an error half way is a row of one column. So the header, the columns of every row
//! and the number of rows are checked, against what the search says there are. Since Graylog 3.3.

use std::collections::HashSet;
use std::io::{self, Read};

use serde_json::{Value, json};

use super::answer::key;
use super::csv::Rows;
use super::pages::Stretch;
use super::{Graylog, GraylogQuery};
use crate::elastic_http::{HttpError, Trouble, shown};
use crate::line::Moment;
use crate::source::arrival::Arrival;
use crate::source::server_time::moment;
use crate::source::stored::{Content, Stored};

impl Graylog {
    /// All messages of the millisecond at which `stretch` begins. `expected`: at least so many there are.
    pub(super) fn export(
        &self,
        query: &GraylogQuery,
        stretch: &Stretch,
        expected: u64,
    ) -> Result<Vec<Stored>, HttpError> {
        let fields = query.fields();
        let body = request(query, stretch, &fields);
        let rows = self.csv("/views/search/messages", &body, |input| {
            self.rows(query, &fields, input)
        });
        let mut rows = rows.map_err(|error| match error.status {
            Some(404 | 405) => HttpError::new(
                Trouble::Answer,
                format!(
                    "more than {} messages have the time {}, and Graylog {} has no export that could tell them all",
                    GraylogQuery::WINDOW,
                    stretch.from,
                    self.base()
                ),
                "narrow the query or name streams (the export came with Graylog 3.3)",
            ),
            _ => error,
        })?;
        let mut known = HashSet::new();
        // The end belongs to the range in some versions.
        rows.retain(|message| message.ranged == stretch.from && known.insert(message.key));
        if (rows.len() as u64) < expected {
            return Err(HttpError::new(
                Trouble::Answer,
                format!(
                    "the export of Graylog {} gave {} of {expected} messages of {}",
                    self.base(),
                    rows.len(),
                    stretch.from
                ),
                "look at Graylog's log; is the query one that its export takes (no `field:*`, no wildcard at the beginning)?",
            ));
        }
        Ok(rows)
    }

    fn rows(&self, query: &GraylogQuery, fields: &[&str], input: &mut dyn Read) -> Result<Vec<Stored>, HttpError> {
        let failed = |error: io::Error| self.broken(&error.to_string());
        let mut rows = Rows::new(input);
        let Some(header) = rows.next().map_err(failed)? else {
            return Ok(Vec::new());
        };
        self.check(&header, fields)?;
        if header != fields {
            let got = shown(&header.join(", "), 200);
            return Err(self.failed(&format!("it has the columns {got}")));
        }
        let mut messages = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            self.check(&row, fields)?;
            let message = stored(query, fields, &row);
            messages.push(message.ok_or_else(|| self.failed("a row has no time"))?);
        }
        Ok(messages)
    }

    /// A row of one column is an error; any other wrong number is a mistake of ours.
    fn check(&self, row: &[String], fields: &[&str]) -> Result<(), HttpError> {
        match row {
            [said] => Err(self.failed(&shown(said, 500))),
            row if row.len() != fields.len() => {
                let counts = format!("a row has {} columns instead of {}", row.len(), fields.len());
                Err(self.failed(&counts))
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, why: &str) -> HttpError {
        HttpError::new(
            Trouble::Answer,
            format!("the export of Graylog {} failed: {why}", self.base()),
            "look at the logs of Graylog and of its search server",
        )
    }
}

/// Without `limit`, which overshoots, and without `time_zone`, which 4.2 does not know: stamps have an offset.
fn request(query: &GraylogQuery, stretch: &Stretch, fields: &[&str]) -> Value {
    let reach = query.reach();
    let mut body = json!({
        "timerange": {
            "type": "absolute",
            "from": Moment(stretch.from.0 - reach).rfc3339(),
            "to": Moment(stretch.from.0 + 1 + reach).rfc3339(),
        },
        "fields_in_order": fields,
        "chunk_size": 1000,
    });
    let text = query.text(stretch.from, Moment(stretch.from.0 + 1));
    // From 5.1 on the asterisk is refused; everything is what no query means.
    if !matches!(text.trim(), "" | "*") {
        body["query_string"] = json!({ "type": "elasticsearch", "query_string": text });
    }
    if let Some(stream) = &stretch.stream {
        body["streams"] = json!([stream]);
    }
    body
}

fn stored(query: &GraylogQuery, fields: &[&str], row: &[String]) -> Option<Stored> {
    let column = |name: &str| {
        let place = fields.iter().position(|field| *field == name)?;
        row.get(place).filter(|value| !value.is_empty()).cloned()
    };
    let ulid = column("gl2_message_id").unwrap_or_default();
    let at = moment(&column("timestamp")?)?;
    // Without an id of its own only the whole row tells it from others.
    let document = if ulid.is_empty() { row.join("\0") } else { String::new() };
    Some(Stored {
        key: key(&ulid, &document),
        at,
        ranged: moment(&column(query.ranged())?)?,
        arrival: Arrival::of(at, &ulid, ""),
        content: Content::of(&query.names, column),
    })
}
