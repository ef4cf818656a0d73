//! `POST /views/search/messages`: CSV, and nearly everything is a success.

use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::search::{row, time, value};
use super::{Answering, STREAM, User, Version};

/// What the search server gives at once.
const WINDOW: u64 = 10_000;

impl Answering {
    pub(super) fn export(&self, request: &Request, user: User) -> Reply {
        if !request.header("accept").contains("text/csv") {
            return Reply::new(415, "", "");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if let Some(refusal) = self.unknown_key(&body) {
            return refusal;
        }
        let query = body["query_string"]["query_string"].as_str().unwrap_or_default();
        let old = self.version == Version::V4_2;
        if !old
            && query
                .split(&[' ', ':', '('][..])
                .any(|word| word.starts_with(['*', '?']))
        {
            return invalid("'*' or '?' not allowed as first character in WildcardQuery.");
        }
        let stream = match permitted(&body["streams"], user) {
            Ok(stream) => stream,
            Err(reply) => return reply,
        };
        let chunk = body["chunk_size"].as_u64().unwrap_or(1000);
        if chunk > WINDOW && old {
            return Reply::new(200, "text/csv", "");
        }
        if chunk > WINDOW {
            return Reply::new(
                200,
                "text/csv",
                row(std::iter::once(Some(format!(
                    "OpenSearchException[OpenSearch exception [type=illegal_argument_exception, reason=Result window is \
                     too large, from + size must be less than or equal to: [10000] but was [{chunk}]. See the scroll api \
                     for a more efficient way to request large data sets. This limit can be set by changing the \
                     [index.max_result_window] index level setting.]]"
                )))),
            );
        }
        let bound = |name: &str| time(body["timerange"][name].as_str().unwrap()).unwrap();
        let query = if query.is_empty() { "*" } else { query };
        let condition = super::condition(
            query,
            bound("from"),
            bound("to"),
            self.version.includes_end(),
            stream.as_deref(),
        );
        match self.all(&condition, chunk, body["limit"].as_u64().unwrap_or(u64::MAX)) {
            Ok(hits) => Reply::new(200, "text/csv", table(&hits, &body["fields_in_order"])),
            Err(_) if old => Reply::new(200, "text/csv", ""),
            Err(_) => invalid("incomplete query, query ended unexpectedly"),
        }
    }

    fn unknown_key(&self, body: &Value) -> Option<Reply> {
        let mut known = vec!["timerange", "streams", "query_string", "fields_in_order", "limit"];
        if self.version != Version::V4_2 {
            known.push("time_zone");
        }
        known.push("chunk_size");
        let keys = body.as_object().unwrap().keys();
        let unknown = keys.into_iter().find(|key| !known.contains(&key.as_str()))?;
        let text = format!(
            "Unable to map property {unknown}.\nKnown properties include: {}",
            known.join(", ")
        );
        if self.version == Version::V4_2 {
            return Some(Reply::refusal(400, &text));
        }
        let path = format!("org.graylog.plugins.views.search.export.AutoValue_MessagesRequest$Builder[\"{unknown}\"]");
        Some(Reply::json(
            400,
            &json!({ "type": "RequestError", "message": text, "line": 1, "column": 118, "path": unknown,
                     "reference_path": path }),
        ))
    }

    /// Chunk after chunk; the limit is looked at between two chunks.
    fn all(&self, condition: &Value, chunk: u64, limit: u64) -> Result<Vec<Value>, String> {
        let ids = if self.version >= Version::V6_1 { "asc" } else { "desc" };
        let mut hits: Vec<Value> = Vec::new();
        let mut after = Value::Null;
        while (hits.len() as u64) < limit {
            let mut body = json!({
                "query": condition,
                "size": chunk,
                "sort": [{ "timestamp": "asc" }, { "gl2_message_id": ids }],
            });
            if !after.is_null() {
                body["search_after"] = after;
            }
            let answer = self.ask(&body)?;
            let page = answer["hits"]["hits"].as_array().unwrap();
            let Some(last) = page.last() else {
                break;
            };
            after = last["sort"].clone();
            hits.extend(page.iter().cloned());
        }
        Ok(hits)
    }
}

fn invalid(cause: &str) -> Reply {
    Reply::refusal(
        400,
        &format!("Request validation failed: Cannot parse query, cause: {cause}"),
    )
}

/// The stream to search in; silence where none may be read.
fn permitted(streams: &Value, user: User) -> Result<Option<String>, Reply> {
    let named = streams[0].as_str();
    match (named, user) {
        (Some(_), User::Reader) => Err(Reply::json(
            403,
            &json!({
                "message": "The search is referencing at least one stream you are not permitted to see.",
                "streams": streams,
                "type": "MissingStreamPermission",
            }),
        )),
        (None, User::Reader) => Err(Reply::new(200, "text/csv", "")),
        (None, User::Admin) => Ok(None),
        (named, _) => Ok(Some(named.unwrap_or(STREAM).to_owned())),
    }
}

fn table(hits: &[Value], fields: &Value) -> String {
    let fields: Vec<&str> = match fields.as_array() {
        Some(fields) => fields.iter().filter_map(Value::as_str).collect(),
        None => vec!["timestamp", "source", "message"],
    };
    let mut text = String::new();
    for (number, hit) in hits.iter().enumerate() {
        if number == 0 {
            text += &row(fields.iter().map(|field| Some((*field).to_owned())));
        }
        let source = hit["_source"].as_object().unwrap();
        text += &row(fields.iter().map(|field| match *field {
            // A new one with every answer.
            "_id" => {
                let random =
                    mailtrail::line::Digest::of_parts(&[format!("{:?}", std::time::Instant::now()).as_bytes()]);
                let hex = random.to_string();
                Some(format!(
                    "{}-{}-4{}-8{}-{}",
                    &hex[..8],
                    &hex[8..12],
                    &hex[13..16],
                    &hex[17..20],
                    &hex[20..]
                ))
            }
            field => value(source, hit, field),
        }));
    }
    text
}
