//! The mappings: of which type every field of the documents is.
//!
//! The hard part is what a server decides by itself where nothing is said: a number takes the type of the first one
//! that comes (`90`, and `0.07` counts as 0 ever after), a date is guessed from text, and every new name becomes a
//! field, up to the limit at which documents are refused. So everything is said, and the rules' own names
//! (`extra.NAME`) are let in by the writer ([`super::shape`]), not by the server.

use serde_json::{Map, Value, json};

use super::layout::Family;
use crate::query::MAX_KEYWORD;
use crate::transaction::Status;

/// Raised with every change below; a server's template of a lower number is replaced.
pub(super) const VERSION: u64 = 1;

/// The settings that the mappings need: the normalizer that makes keywords find in any case.
pub(super) fn analysis() -> Value {
    json!({"normalizer": {"lc": {"type": "custom", "filter": ["lowercase"]}}})
}

/// The mappings of a family of indices.
pub(super) fn mappings(family: Family) -> Value {
    let properties = match family {
        Family::Transactions => transactions(),
        Family::Ledger => ledger(),
    };
    json!({
        "dynamic": true,
        "date_detection": false,
        "numeric_detection": false,
        "dynamic_templates": [
            {"text": {"match_mapping_type": "string", "mapping": keyword()}},
            {"whole": {"match_mapping_type": "long", "mapping": {"type": "double"}}},
        ],
        "properties": properties,
    })
}

fn transactions() -> Value {
    let by_status = |mapping: &Value| {
        let fields = Status::ALL
            .iter()
            .map(|(_, word)| ((*word).to_owned(), mapping.clone()));
        json!({"properties": Value::Object(fields.collect())})
    };
    let mut all = Map::new();
    for part in [of_every_kind(), of_mails(), of_recipients(), of_sessions_and_records()] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    all.insert("to_more".to_owned(), by_status(&whole()));
    all.insert("fate".to_owned(), by_status(&keyword()));
    Value::Object(all)
}

fn of_every_kind() -> Value {
    json!({
        "schema": whole(), "kind": keyword(), "id": keyword(), "was": keyword(),
        "@timestamp": date(), "end": date(),
        "host": {"type": "keyword", "normalizer": "lc", "ignore_above": MAX_KEYWORD, "fields": {"name": keyword()}},
        "rules": keyword(), "lines": kept(), "line_count": whole(), "line_count_exact": flag(), "count": whole(),
        "memory": hidden(),
        "source": {"properties": {"ip": ip(), "domain": keyword(), "port": whole()}},
        "user": {"properties": {"name": keyword()}},
        "email": {"properties": {
            "from": {"properties": {"address": alias("from")}},
            "to": {"properties": {"address": alias("to.address")}},
            "message_id": alias("message_id"), "subject": alias("subject"),
            "local_id": alias("queue_id"), "delivery_timestamp": alias("end"),
        }},
        // Written for the search alone: `spf=pass` and `by=opendkim`; rules' names that are not let in as fields.
        "verdict": keyword(), "extra_more": keyword(),
        "extra": {"type": "object"},
    })
}

fn of_mails() -> Value {
    json!({
        "mta": keyword(), "instance": keyword(), "queue_id": keyword(), "status": keyword(), "open": flag(), "leg": flag(),
        "from": keyword(), "from_domain": keyword(), "message_id": keyword(), "subject": words(),
        "size": whole(), "nrcpt": whole(), "unheard": whole(), "missing": keyword(), "warnings": words(),
        "client": {"properties": {
            "host": keyword(), "ip": ip(), "port": whole(), "helo": keyword(), "proto": keyword(),
            "sasl_user": keyword(), "sasl_method": keyword(),
            "tls": {"properties": {"protocol": keyword(), "cipher": keyword(), "trust": keyword()}},
        }},
        "reject": {"properties": {
            "at": date(), "action": keyword(), "stage": keyword(), "code": whole(), "dsn": keyword(), "to": keyword(),
            "reason": words(),
        }},
        "verdicts": {"properties": {
            "by": keyword(), "what": keyword(), "result": keyword(), "score": seconds(), "detail": words(), "sure": flag(),
        }},
        "links": {"properties": {"rel": keyword(), "queue_id": keyword()}},
    })
}

