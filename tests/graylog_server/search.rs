//! `GET /search/universal/absolute`, as JSON and as CSV.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};

use super::http::{Reply, Request};
use super::{Answering, STREAM, User, Version, condition};

/// What Graylog takes for a time: with milliseconds and zone, or without zone.
pub(super) fn time(text: &str) -> Option<i64> {
    let at = DateTime::parse_from_rfc3339(text).ok().filter(|_| text.contains('.'));
    at.map(|at| at.timestamp_millis()).or_else(|| {
        let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
        Some(at.and_utc().timestamp_millis())
    })
}

/// `2026-11-24T02:27:53.000Z`
pub(super) fn iso(at: i64) -> String {
    mailtrail::line::Moment(at).rfc3339()
}

impl Answering {
    pub(super) fn search(&self, request: &Request, user: User) -> Reply {
        let export = request.path.ends_with("/export");
        let csv = export || !request.header("accept").contains("application/json");
        let fields: Vec<&str> = request.parameter("fields").unwrap_or_default().split(',').collect();
        let fields: Vec<&str> = fields.into_iter().filter(|field| !field.is_empty()).collect();
        let query = request.parameter("query").unwrap_or_default();
        if query.is_empty() {
            let package = if self.version == Version::V4_2 {
                "javax"
            } else {
                "jakarta"
            };
            return Reply::json(
                400,
                &json!([{
                    "message": "must not be empty",
                    "message_template": format!("{{{package}.validation.constraints.NotEmpty.message}}"),
                    "path": "AbsoluteSearchResource.searchAbsolute.arg0",
                    "invalid_value": null,
                }]),
            );
        }
        if csv && fields.is_empty() {
            let place = if self.version == Version::V7_0 { 8 } else { 7 };
            let text = format!(
                "must not be empty (path = AbsoluteSearchResource.searchAbsoluteChunked.arg{place}, invalidValue = null)\n"
            );
            return Reply::new(400, "text/plain", text);
        }
        let stream = match allowed(request.parameter("filter").unwrap_or_default(), user) {
            Ok(stream) => stream,
            Err(refusal) => return refusal,
        };
        let bound = |name: &str| request.parameter(name).and_then(time);
        let (Some(mut from), Some(to)) = (bound("from"), bound("to")) else {
            return Reply::refusal(400, "Invalid timerange parameters provided");
        };
        if let Some(limit) = self.settings.lock().unwrap().limit {
            from = from.max(to - limit);
        }
        let (field, order) = match self.sort(request.parameter("sort").unwrap_or("timestamp:desc")) {
            Ok(sort) => sort,
            Err(refusal) => return refusal,
        };
        let number = |name: &str| request.parameter(name).and_then(|number| number.parse::<i64>().ok());
        let limit = number("limit").filter(|limit| *limit > 0);
        let mut body = json!({
            "query": condition(query, from, to, self.version.includes_end(), stream),
            "from": number("offset").unwrap_or(0),
            "size": limit.unwrap_or(if csv { 10_000 } else { 150 }),
            "track_total_hits": true,
        });
        if !csv {
            body["sort"] = json!([{ field: { "order": order } }]);
        }
        let answer = match self.ask(&body) {
            Ok(answer) => answer,
            Err(reason) => return self.refused(&reason),
        };
        let hits = answer["hits"]["hits"].as_array().unwrap();
        if csv {
            return table(hits, &fields, request.path.ends_with("/export").then_some((from, to)));
        }
        let messages: Vec<Value> = hits.iter().map(|hit| self.message(hit, &fields)).collect();
        let old = self.version == Version::V4_2;
        let named: Value = if old { known(&messages) } else { json!(fields) };
        let indices = json!([{ "index_name": "graylog_0", "begin": iso(0), "end": iso(0), "calculated_at": iso(0), "took_ms": 0 }]);
        Reply::json(
            200,
            &json!({
                "query": query,
                "built_query": if old { body.to_string() } else { query.to_owned() },
                "used_indices": if old { indices } else { json!([]) },
                "messages": messages,
                "fields": named,
                "time": answer["took"],
                "total_results": answer["hits"]["total"]["value"],
                "from": iso(from),
                "to": iso(to),
                "decoration_stats": null,
            }),
        )
    }

