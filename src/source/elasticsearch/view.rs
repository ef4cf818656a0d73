//! A view of an index that does not change while it is read: a point in time, or a scroll where there is none.
//!
//! The hard part is that paging without a unique last sort key loses documents in silence, and that the key that is
//! unique differs: Elasticsearch has `_shard_doc`, OpenSearch 2 only `_id`, a scroll on Elasticsearch 8 none.

use serde_json::{Value, json};

use crate::elastic_http::{Answer, ElasticHttp, Flavour, HttpError, Server, Trouble, segment};

/// How long the server keeps the view between two pages.
const KEEP: &str = "5m";

/// A view, and where it is.
pub(super) enum View {
    /// A point in time; the sort values of the last document, none before the first page.
    Point {
        id: String,
        after: Value,
        tie: Option<&'static str>,
    },
    /// A scroll; its id comes with the first page, which is asked for in an order that ends with `tie`.
    Scroll { id: String, tie: Option<&'static str> },
    /// Closed, or never opened.
    Closed,
}

impl View {
    /// Opens a view. `unique`: there is a field that is unique.
    pub(super) fn open(http: &ElasticHttp, server: &Server, index: &str, unique: bool) -> Result<Self, HttpError> {
        // Without a point in time a server is old enough to sort by ids.
        let scroll = Self::Scroll {
            id: String::new(),
            tie: (!unique).then_some("_id"),
        };
        if let (Flavour::OpenSearch, Some(version)) = (server.flavour, server.version)
            && version < (2, 4)
        {
            return Ok(scroll);
        }
        let point = match server.flavour {
            Flavour::Elasticsearch => "_pit",
            Flavour::OpenSearch => "_search/point_in_time",
        };
        let path = format!("/{}/{point}?keep_alive={KEEP}", segment(index));
        let answer = http.post(&path, &Value::Null)?;
        if answer.status == 404 && answer.error().kind == "index_not_found_exception" {
            return Err(missing(http, index));
        }
        let id = answer.body["id"].as_str().or(answer.body["pit_id"].as_str());
        match (answer.status, id) {
            (200, Some(id)) => Ok(Self::Point {
                id: id.to_owned(),
                after: Value::Null,
                tie: tie(server, unique),
            }),
            // 7.10 without x-pack, and what came before.
            (400 | 404 | 405, _) => Ok(scroll),
            _ => Err(answer.error()),
        }
    }

    /// The next page of a search, which has no `sort` for ties and no paging yet.
    pub(super) fn page(&mut self, http: &ElasticHttp, index: &str, search: &Value) -> Result<Answer, HttpError> {
        let mut body = search.clone();
        match self {
            Self::Point { id, after, tie } => {
                body["pit"] = json!({ "id": id, "keep_alive": KEEP });
                if let (Some(tie), Some(sort)) = (*tie, body["sort"].as_array_mut()) {
                    sort.push(json!({ tie: "asc" }));
                }
                if !after.is_null() {
                    body["search_after"] = after.clone();
                    body["track_total_hits"] = json!(false);
                }
                let answer = http.post("/_search?allow_partial_search_results=false", &body)?;
                if let Some(newer) = answer.body["pit_id"].as_str() {
                    newer.clone_into(id);
                }
                if let Some(last) = answer.body["hits"]["hits"].as_array().and_then(|hits| hits.last()) {
                    *after = last["sort"].clone();
                }
                Ok(answer)
            }
            Self::Scroll { id, tie } => {
                let answer = if id.is_empty() {
                    if let (Some(tie), Some(sort)) = (*tie, body["sort"].as_array_mut()) {
                        sort.push(json!({ tie: "asc" }));
                    }
                    let query = format!("scroll={KEEP}&allow_partial_search_results=false&ignore_unavailable=true");
                    http.post(&format!("/{}/_search?{query}", segment(index)), &body)?
                } else {
                    http.post("/_search/scroll", &json!({ "scroll": KEEP, "scroll_id": id }))?
                };
                if let Some(newer) = answer.body["_scroll_id"].as_str() {
                    newer.clone_into(id);
                }
                if answer.status == 404 && answer.error().kind == "index_not_found_exception" {
                    return Err(missing(http, index));
                }
                Ok(answer)
            }
            Self::Closed => Err(HttpError::new(Trouble::Answer, "the view of the index is closed", "")),
        }
    }

    /// Frees what the server keeps for it; that it may be gone already is no trouble.
    pub(super) fn close(&mut self, http: &ElasticHttp, flavour: Flavour) {
        let closed = match std::mem::replace(self, Self::Closed) {
            Self::Point { id, .. } => match flavour {
                Flavour::Elasticsearch => http.delete_with("/_pit", &json!({ "id": id })),
                Flavour::OpenSearch => http.delete_with("/_search/point_in_time", &json!({ "pit_id": [id] })),
            },
            Self::Scroll { id, .. } if !id.is_empty() => {
                http.delete_with("/_search/scroll", &json!({ "scroll_id": [id] }))
            }
            Self::Scroll { .. } | Self::Closed => return,
        };
        drop(closed);
    }
}

/// What makes the order of a point in time unique. Elasticsearch 7.12 and later add it of themselves, OpenSearch never.
fn tie(server: &Server, unique: bool) -> Option<&'static str> {
    match (server.flavour, server.version) {
        (Flavour::Elasticsearch, None) => Some("_shard_doc"),
        (Flavour::Elasticsearch, Some(version)) if version >= (7, 12) || server.serverless => Some("_shard_doc"),
        (Flavour::OpenSearch, Some(version)) if version >= (3, 0) => Some("_shard_doc"),
        // Sorting by it loads the ids of all documents into memory.
        _ if !unique => Some("_id"),
        _ => None,
    }
}

fn missing(http: &ElasticHttp, index: &str) -> HttpError {
    HttpError::new(
        Trouble::Answer,
        format!("there is no index `{index}` in {}", http.base()),
        "look at `GET /_cat/indices`; may the user see it?",
    )
    .with_status(404)
}
