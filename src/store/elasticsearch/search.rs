//! Searches, page by page.
//!
//! The hard part is that a server gives at most 10,000 hits at once and loses some without a word where two hits sort
//! equal: so the id, which is unique, always comes last in the order, and a page goes on behind the last hit.

use serde_json::{Value, json};

use super::layout::{Family, Layout};
use super::{lookup, shape, translate};
use crate::elastic_http::{ElasticHttp, segment};
use crate::query::{Order, Page, Query};
use crate::store::{Found, StoreError};
use crate::transaction::Document;

/// Documents in one answer: they may be large.
const DOCUMENTS: usize = 500;
/// Places in one answer, where the documents are only skipped.
const SKIPPED: usize = 10_000;

pub(super) fn search(http: &ElasticHttp, layout: &Layout, query: &Query, page: &Page) -> Result<Found, StoreError> {
    let order = match page.order {
        Order::Newest => "desc",
        Order::Oldest => "asc",
    };
    let mut body = json!({
        "query": translate::query(query),
        "sort": sort(order),
        "track_total_hits": true,
    });
    let mut found = Found::default();
    if page.after.is_some() {
        // `search_after` does not change what the server counts.
        body["search_after"] = page
            .after
            .as_ref()
            .map(|cursor| json!([cursor.at.0, cursor.id]))
            .unwrap_or_default();
    }
    let mut skip = page.offset;
    loop {
        let wanted = page.limit.saturating_sub(found.documents.len());
        let size = if skip > 0 {
            skip.min(SKIPPED)
        } else {
            wanted.min(DOCUMENTS)
        };
        body["size"] = json!(size);
        body["_source"] = json!(skip == 0);
        let answer = http.post(&layout.search(&Family::ALL), &body)?;
        if answer.status == 404 {
            return Ok(found);
        }
        let answer = answer.success()?;
        lookup::complete(&answer)?;
        if let Some(total) = answer["hits"]["total"]["value"].as_u64() {
            found.total = total;
            body["track_total_hits"] = json!(false);
        }
        let hits = answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
        if skip > 0 {
            skip -= hits.len().min(skip);
        } else {
            for hit in hits {
                found.documents.push(document(hit)?);
            }
        }
        match hits.last() {
            Some(last) if hits.len() == size && found.documents.len() < page.limit => {
                body["search_after"] = last["sort"].clone();
            }
            _ => return Ok(found),
        }
    }
}

/// A document by its id, as it is at this moment, or by an earlier one.
pub(super) fn get(http: &ElasticHttp, layout: &Layout, id: &str) -> Result<Option<Document>, StoreError> {
    if let Some(index) = layout.index_of(Family::Transactions, id) {
        let answer = http.get(&format!("/{}/_doc/{}", segment(&index), segment(id)))?;
        if answer.status != 404 {
            return Ok(Some(document(&answer.success()?)?));
        }
    }
    let body = json!({"size": 1, "query": {"term": {"was": id}}, "sort": sort("desc")});
    let answer = http.post(&layout.search(&Family::ALL), &body)?;
    if answer.status == 404 {
        return Ok(None);
    }
    let answer = answer.success()?;
    lookup::complete(&answer)?;
    answer["hits"]["hits"].get(0).map(document).transpose()
}

/// An index of somebody else whose name looks like a period's has neither field: it must not stop the search.
fn sort(order: &str) -> Value {
    json!([
        {"@timestamp": {"order": order, "unmapped_type": "date"}},
        {"id": {"order": "asc", "unmapped_type": "keyword"}},
    ])
}

fn document(hit: &Value) -> Result<Document, StoreError> {
    shape::from_server(hit["_id"].as_str().unwrap_or_default(), hit["_source"].clone())
}
