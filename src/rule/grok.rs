//! Translates grok patterns: what Logstash knows as regular expressions with names becomes lines with holes.
//!
//! Only common shapes have a translation: text, `%{NAME:field}`, `(?:a|b)`, `( … )?`, `\[`, `.*`, `\S+`, `\d+`, named groups
//! of these. For the rest a person is told what stands in the way; a guess would match other lines without a word.
//!
//! In: a file of grok patterns. Out: [`Imported`] types, rules, and failures.

mod expression;

use std::collections::{BTreeMap, BTreeSet};

use crate::event::FIELDS;
use crate::pattern::{self, Types};

/// What became of a file of grok patterns.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Composite types by name: patterns that others use.
    pub types: BTreeMap<String, String>,
    /// Rules by id: patterns that no other uses.
    pub rules: BTreeMap<String, String>,
    /// Patterns without a translation.
    pub failed: Vec<Failed>,
    program: String,
}

/// A pattern without a translation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its name in the file.
    pub name: String,
    /// Its line, from 1.
    pub line: usize,
    /// What stands in the way.
    pub why: String,
}

/// Translates a file, `NAME pattern` a line. `program`: the gate of the rules.
pub fn import(text: &str, program: &str, types: &Types) -> Imported {
    let mut defined: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut order = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // What the language has itself it knows better.
        if let Some((name, body)) = line.split_once([' ', '\t'])
            && !Types::is_built_in(name)
        {
            order.push(name);
            defined.insert(name, (number, body.trim_start()));
        }
    }
    let used: BTreeSet<String> = defined.values().flat_map(|(_, body)| names_in(body)).collect();
    let mut imported = Imported {
        program: program.to_owned(),
        ..Imported::default()
    };
    let mut done: BTreeMap<String, Result<String, String>> = BTreeMap::new();
    for name in &order {
        translated(name, &defined, &mut done, &mut Vec::new());
    }
    let mut known = types.clone();
    for (name, result) in &done {
        if let Ok(pattern) = result {
            // A type with a mistake shows it where it is used.
            let _ = known.add(&name.to_lowercase(), pattern);
        }
    }
    for name in order {
        let line = defined[name].0;
        let result = done
            .get(name)
            .cloned()
            .unwrap_or_else(|| Err("it is not defined".to_owned()));
        let checked = result.and_then(|pattern| {
            let compiled = pattern::compile(&pattern, &known, &mut resolve);
            compiled.map(|_| pattern).map_err(|faults| {
                faults
                    .first()
                    .map_or("it has a mistake".to_owned(), |fault| match &fault.help {
                        Some(help) => format!("{}; {help}", fault.title),
                        None => fault.title.clone(),
                    })
            })
        });
        match checked {
            Ok(pattern) if used.contains(name) => {
                imported.types.insert(name.to_lowercase(), pattern);
            }
            Ok(pattern) => {
                imported
                    .rules
                    .insert(format!("grok/{}", name.to_lowercase().replace('_', "-")), pattern);
            }
            Err(why) => imported.failed.push(Failed {
                name: name.to_owned(),
                line,
                why,
            }),
        }
    }
    imported
}

impl Imported {
    /// A rule file, and behind it the types as a file of their own.
    pub fn yaml(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let mut out = "# yaml-language-server: $schema=schema.json\n".to_owned();
        for (id, pattern) in &self.rules {
            let (program, pattern) = (quoted(&self.program), quoted(pattern));
            out.extend([
                "- id: ",
                id,
                "\n  program: ",
                &program,
                "\n  pattern: ",
                &pattern,
                "\n  emits: record\n  samples: []\n",
            ]);
        }
        if !self.types.is_empty() {
            out.push_str("\n# types.yaml\n# types:\n");
            for (name, pattern) in &self.types {
                out.extend(["#   ", name, ": ", &quoted(pattern), "\n"]);
            }
        }
        out
    }
}

fn resolve(name: &str) -> Result<pattern::Slot, Option<String>> {
    let at = FIELDS.iter().position(|row| row.1 == name);
    match at {
        Some(at) => pattern::Slot::try_from(at).map_err(|_| None),
        None if name.starts_with("extra.") => Ok(1_000),
        None => Err(None),
    }
}

/// The names of the patterns that a pattern uses.
fn names_in(body: &str) -> Vec<String> {
    body.split("%{")
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

/// Translates a pattern and those that it uses.
fn translated(
    name: &str,
    defined: &BTreeMap<&str, (usize, &str)>,
    done: &mut BTreeMap<String, Result<String, String>>,
    using: &mut Vec<String>,
) {
    if done.contains_key(name) {
        return;
    }
    let Some((_, body)) = defined.get(name) else { return };
    if using.iter().any(|used| used == name) {
        done.insert(name.to_owned(), Err("it is made of itself".to_owned()));
        return;
    }
    using.push(name.to_owned());
    let mut own = BTreeSet::new();
    for used in names_in(body) {
        if defined.contains_key(used.as_str()) {
            translated(&used, defined, done, using);
            match done.get(&used) {
                Some(Ok(_)) => {
                    own.insert(used);
                }
                Some(Err(why)) => {
                    let why = if why.starts_with("it uses") {
                        why.clone()
                    } else {
                        format!("it uses {used}, of which {why}")
                    };
                    done.insert(name.to_owned(), Err(why));
                    using.pop();
                    return;
                }
                None => {}
            }
        }
    }
    using.pop();
    let result = expression::translated(body, &own);
    done.insert(name.to_owned(), result);
}
