//! Sends changes in batches, some at a time, and reads the answer item by item.
//!
//! The hard part is that a bulk request succeeds in parts. Each item's status says which of five things it is: done;
//! a conflict, for the caller to merge; the server's queue is full or the index
//! blocked, to be sent again; the document's own fault, to be
//! set aside; or the cluster's state, which stops everything, since the next document would fare no better.
//!
//! In: [`Operation`]s. Out: [`Written`], when the server has answered for every one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::dead_letter::DeadLetter;
use super::shape;
use crate::elastic_http::{BLOCK, BLOCK_HELP, ElasticHttp, HttpError, is_accident, shown};
use crate::store::{StoreError, Version};
use crate::transaction::Document;

/// A request's body is at most so large, before compression, unless one document alone is larger.
const MAX_BATCH_BYTES: usize = 5_000_000;
const MAX_BATCH_ITEMS: usize = 2_000;

/// A larger request that is refused with 429 more than so often is halved: it may be too large for what the server has
/// left, whoever else sends. A smaller one only waits.
const CROWD_BYTES: usize = 500_000;
const CROWDED: u32 = 3;

/// Most documents are smaller.
const MOST_OFTEN_BYTES: usize = 4096;

/// Requests that are under way at once.
const IN_FLIGHT: usize = 2;

/// Only what is looked at.
const PATH: &str = "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,\
                    items.*.error.caused_by.reason";

/// One change of one document.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) index: String,
    pub(super) action: Action,
    /// The lines of the request's body.
    lines: Vec<u8>,
}

/// The first line of an operation.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Head<'a> {
    Create(Target<'a>),
    Index(Target<'a>),
    Delete(Target<'a>),
}

/// Which document, and which version of it alone.
#[derive(Serialize)]
struct Target<'a> {
    _index: &'a str,
    _id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_seq_no: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_primary_term: Option<u64>,
}

/// What to do with the document of an id.
#[derive(Debug)]
pub(super) enum Action {
    /// Write it as a new one.
    Create(Document),
    /// Write it over exactly this version.
    Replace(Document, Version),
    /// Take it away.
    Delete(Option<Version>),
}

/// What became of the operations that are not simply done.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Somebody else was faster with these ids.
    pub(super) conflicts: Vec<String>,
    /// The server refuses these documents.
    pub(super) letters: Vec<DeadLetter>,
}

