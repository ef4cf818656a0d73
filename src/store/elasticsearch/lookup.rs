//! Finds what the server has of given lives, with the versions that a writer needs.
//!
//! The hard part is that a search sees only what was refreshed: ten seconds late, unless one asks. By id everything is
//! seen at once.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::layout::{Family, Layout};
use super::shape;
use crate::elastic_http::{ElasticHttp, is_accident};
use crate::store::{QueueKey, StoreError, Stored, Version};

/// Queue ids in one search; a server takes 65,536 terms.
const KEYS: usize = 1_000;
/// Queue ids in one search for what is not known: most often nothing is found.
const KEYS_OF_RIVALS: usize = 10_000;
/// Documents in one answer: they may be large.
const DOCUMENTS: usize = 200;

/// What to look at where shards fail.
const WELL: &str = "look at `GET /_cluster/health` and `GET /_cat/shards`";

/// From now on searches see everything that was written before. The request succeeds though a shard did not follow it, for
/// want of memory or because its node goes: it is asked again then.
pub(super) fn refresh(http: &ElasticHttp, layout: &Layout) -> Result<(), StoreError> {
    let mut patience = http.patience();
    loop {
        let answer = http.post(&layout.everywhere("_refresh"), &Value::Null)?;
        // No index yet.
        if answer.status == 404 {
            return Ok(());
        }
        let Some(trouble) = failure(&answer.success()?) else {
            http.is_well(&mut patience);
            return Ok(());
        };
        let trouble = format!("what was written cannot be searched yet, {trouble}");
        if !http.pause(&mut patience, &trouble) {
            return Err(StoreError::Index(format!(
                "{trouble}\n  help: {WELL}, and run the command again"
            )));
        }
    }
}