fn of_recipients() -> Value {
    json!({"to": {"properties": {
        "address": keyword(), "domain": keyword(), "orig": keyword(), "status": keyword(), "dsn": keyword(),
        "relay": relay(), "response": words(),
        "next": {"properties": {"queue_id": keyword(), "host": keyword()}},
        "mailbox": {"properties": {"folder": keyword(), "script": keyword()}},
        "delay_s": seconds(),
        "delays_s": {"properties": {
            "before_queue": seconds(), "in_queue": seconds(), "connect": seconds(), "transmit": seconds(),
        }},
        "first_at": date(), "last_at": date(), "attempts": whole(), "history": hidden(),
    }}})
}

fn of_sessions_and_records() -> Value {
    json!({
        "outcome": keyword(), "commands": hidden(),
        "program": keyword(), "pid": whole(), "severity": keyword(), "rule": keyword(), "text": words(),
    })
}

fn relay() -> Value {
    json!({"properties": {"host": keyword(), "ip": ip(), "port": whole(), "path": keyword()}})
}

fn ledger() -> Value {
    let counts = [
        "new",
        "matched",
        "noise",
        "joined",
        "unmatched",
        "unreadable",
        "generic",
        "ambiguous",
    ];
    let counts: Map<String, Value> = counts.iter().map(|name| ((*name).to_owned(), whole())).collect();
    json!({
        "schema": whole(), "kind": keyword(), "id": keyword(), "@timestamp": date(),
        "host": keyword(), "program": keyword(), "first": date(), "last": date(),
        // Slices.
        "counts": {"properties": counts}, "suppressed": whole(), "memory": hidden(),
        // Templates.
        "template": words(), "hosts": keyword(), "count": whole(), "example": kept(), "rules": keyword(),
        "noticed": date(),
    })
}

/// One term, found in any case.
pub(super) fn keyword() -> Value {
    json!({"type": "keyword", "normalizer": "lc", "ignore_above": MAX_KEYWORD})
}

/// Another name of a field, by the Elastic Common Schema, which dashboards know. Nothing can be written into it, so
/// `source.*` and `user.name`, which records have as fields of their own, are no aliases but written in every kind.
fn alias(path: &str) -> Value {
    json!({"type": "alias", "path": path})
}

/// Found by its words.
fn words() -> Value {
    json!({"type": "text", "analyzer": "standard"})
}

/// Kept and shown, not found.
fn kept() -> Value {
    json!({"type": "keyword", "index": false, "doc_values": false})
}

/// Kept as it is, whatever is in it.
fn hidden() -> Value {
    json!({"type": "object", "enabled": false})
}

fn date() -> Value {
    json!({"type": "date"})
}

fn whole() -> Value {
    json!({"type": "long", "ignore_malformed": true})
}

fn seconds() -> Value {
    json!({"type": "double"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

/// Found by ranges and CIDR. A name in its place is kept and not found.
fn ip() -> Value {
    json!({"type": "ip", "ignore_malformed": true})
}

/// The fields below `properties` with their paths and mappings; not those that are objects.
pub(super) fn leaves(mappings: &Value) -> Vec<(String, &Value)> {
    let mut leaves = Vec::new();
    collect(&mappings["properties"], "", &mut leaves);
    leaves
}

fn collect<'a>(properties: &'a Value, above: &str, leaves: &mut Vec<(String, &'a Value)>) {
    for (name, mapping) in properties.as_object().into_iter().flatten() {
        let path = format!("{above}{name}");
        if mapping["properties"].is_object() {
            collect(&mapping["properties"], &format!("{path}."), leaves);
        } else if mapping["type"].is_string() && (mapping["type"] != "object" || mapping["enabled"] == false) {
            leaves.push((path, mapping));
        }
    }
}