    /// Of `timestamp:asc`; two fields are one with a strange order.
    fn sort<'a>(&self, sort: &'a str) -> Result<(&'a str, &'static str), Reply> {
        let (field, order) = sort.split_once(':').unwrap_or((sort, "desc"));
        match order.to_ascii_uppercase().as_str() {
            "ASC" => Ok((field, "asc")),
            "DESC" => Ok((field, "desc")),
            _ if self.version == Version::V4_2 => Ok((field, "desc")),
            other => Err(Reply::refusal(
                500,
                &format!(
                    "No enum constant org.graylog.plugins.views.search.searchtypes.Sort.Order.{}",
                    other.replace(":ASC", "")
                ),
            )),
        }
    }

    fn refused(&self, reason: &str) -> Reply {
        let window = "Failed to obtain results: Result window is too large, [from + size] must be less than or equal to: \
                      [10000]. This limit can be set by changing the [index.max_result_window] index level setting, but it \
                      is recommended to use more advanced methods in order to get distant chunks of results (i.e. scroll \
                      or search after)";
        let text = match self.version {
            Version::V4_2 => "Unable to perform search query",
            Version::V5_1 => "Missing search type result!",
            _ if reason.contains("esult window is too large") => window,
            _ => {
                "Failed to obtain results: OpenSearch exception [type=search_phase_execution_exception, reason=all shards \
                 failed]."
            }
        };
        Reply::refusal(500, text)
    }

    fn message(&self, hit: &Value, fields: &[&str]) -> Value {
        let mut message = hit["_source"].as_object().unwrap().clone();
        message.insert("timestamp".into(), json!(timestamp(hit)));
        if self.version != Version::V4_2 && !fields.is_empty() {
            message.retain(|name, _| name == "timestamp" || fields.contains(&name.as_str()));
        }
        message.insert("_id".into(), hit["_id"].clone());
        json!({ "highlight_ranges": {}, "message": message, "index": "graylog_0", "decoration_stats": null })
    }
}

pub(super) fn timestamp(hit: &Value) -> String {
    iso(time(hit["_source"]["timestamp"].as_str().unwrap()).unwrap())
}

/// The stream of `streams:ID`, if that is allowed.
fn allowed(filter: &str, user: User) -> Result<Option<&str>, Reply> {
    let refuse = |more: &str| {
        Err(Reply::refusal(
            403,
            &format!("Not allowed to search with filter: [{filter}]{more}"),
        ))
    };
    match (filter.strip_prefix("streams:"), user) {
        (None, _) if !matches!(filter, "" | "*") => refuse(""),
        (None, User::Admin) => Ok(None),
        (None, _) => Err(Reply::refusal(403, "Not authorized")),
        (Some(stream), User::Admin) => Ok(Some(stream)),
        (Some(STREAM), User::Streamer) => Ok(Some(STREAM)),
        (Some(stream), _) => refuse(&format!(". (Forbidden stream: {stream})")),
    }
}

/// The fields of all messages, without Graylog's own.
fn known(messages: &[Value]) -> Value {
    let mut names = Vec::new();
    for message in messages {
        for name in message["message"].as_object().unwrap().keys() {
            let own = name.starts_with("gl2_") && name != "gl2_message_id";
            if !own && !["_id", "streams", "full_message"].contains(&name.as_str()) && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    json!(names)
}

/// The legacy export: line ends are written as two backslashes and a letter.
fn table(hits: &[Value], fields: &[&str], range: Option<(i64, i64)>) -> Reply {
    let mut text = String::new();
    for (number, hit) in hits.iter().enumerate() {
        if number == 0 {
            text += &row(fields.iter().map(|field| Some((*field).to_owned())));
        }
        let source = hit["_source"].as_object().unwrap();
        text += &row(fields.iter().map(|field| {
            let value = value(source, hit, field)?;
            Some(value.replace('\n', "\\\\n").replace('\r', "\\\\r"))
        }));
    }
    let mut reply = Reply::new(200, "text/csv", text);
    if let Some((from, to)) = range {
        let name = format!(
            "attachment; filename=graylog-search-result-absolute-{}-{}.csv",
            iso(from),
            iso(to)
        );
        reply.headers.push(("Content-Disposition", name));
    }
    reply
}

/// A field as an export tells it.
pub(super) fn value(source: &Map<String, Value>, hit: &Value, field: &str) -> Option<String> {
    match (field, source.get(field)?) {
        ("timestamp", _) => Some(timestamp(hit)),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Array(list)) => {
            let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            Some(format!("[{}]", list.join(", ")))
        }
        (_, other) => Some(other.to_string()),
    }
}

/// Values in quotes; no value, no quotes.
pub(super) fn row(values: impl Iterator<Item = Option<String>>) -> String {
    let values: Vec<String> = values
        .map(|value| value.map_or(String::new(), |value| format!("\"{}\"", value.replace('"', "\"\""))))
        .collect();
    values.join(",") + "\n"
}
