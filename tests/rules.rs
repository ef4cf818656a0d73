//! The rules: what every sample means, and that it means nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use mailtrail::event::{Event, FIELDS};
use mailtrail::rule::{BUILTIN, RuleSet, RuleSource, Verdict};
use serde::Serialize;

fn builtin() -> RuleSet {
    RuleSet::builtin().unwrap_or_else(|problems| panic!("{}", shown(&problems)))
}

fn shown(problems: &[mailtrail::problem::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a sample says, as it stands in a snapshot.
#[derive(Serialize)]
struct Meaning {
    rule: String,
    sample: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "is_info")]
    severity: &'static str,
    fields: BTreeMap<String, Vec<String>>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference.
fn is_info(severity: &&'static str) -> bool {
    *severity == "info"
}

fn meaning(sample: &str, event: &Event) -> Meaning {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (field, name, _) in FIELDS {
        for value in event.texts(*field) {
            fields.entry((*name).to_owned()).or_default().push(value.into_owned());
        }
    }
    for (name, value) in event.extra() {
        fields
            .entry(format!("extra.{name}"))
            .or_default()
            .push(event.restored(value).into_owned());
    }
    Meaning {
        rule: event.rule_id().to_owned(),
        sample: sample.to_owned(),
        kind: event.kind.name(),
        severity: event.severity.name(),
        fields,
    }
}

/// Every sample of every rule: the snapshot is the reviewed meaning of the line.
#[test]
fn samples_keep_their_meaning() {
    let rules = builtin();
    let cases = rules.cases();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let _bound = settings.bind_to_scope();
    insta::glob!("../rules", "**/*.yaml", |path| {
        let file = path.canonicalize().unwrap();
        let file = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let meanings: Vec<Meaning> = cases
            .iter()
            .filter(|case| rules.rules()[case.rule].file() == file)
            .filter_map(|case| Some(meaning(&case.sample, case.event.as_ref()?)))
            .collect();
        if !meanings.is_empty() {
            insta::assert_yaml_snapshot!(meanings);
        }
    });
}

#[test]
fn a_sample_is_claimed_by_its_own_rule_and_by_no_other() {
    let rules = builtin();
    let wrong: Vec<String> = rules
        .cases()
        .iter()
        .filter(|case| case.verdict != Verdict::Ok)
        .map(|case| format!("{}: {:?}: {}", rules.rules()[case.rule].id(), case.verdict, case.sample))
        .collect();
    assert!(wrong.is_empty(), "{} samples:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_has_a_sample() {
    let rules = builtin();
    let without: Vec<&str> = rules
        .rules()
        .iter()
        .filter(|rule| rule.samples().is_empty())
        .map(mailtrail::rule::Rule::id)
        .collect();
    assert!(without.is_empty(), "{}", without.join("\n"));
}

#[test]
fn every_rule_file_is_built_in() {
    let mut files: Vec<String> = RuleSource::of_folder("rules".as_ref())
        .unwrap()
        .into_iter()
        .map(|source| source.file)
        .collect();
    let mut built_in: Vec<String> = BUILTIN.iter().map(|(file, _)| (*file).to_owned()).collect();
    files.sort();
    built_in.sort();
    assert_eq!(built_in, files, "src/rule/builtin.rs lists the files of rules/");
}
