//! The JSON Schema of rule files: what an editor needs to complete and check them while they are written.
//!
//! What a schema cannot say (that a pattern makes sense, that a sample matches) `mailtrail rules check` says.

use serde_json::{Map, Value, json};

use crate::event::{FIELDS, KINDS};

/// The schema as a file, with a line end.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of rule files and of `types.yaml`.
pub fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of mailtrail",
        "description": "A list of rules; in types.yaml, types and programs.",
        "oneOf": [
            {"type": "array", "items": {"$ref": "#/definitions/rule"}},
            {"$ref": "#/definitions/types"},
        ],
        "definitions": {
            "rule": rule(), "types": types(), "pairs": pairs(), "words": words(), "fields": constants(), "case": case(),
        },
    })
}

/// A key of a rule, its meaning, and the schema of its value.
fn keys() -> Vec<(&'static str, &'static str, Value)> {
    let text = || json!({"type": "string"});
    let flag = || json!({"type": "boolean", "default": false});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    vec![
        (
            "id",
            "program/what, unique; appears in every report.",
            json!({"type": "string", "minLength": 1}),
        ),
        (
            "program",
            "The gate: only lines of this program, or of one of a list, try the rule. `postfix/smtpd` means every tag with a slash whose last part is `smtpd`, `postfix/*` every Postfix daemon; a name without slash is the tag itself or a family of types.yaml; `*` is every tag that no rule names.",
            json!({"$ref": "#/definitions/words"}),
        ),
        (
            "severity",
            "Only lines with this prefix, or one of these: `info` (none), `warning`, `error`, `fatal`, `panic`. The prefix is taken off before the pattern sees the message.",
            severity(),
        ),
        (
            "pattern",
            "The line with holes: `%{type:name}` a field, `%?( … %)` may be absent, `%( a %| b %)` one of several, `%%` a percent sign; everything else stands for itself. It matches the whole message. Use single quotes.",
            text(),
        ),
        (
            "regex",
            "In place of `pattern`: a regular expression over bytes with named groups, anchored at both ends.",
            text(),
        ),
        ("emits", "The kind of event.", kinds()),
        (
            "set",
            "Fields with a constant value, kept where the line has none of its own.",
            json!({"$ref": "#/definitions/fields"}),
        ),
        (
            "map",
            "For a field, what its values mean: the first case that fits gives its fields.",
            map(),
        ),
        ("fallback", "Loses to every other rule.", flag()),
        (
            "generic",
            "The rule recognises no more than the queue id: its lines are shown apart and not counted as matched.",
            flag(),
        ),
        (
            "samples",
            "Real messages, without header, that the rule must match.",
            texts(),
        ),
        ("not", "Messages that the rule must not match.", texts()),
    ]
}

fn rule() -> Value {
    let properties: Map<String, Value> = keys()
        .into_iter()
        .map(|(name, meaning, mut value)| {
            value["description"] = json!(meaning);
            (name.to_owned(), value)
        })
        .collect();
    json!({
        "type": "object",
        "required": ["id", "program", "emits"],
        "oneOf": [{"required": ["pattern"]}, {"required": ["regex"]}],
        "additionalProperties": false,
        "properties": properties,
    })
}

fn words() -> Value {
    let word = || json!({"type": ["string", "number", "boolean"]});
    json!({"oneOf": [word(), {"type": "array", "items": word()}]})
}

fn severity() -> Value {
    let one = || json!({"enum": ["info", "warning", "error", "fatal", "panic"]});
    json!({"oneOf": [one(), {"type": "array", "items": one()}]})
}

fn kinds() -> Value {
    let kinds: Vec<Value> = KINDS
        .iter()
        .map(|(_, name, needs)| {
            let needs: Vec<&str> = needs
                .iter()
                .filter_map(|need| FIELDS.iter().find(|row| row.0 == *need).map(|row| row.1))
                .collect();
            let needs = if needs.is_empty() {
                "It needs no field.".to_owned()
            } else {
                format!("It needs {}.", needs.join(", "))
            };
            json!({"const": name, "description": needs})
        })
        .collect();
    json!({"oneOf": kinds})
}

/// Every field, each with its meaning.
fn field_names() -> Map<String, Value> {
    let value = |meaning: &str| json!({"$ref": "#/definitions/words", "description": meaning});
    FIELDS.iter().map(|row| (row.1.to_owned(), value(row.2))).collect()
}

fn constants() -> Value {
    json!({
        "type": "object",
        "properties": field_names(),
        "patternProperties": {"^extra\\.[A-Za-z0-9_]+$": {"$ref": "#/definitions/words"}},
        "additionalProperties": false,
    })
}

fn map() -> Value {
    let cases = json!({"type": "array", "items": {"$ref": "#/definitions/case"}});
    let fields: Map<String, Value> = FIELDS.iter().map(|row| (row.1.to_owned(), cases.clone())).collect();
    json!({
        "type": "object",
        "properties": fields,
        "patternProperties": {"^extra\\.[A-Za-z0-9_]+$": cases},
        "additionalProperties": false,
    })
}

fn case() -> Value {
    let mut properties = field_names();
    let words = || json!({"$ref": "#/definitions/words"});
    let tests = [
        ("is", words(), "The value is this, or one of these."),
        ("starts", words(), "The value begins with this, or one of these."),
        ("contains", words(), "This, or one of these, is in the value."),
        (
            "like",
            json!({"type": "string"}),
            "The value is like this pattern, whose fields are kept.",
        ),
        ("else", json!({"const": true}), "Always."),
        (
            "by",
            json!({"const": "dsn"}),
            "The status comes from the class of the field dsn.",
        ),
    ];
    for (name, mut value, meaning) in tests {
        value["description"] = json!(meaning);
        properties.insert(name.to_owned(), value);
    }
    json!({
        "type": "object",
        "description": "One test, and the fields that it gives.",
        "properties": properties,
        "patternProperties": {"^extra\\.[A-Za-z0-9_]+$": words()},
        "additionalProperties": false,
    })
}

fn types() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "types": {
                "description": "Composite types: a pattern, or a key=value list. Used with a name they give it to what is in them: `%{peer:client}` keeps client_host, client_ip and client_port.",
                "type": "object",
                "additionalProperties": {"oneOf": [
                    {"type": "string"},
                    {"type": "object", "required": ["pairs"], "additionalProperties": false, "properties": {"pairs": {"$ref": "#/definitions/pairs"}}},
                ]},
            },
            "programs": {
                "description": "Families of programs: the name that rules use, and the tags that it stands for.",
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            },
        },
    })
}

fn pairs() -> Value {
    let texts = |meaning: &str| json!({"type": "array", "items": {"type": "string"}, "description": meaning});
    json!({
        "type": "object",
        "description": "A key=value list: keys in any order, unknown ones kept under their names.",
        "additionalProperties": false,
        "properties": {
            "between": texts("The separators; `, ` if not given."),
            "assign": {"type": "string", "description": "What stands between key and value; `=` if not given."},
            "first": texts("The list begins with one of these keys; with any if not given."),
            "required": texts("Without these keys it is another list."),
            "flags": texts("Words that stand alone."),
            "last": texts("Keys whose value is free text to the end of the list; the last occurrence counts."),
            "duplicate": {"enum": ["first", "last", "all"], "description": "What becomes of a key that stands more than once."},
            "keys": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "The keys, each with the pattern of its value.",
            },
        },
    })
}
