//! A field of a JSON document by its name.

use serde_json::{Map, Value};

/// The field `host.name`, whether `name` stands in an object `host` or the name has a dot in it. None if it is not
/// there, or null.
pub(super) fn field<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = document.get(name) {
        return (!value.is_null()).then_some(value);
    }
    name.match_indices('.').find_map(|(dot, _)| {
        let inner = document.get(name.get(..dot)?)?.as_object()?;
        field(inner, name.get(dot + 1..)?)
    })
}

/// A value as text: of a list its first. None for an object.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Array(list) => list.first().and_then(text),
        Value::Null | Value::Object(_) => None,
    }
}
