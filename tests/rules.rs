//! The rules: what every sample means, and that it means nothing else.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use mailtrail::rule::snapshot::{self, Meaning};
use mailtrail::rule::{BUILTIN, RuleSet, RuleSource, Scratch, Verdict, message_line, schema};

fn builtin() -> RuleSet {
    RuleSet::builtin().unwrap_or_else(|problems| panic!("{}", shown(&problems)))
}

fn shown(problems: &[mailtrail::problem::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
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
            .filter_map(Meaning::of)
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

/// What `mailtrail rules check` finds in an operator's rules it does not find in ours: dead rules, ambiguous samples, rules
/// that know no more than a queue id and do not say so.
#[test]
fn the_built_in_rules_pass_the_check_of_an_operator() {
    let mut sources = RuleSource::builtin();
    for source in &mut sources {
        source.operator = true;
    }
    if let Err(problems) = RuleSet::checked(&sources) {
        panic!("{}", shown(&problems));
    }
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

/// `cargo test` and `mailtrail rules test` read and write the same files.
#[test]
fn the_binary_writes_snapshots_to_the_byte_as_insta_does() {
    let mut count = 0;
    for entry in std::fs::read_dir("snapshots").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(file) = name
            .strip_prefix("samples_keep_their_meaning@")
            .and_then(|rest| rest.strip_suffix(".snap"))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let meanings = snapshot::read(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
        similar(&snapshot::write(&file.replace("__", "/"), &meanings), &text, &name);
        count += 1;
    }
    assert!(count > 30, "{count}");
}

#[track_caller]
fn similar(ours: &str, theirs: &str, name: &str) {
    let first = ours.lines().zip(theirs.lines()).find(|(ours, theirs)| ours != theirs);
    assert!(ours == theirs, "{name}: {first:?}");
}

#[test]
fn the_schema_of_rule_files_is_fresh() {
    let path = "rules/schema.json";
    if std::env::var_os("INSTA_UPDATE").is_some() {
        std::fs::write(path, schema::text()).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).is_ok_and(|text| text == schema::text()),
        "{path} is stale: `mailtrail rules schema > {path}`"
    );
}

/// What the schema allows is what the reader takes, key by key.
#[test]
fn the_schema_knows_the_keys_that_a_rule_may_have() {
    let keys: Vec<String> = schema::schema()["definitions"]["rule"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let told = serde_yaml::from_str::<Vec<mailtrail::rule::RuleText>>("- nonsense: 1")
        .unwrap_err()
        .to_string();
    let known = told.split_once("expected one of ").unwrap().1;
    let mut taken: Vec<&str> = known.lines().next().unwrap().split(", ").collect();
    taken.sort_unstable();
    assert_eq!(keys, taken, "{told}");
}

/// The table of all rules, as `rules/TABLE.md` shows it. The fields are those of the samples.
fn table() -> String {
    let rules = builtin();
    let cases = rules.cases();
    let mut text = String::from(
        "# Every built-in rule\n\nMade from the rules and their samples (`INSTA_UPDATE=always cargo test table`); how to \
         read and write them is told in [README.md](README.md).\n",
    );
    let mut file = "";
    for (number, rule) in rules.rules().iter().enumerate() {
        if rule.file() != file {
            file = rule.file();
            let _ = write!(
                text,
                "\n## {file}\n\n| rule | program | kind | fields | a sample |\n|---|---|---|---|---|\n"
            );
        }
        let own = cases.iter().filter(|case| case.rule == number);
        let fields: std::collections::BTreeSet<String> = own
            .filter_map(|case| case.event.as_ref())
            .flat_map(|event| mailtrail::rule::snapshot::fields(event).into_keys())
            .collect();
        let fields: Vec<String> = fields.into_iter().collect();
        let mark = match (rule.generic(), rule.fallback()) {
            (true, _) => " (generic)",
            (false, true) => " (fallback)",
            (false, false) => "",
        };
        let sample = rule.samples().first().map_or("", String::as_str).trim();
        let _ = writeln!(
            text,
            "| `{}`{mark} | {} | {} | {} | {} |",
            rule.id(),
            rule.programs().join(", ").replace('*', "\\*"),
            rule.kind().name(),
            fields.join(", "),
            as_code(sample),
        );
    }
    text
}

/// A sample in a cell of a table: cut, and with nothing that would end the cell or the code.
fn as_code(sample: &str) -> String {
    let cut: String = sample.chars().take(160).collect();
    let dots = if cut.len() < sample.len() { " ..." } else { "" };
    let fence = if cut.contains('`') { "``" } else { "`" };
    format!("{fence}{}{dots}{fence}", cut.replace('|', "\\|"))
}

#[test]
fn the_table_of_all_rules_is_fresh() {
    let path = "rules/TABLE.md";
    let text = table();
    if std::env::var_os("INSTA_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).is_ok_and(|known| known == text),
        "{path} is stale: `INSTA_UPDATE=always cargo test table`"
    );
}

#[test]
fn a_rule_of_a_star_speaks_for_the_tags_that_no_rule_names() {
    let rules = builtin();
    let mut scratch = Scratch::default();
    let mut claimed_by = |program: &str| {
        let line = message_line(program, b"disconnect from 192.0.2.7");
        let event = rules.event(&Arc::new(line), &mut scratch)?;
        Some(event.rule_id().to_owned())
    };
    assert_eq!(claimed_by("signer").as_deref(), Some("stranger/client"));
    assert_eq!(claimed_by("site/signer").as_deref(), Some("stranger/client"));
    for known in ["postfix/qmgr", "postfix", "postfix/nothing", "sm-mta", "amavis"] {
        assert_ne!(claimed_by(known).as_deref(), Some("stranger/client"), "{known}");
    }
    assert!(!rules.knows("signer"));
}
