//! `mailtrail parse`: what each line says, without keeping anything.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::{Global, ParseArgs};
use crate::event::{Event, FIELDS};
use crate::line::Line;
use crate::rule::Scratch;

use super::escape::escape;
use super::input::Lines;
use super::output::Output;
use super::{Ending, rules};

/// Runs it.
pub(super) fn run(global: &Global, args: &ParseArgs, output: &mut Output) -> Result<Ending> {
    let config = super::config(global)?;
    let rules = rules::load(global, &config)?;
    let mut lines = Lines::open(&args.input, &config)?;
    let mut scratch = Scratch::default();
    while let Some(line) = lines.next(output) {
        let Ok(line) = line else { continue };
        let line = Arc::new(line);
        let event = rules.event(&line, &mut scratch);
        if args.unmatched && event.is_some() {
            continue;
        }
        if output.json {
            output.object(&object(&line, event.as_ref()))?;
        } else {
            print(&line, event.as_ref(), output)?;
        }
    }
    Ok(if lines.incomplete {
        Ending::Incomplete
    } else {
        Ending::Done
    })
}

/// The outward contract of `parse --json`.
fn object(line: &Line, event: Option<&Event>) -> Value {
    let mut object = json!({
        "line": line.origin.number,
        "file": &*line.origin.source,
        "at": line.at,
        "host": &*line.host,
        "program": &*line.program,
    });
    if let Some(pid) = line.pid {
        object["pid"] = json!(pid);
    }
    if let Some(event) = event {
        object["severity"] = json!(event.severity.name());
        object["rule"] = json!(event.rule_id());
        object["generic"] = json!(event.generic);
        object["kind"] = json!(event.kind.name());
        object["fields"] = Value::Object(fields(event));
    } else {
        object["rule"] = Value::Null;
        object["text"] = json!(String::from_utf8_lossy(line.text()));
    }
    object
}

/// Every field by name; a list's field is an array where it has several values.
fn fields(event: &Event) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |name: &str, value: String| match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), Value::String(value));
        }
        Some(Value::Array(values)) => values.push(Value::String(value)),
        Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
    };
    for (field, name, _) in FIELDS {
        for value in event.texts(*field) {
            add(name, value.into_owned());
        }
    }
    for (name, value) in event.extra() {
        add(&name, event.restored(value).into_owned());
    }
    fields
}

fn print(line: &Line, event: Option<&Event>, output: &mut Output) -> Result<()> {
    if let Some(event) = event {
        write!(
            output,
            "{}:{} {} {}",
            line.origin.source,
            line.origin.number,
            event.rule_id(),
            event.kind.name()
        )?;
        for (name, value) in fields(event) {
            let value = match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            write!(output, " {name}={}", escape(&value))?;
        }
        writeln!(output)?;
    } else {
        let text = String::from_utf8_lossy(line.text());
        let (source, number) = (&line.origin.source, line.origin.number);
        writeln!(
            output,
            "{source}:{number} - {}: {}",
            escape(&line.program),
            escape(&text)
        )?;
    }
    Ok(())
}
