//! Mistakes in rule files, one kind a file, and what a person is told about them.

use std::path::Path;

use mailtrail::problem::Problem;
use mailtrail::rule::{RuleSet, RuleSource};

/// The problems of a file, which is read beside the worked types.
fn problems(path: &Path) -> String {
    let mut sources: Vec<RuleSource> = RuleSource::builtin()
        .into_iter()
        .filter(|source| source.file.ends_with("types.yaml"))
        .collect();
    sources.push(RuleSource {
        file: path.file_name().unwrap().to_string_lossy().into_owned(),
        text: std::fs::read_to_string(path).unwrap(),
        operator: true,
    });
    let Err(problems) = RuleSet::of(&sources) else {
        panic!("{} has no problem", path.display());
    };
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_would_help() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("data/problems");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    insta::glob!("data/problems", "**/*.yaml", |path| {
        insta::assert_snapshot!("told", problems(path));
    });
}
