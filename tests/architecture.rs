//! The data flows one way; so may the imports.

use std::fs;
use std::path::{Path, PathBuf};

/// Which stage may use which others. `command` and `main` join everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("problem", &[]),
    ("line", &[]),
    ("source", &["line", "problem", "elastic_http"]),
    ("elastic_http", &["problem"]),
    ("pattern", &["problem"]),
    ("event", &["line"]),
    ("rule", &["line", "event", "pattern", "problem"]),
    ("transaction", &["event", "line"]),
    ("assemble", &["line", "event", "transaction"]),
    ("ledger", &["line", "event", "transaction", "pattern", "rule"]),
    ("scrub", &["line", "event", "pattern", "rule"]),
    ("unmatched", &["line", "event", "transaction", "pattern", "rule"]),
    ("query", &["transaction", "problem", "line"]),
    // Reasons are grouped by the shapes that unmatched lines are grouped by.
    ("report", &["line", "transaction", "unmatched"]),
    ("cause", &["problem", "transaction"]),
    (
        "answer",
        &[
            "line",
            "transaction",
            "assemble",
            "ledger",
            "query",
            "report",
            "store",
            "cause",
            "unmatched",
        ],
    ),
    ("store", &["transaction", "query", "problem", "line", "elastic_http"]),
    ("state", &["line", "transaction", "ledger", "source"]),
    ("config", &["problem"]),
    ("cli", &["problem", "config"]),
];

#[test]
fn a_stage_uses_only_the_stages_before_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offences = Vec::new();
    for file in rust_files(&src) {
        let stage = stage_of(&src, &file);
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == stage) else {
            assert!(
                ["main", "lib", "command"].contains(&stage.as_str()),
                "src/{stage} is no known stage: give it a row in MAY_USE"
            );
            continue;
        };
        for used in uses(&fs::read_to_string(&file).unwrap()) {
            if used != stage && !allowed.contains(&used.as_str()) {
                offences.push(format!("{} uses crate::{used}", file.display()));
            }
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// `src/line/header.rs` and `src/line.rs` both belong to `line`.
fn stage_of(src: &Path, file: &Path) -> String {
    let first = file.strip_prefix(src).unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The stages that a file names as `crate::STAGE`, comments aside; `crate::{a, b}` is not used here.
fn uses(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}