/// Per key every document that has it, as far as was refreshed.
pub(super) fn of_queue_ids(
    http: &ElasticHttp,
    layout: &Layout,
    keys: &[QueueKey],
) -> Result<Vec<Vec<Stored>>, StoreError> {
    let mut found: Vec<Vec<Stored>> = vec![Vec::new(); keys.len()];
    if keys.is_empty() {
        return Ok(found);
    }
    let mut places: HashMap<&QueueKey, Vec<usize>> = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.entry(key).or_default().push(place);
    }
    let distinct: Vec<&QueueKey> = places.keys().copied().collect();
    for chunk in distinct.chunks(KEYS) {
        each_hit(http, layout, chunk, None, &mut |hit| {
            let source = &hit["_source"];
            let key = key_of(source);
            // The fields fold case, queue ids do not.
            for place in places.get(&key).into_iter().flatten() {
                if let Some(found) = found.get_mut(*place) {
                    found.push(stored(hit)?);
                }
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// The documents of these ids, as they are at this moment.
pub(super) fn of_ids(http: &ElasticHttp, layout: &Layout, ids: &[String]) -> Result<Vec<Option<Stored>>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(DOCUMENTS) {
        let wanted: Vec<Value> = chunk
            .iter()
            // An id does not tell its family, and an id of one is none of the other.
            .flat_map(|id| Family::ALL.map(|family| (layout.index_of(family, id), id)))
            .filter_map(|(index, id)| Some(json!({"_index": index?, "_id": id})))
            .collect();
        let mut by_id: HashMap<String, Stored> = HashMap::new();
        for hit in fetch(http, wanted)? {
            if hit["found"] == true {
                by_id.insert(hit["_id"].as_str().unwrap_or_default().to_owned(), stored(&hit)?);
            }
        }
        found.extend(chunk.iter().map(|id| by_id.get(id).cloned()));
    }
    Ok(found)
}

/// Asks for documents by index and id, and once more for those whose shard was not ready: another process has created
/// the index this moment, or a node has gone. The answer as a whole is a success then, only the documents are not.
fn fetch(http: &ElasticHttp, mut wanted: Vec<Value>) -> Result<Vec<Value>, StoreError> {
    let mut hits = Vec::new();
    let mut patience = http.patience();
    while !wanted.is_empty() {
        let answer = http.post("/_mget", &json!({"docs": wanted}))?.success()?;
        let answered = answer["docs"].as_array().cloned().unwrap_or_default();
        if answered.len() != wanted.len() {
            return Err(StoreError::Index(format!(
                "the server answered for {} of {} documents",
                answered.len(),
                wanted.len()
            )));
        }
        let mut again = Vec::new();
        let mut trouble = String::new();
        for (hit, asked) in answered.into_iter().zip(wanted) {
            match hit["error"]["type"].as_str() {
                None => hits.push(hit),
                // No such period: no such document.
                Some("index_not_found_exception") => {}
                Some(error) => {
                    trouble = format!("the server cannot read document {}: {error}", asked["_id"]);
                    if !is_accident(error) {
                        return Err(StoreError::Index(trouble));
                    }
                    again.push(asked);
                }
            }
        }
        wanted = again;
        if !wanted.is_empty() && !http.pause(&mut patience, &trouble) {
            return Err(StoreError::Index(format!(
                "{trouble}, and it stays so\n  help: {WELL}; nothing is lost, run the command again"
            )));
        }
    }
    http.is_well(&mut patience);
    Ok(hits)
}

/// Keys under which there are ids that this process neither wrote nor replaced.
pub(super) fn rivals(
    http: &ElasticHttp,
    layout: &Layout,
    written: &HashMap<QueueKey, BTreeSet<String>>,
) -> Result<Vec<QueueKey>, StoreError> {
    let mut rivals = BTreeSet::new();
    let keys: Vec<&QueueKey> = written.keys().collect();
    if !keys.is_empty() {
        refresh(http, layout)?;
    }
    for chunk in keys.chunks(KEYS_OF_RIVALS) {
        // Most often nothing else is there.
        let known: Vec<&String> = chunk.iter().filter_map(|key| written.get(*key)).flatten().collect();
        each_hit(http, layout, chunk, Some(&known), &mut |hit| {
            let key = key_of(&hit["_source"]);
            let id = hit["_id"].as_str().unwrap_or_default();
            if written.get(&key).is_some_and(|known| !known.contains(id)) {
                rivals.insert(key);
            }
            Ok(())
        })?;
    }
    Ok(rivals.into_iter().collect())
}

/// Gives the documents of these keys; where some ids are known, the others, of which no more than the key is given.
fn each_hit(
    http: &ElasticHttp,
    layout: &Layout,
    keys: &[&QueueKey],
    known: Option<&[&String]>,
    take: &mut dyn FnMut(&Value) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let hosts: BTreeSet<&str> = keys.iter().map(|key| key.host.as_str()).collect();
    let queue_ids: BTreeSet<&str> = keys.iter().map(|key| key.queue_id.as_str()).collect();
    let size = if known.is_none() { DOCUMENTS } else { 10_000 };
    let mut body = json!({
        "size": size,
        "track_total_hits": false,
        "seq_no_primary_term": true,
        "query": {"bool": {"filter": [{"terms": {"queue_id": queue_ids}}, {"terms": {"host": hosts}}]}},
        "sort": [{"id": {"order": "asc", "unmapped_type": "keyword"}}],
    });
    if let Some(known) = known {
        body["query"]["bool"]["must_not"] = json!([{"ids": {"values": known}}]);
        body["_source"] = json!(["host", "queue_id"]);
    }
    let path = layout.search(&[Family::Transactions]);
    loop {
        let answer = http.post(&path, &body)?;
        if answer.status == 404 {
            return Ok(());
        }
        let answer = answer.success()?;
        complete(&answer)?;
        let hits = answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
        for hit in hits {
            take(hit)?;
        }
        match hits.last() {
            Some(last) if hits.len() == size => body["search_after"] = last["sort"].clone(),
            _ => return Ok(()),
        }
    }
}

/// A search over several indices succeeds although some could not be asked.
pub(super) fn complete(answer: &Value) -> Result<(), StoreError> {
    let trouble = match failure(answer) {
        Some(trouble) => trouble,
        None if answer["timed_out"] == true => "it took too long".to_owned(),
        None => return Ok(()),
    };
    Err(StoreError::Index(format!(
        "the search was not complete, {trouble}\n  help: {WELL}, and search again when the cluster is well"
    )))
}

/// How many shards did not do what a successful answer tells of, and why. None if all did.
fn failure(answer: &Value) -> Option<String> {
    let shards = &answer["_shards"];
    let failed = shards["failed"].as_u64().filter(|failed| *failed > 0)?;
    let reason = shards["failures"][0]["reason"]["reason"].as_str();
    Some(format!(
        "{failed} shards failed: {}",
        reason.unwrap_or("no reason given")
    ))
}

fn key_of(source: &Value) -> QueueKey {
    let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
    QueueKey {
        host: text("host"),
        queue_id: text("queue_id"),
    }
}

fn stored(hit: &Value) -> Result<Stored, StoreError> {
    let id = hit["_id"].as_str().unwrap_or_default();
    let version = hit["_seq_no"].as_u64().zip(hit["_primary_term"].as_u64());
    Ok(Stored {
        document: shape::from_server(id, hit["_source"].clone())?,
        version: version.map(|(seq_no, primary_term)| Version { seq_no, primary_term }),
    })
}
