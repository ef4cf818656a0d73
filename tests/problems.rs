//! Mistakes in rule files, one kind a file, and what a person is told about them.

use std::collections::BTreeSet;
use std::path::Path;

use mailtrail::problem::Problem;
use mailtrail::rule::{RuleSet, RuleSource};

/// The problems of a file, which is read beside the worked types.
fn problems(path: &Path) -> Vec<Problem> {
    let mut sources: Vec<RuleSource> = RuleSource::builtin()
        .into_iter()
        .filter(|source| source.file.ends_with("types.yaml"))
        .collect();
    sources.push(RuleSource {
        file: path.file_name().unwrap().to_string_lossy().into_owned(),
        text: std::fs::read_to_string(path).unwrap(),
        operator: true,
    });
    let Err(problems) = RuleSet::checked(&sources) else {
        panic!("{} has no problem", path.display());
    };
    problems
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_would_help() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("data/problems");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    insta::glob!("data/problems", "**/*.yaml", |path| {
        let told: Vec<String> = problems(path).iter().map(Problem::to_string).collect();
        insta::assert_snapshot!("told", told.join("\n"));
    });
}

/// The catalogue: every mistake has its line, its column and a way out.
#[test]
fn every_kind_of_mistake_has_a_line_a_column_and_a_way_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/problems");
    let mut titles = BTreeSet::new();
    let mut without = Vec::new();
    for source in RuleSource::of_folder(&folder).unwrap() {
        for problem in problems(Path::new(&source.file)) {
            let lacks = [("place", problem.place.is_none()), ("help", problem.help.is_none())];
            for (what, _) in lacks.iter().filter(|(_, lacks)| *lacks) {
                without.push(format!("{} has no {what}: {problem}", source.file));
            }
            // What the title names is not what kind of mistake it is.
            let kind: Vec<&str> = problem.title.split('`').step_by(2).collect();
            titles.insert(kind.concat());
        }
    }
    assert!(without.is_empty(), "{} of them:\n{}", without.len(), without.join("\n"));
    assert!(titles.len() >= 40, "{} kinds: {titles:#?}", titles.len());
}

/// A mistake in one file, however bad, hides none in another.
#[test]
fn all_files_are_told_of_at_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/problems");
    let mut sources: Vec<RuleSource> = RuleSource::builtin();
    for file in ["not-yaml.yaml", "unknown-key.yaml", "unknown-type.yaml"] {
        sources.push(RuleSource {
            file: file.to_owned(),
            text: std::fs::read_to_string(folder.join(file)).unwrap(),
            operator: true,
        });
    }
    let problems = RuleSet::of(&sources).unwrap_err();
    let files: BTreeSet<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files.len(), 3, "{problems:?}");
}