impl Operation {
    /// Encodes the change. `admit` says which names of `extra` may be fields.
    pub(super) fn new(
        id: String,
        index: String,
        mut action: Action,
        admit: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Self, StoreError> {
        let version = match &action {
            Action::Replace(_, version) => Some(*version),
            Action::Delete(version) => *version,
            Action::Create(_) => None,
        };
        let target = Target {
            _index: &index,
            _id: &id,
            if_seq_no: version.map(|version| version.seq_no),
            if_primary_term: version.map(|version| version.primary_term),
        };
        let (head, document) = match &mut action {
            Action::Create(document) => (Head::Create(target), Some(document)),
            Action::Replace(document, _) => (Head::Index(target), Some(document)),
            Action::Delete(_) => (Head::Delete(target), None),
        };
        let mut lines = Vec::with_capacity(MOST_OFTEN_BYTES);
        serde_json::to_writer(&mut lines, &head).map_err(|error| shape::unwritable(&id, &error))?;
        lines.push(b'\n');
        if let Some(document) = document {
            shape::append(&mut lines, document, admit)?;
            lines.push(b'\n');
        }
        Ok(Self {
            id,
            index,
            action,
            lines,
        })
    }

    /// The same change, without fields for the rules' own names.
    fn without_fields(self) -> Result<Self, StoreError> {
        Self::new(self.id, self.index, self.action, &mut |_| false)
    }

    fn has_fields(&self) -> bool {
        match &self.action {
            Action::Create(document) | Action::Replace(document, _) => {
                document.extra().is_some_and(|extra| !extra.is_empty())
            }
            Action::Delete(_) => false,
        }
    }

    fn letter(&self, refusal: &Refusal) -> DeadLetter {
        let document = match &self.action {
            Action::Create(document) | Action::Replace(document, _) => {
                serde_json::to_value(document).unwrap_or_default()
            }
            Action::Delete(_) => Value::Null,
        };
        DeadLetter {
            id: self.id.clone(),
            index: self.index.clone(),
            status: refusal.status,
            kind: refusal.kind.clone(),
            reason: refusal.reason.clone(),
            help: refusal.help().to_owned(),
            document,
        }
    }
}

/// How many of them are new documents.
pub(super) fn created(operations: &[Operation]) -> usize {
    let is_new = |operation: &&Operation| matches!(operation.action, Action::Create(_));
    operations.iter().filter(is_new).count()
}

/// Sends all of them. An error means that some may not be written; sending them again does no harm.
pub(super) fn send(http: &ElasticHttp, operations: Vec<Operation>) -> Result<Written, StoreError> {
    let queue = Mutex::new(batches(operations));
    let written = Mutex::new(Ok(Written::default()));
    let work = || {
        loop {
            // The lock ends with this line: the others go on while this batch is under way.
            let next = lock(&queue).pop_front();
            let Some(batch) = next else { break };
            let result = send_batch(http, batch);
            let mut written = lock(&written);
            match (written.as_mut(), result) {
                (Ok(all), Ok(more)) => {
                    all.conflicts.extend(more.conflicts);
                    all.letters.extend(more.letters);
                }
                // What was refused so far is refused again when all is sent again.
                (Ok(_), Err(error)) => *written = Err(error),
                (Err(_), _) => {}
            }
            if written.is_err() {
                lock(&queue).clear();
            }
        }
    };
    let threads = lock(&queue).len().min(IN_FLIGHT);
    if threads < 2 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
    }
    written.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn batches(operations: Vec<Operation>) -> VecDeque<Vec<Operation>> {
    let mut batches = VecDeque::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for operation in operations {
        if !batch.is_empty() && (bytes + operation.lines.len() > MAX_BATCH_BYTES || batch.len() == MAX_BATCH_ITEMS) {
            batches.push_back(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += operation.lines.len();
        batch.push(operation);
    }
    if !batch.is_empty() {
        batches.push_back(batch);
    }
    batches
}

fn send_batch(http: &ElasticHttp, batch: Vec<Operation>) -> Result<Written, StoreError> {
    let mut written = Written::default();
    // Halves of what was too large, and items whose time has not come.
    let mut waiting = vec![batch];
    let mut patience = http.patience();
    while let Some(batch) = waiting.pop() {
        let parts: Vec<&[u8]> = batch.iter().map(|operation| operation.lines.as_slice()).collect();
        let body = parts.concat();
        let bytes = body.len();
        let answer = http.lines(PATH, body)?;
        if answer.status == 413 {
            waiting.extend(halves(batch, &answer.error(), &mut written));
            continue;
        }
        if answer.passes() {
            // A body above the server's limit for requests under way is answered with 429 for ever.
            let large = bytes > CROWD_BYTES && batch.len() > 1 && answer.status == 429 && !answer.is_block();
            let error = answer.error();
            if !http.pause(&mut patience, &error.text) {
                return Err(error.into());
            }
            if large && patience.number() > CROWDED {
                waiting.extend(halves(batch, &error, &mut written));
            } else {
                waiting.push(batch);
            }
            continue;
        }
        let sent = batch.len();
        let again = sort_out(batch, &answer.success()?, &mut written)?;
        if again.len() < sent {
            http.is_well(&mut patience);
        }
        // What is sent again without fields need not wait.
        let trouble = again.iter().find(|(_, refusal)| refusal.passes());
        if let Some((_, refusal)) = trouble
            && !http.pause(&mut patience, &format!("documents wait: {}", refusal.words()))
        {
            return Err(refusal.error());
        }
        if !again.is_empty() {
            waiting.push(again.into_iter().map(|(operation, _)| operation).collect());
        }
    }
    Ok(written)
}

/// A request that is too large goes in two parts; a document that is too large alone is set aside.
fn halves(mut batch: Vec<Operation>, error: &HttpError, written: &mut Written) -> Vec<Vec<Operation>> {
    if batch.len() > 1 {
        let second = batch.split_off(batch.len() / 2);
        return vec![second, batch];
    }
    let refusal = Refusal {
        status: 413,
        kind: "request_entity_too_large".to_owned(),
        reason: error.text.clone(),
    };
    written
        .letters
        .extend(batch.iter().map(|operation| operation.letter(&refusal)));
    Vec::new()
}

/// Puts every item's answer where it belongs. Returns what must be sent again, with why.
fn sort_out(
    batch: Vec<Operation>,
    answer: &Value,
    written: &mut Written,
) -> Result<Vec<(Operation, Refusal)>, StoreError> {
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    if items.len() != batch.len() {
        return Err(StoreError::Index(format!(
            "the server answered for {} of {} documents of a bulk request",
            items.len(),
            batch.len()
        )));
    }
    let mut again = Vec::new();
    for (operation, item) in batch.into_iter().zip(items) {
        // {"create": {"status": 201}}
        let result = item
            .as_object()
            .and_then(|item| item.values().next())
            .unwrap_or(&Value::Null);
        let refusal = Refusal::of(result);
        match (refusal.status, &operation.action) {
            (200..=299, _) | (404, Action::Delete(_)) => {}
            (409, _) => written.conflicts.push(operation.id),
            _ if refusal.passes() => again.push((operation, refusal)),
            (400, _) if refusal.is_full_of_fields() && operation.has_fields() => {
                again.push((operation.without_fields()?, refusal));
            }
            (400 | 413, _) if !refusal.is_state() => written.letters.push(operation.letter(&refusal)),
            _ => return Err(refusal.error()),
        }
    }
    Ok(again)
}

/// What the server says of an item.
struct Refusal {
    status: u16,
    kind: String,
    reason: String,
}

impl Refusal {
    fn of(result: &Value) -> Self {
        let error = &result["error"];
        let mut reason = error["reason"].as_str().unwrap_or_default().to_owned();
        if let Some(cause) = error["caused_by"]["reason"].as_str() {
            reason += ": ";
            reason += cause;
        }
        Self {
            status: result["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .unwrap_or(0),
            kind: error["type"].as_str().unwrap_or_default().to_owned(),
            reason,
        }
    }

    /// Will it be taken in a while? A full queue, a block, a node that goes or comes.
    fn passes(&self) -> bool {
        matches!(self.status, 429 | 502..=504) || self.kind == BLOCK || is_accident(&self.kind)
    }

    fn words(&self) -> String {
        shown(&format!("{} {}", self.status, self.reason), 300)
    }

    /// The cluster's fault, not the document's, although it is answered with 400.
    fn is_state(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "validation_exception"
                | "index_closed_exception"
                | "invalid_index_name_exception"
                | "action_request_validation_exception"
        )
    }

    fn is_full_of_fields(&self) -> bool {
        self.reason.contains("total fields")
    }

    fn help(&self) -> &'static str {
        match self.status {
            413 => "the document is larger than the server, or a proxy in front of it, takes",
            _ if self.is_full_of_fields() => {
                "the index has too many fields: raise `index.mapping.total_fields.limit`, then `mailtrail retry`"
            }
            _ => {
                "the document does not fit the fields of the index: if a person or an older mailtrail made them, run \
                 `mailtrail setup`, then `mailtrail retry`"
            }
        }
    }

    fn error(&self) -> StoreError {
        let help = match (self.status, self.kind.as_str()) {
            (_, BLOCK) => BLOCK_HELP,
            (_, "index_closed_exception") => "open it (`POST /INDEX/_open`) or delete it",
            (_, "validation_exception") => {
                "the cluster has as many shards as it may have: delete old indices or add a node"
            }
            (401 | 403, _) => "the key lacks the right to write: README.md lists those that mailtrail needs",
            (404, _) => "the index was deleted meanwhile: run the command again",
            _ => "look at the cluster's health and log; nothing is lost, run the command again",
        };
        StoreError::Index(format!(
            "the server does not take documents: {} {} {}\n  help: {help}",
            self.status, self.kind, self.reason
        ))
    }
}
