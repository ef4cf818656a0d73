//! The pattern language: the worked patterns, forged lines, and the promise of linear time.

use std::fmt::Write as _;

use mailtrail::event::Event;
use mailtrail::rule::{Case, RuleSet, RuleSource, Verdict};

fn worked() -> RuleSet {
    let mut sources: Vec<RuleSource> = RuleSource::builtin()
        .into_iter()
        .filter(|source| source.file.ends_with("types.yaml"))
        .collect();
    sources.extend(RuleSource::of_folder("tests/data/worked".as_ref()).unwrap());
    RuleSet::of(&sources).unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        )
    })
}

/// A line for each field: name and value.
pub(crate) fn shown(event: &Event) -> String {
    let mut text = format!("{} {} {}\n", event.rule_id(), event.kind.name(), event.severity.name());
    for (field, name, _) in mailtrail::event::FIELDS {
        for value in event.all(*field) {
            let _ = writeln!(text, "  {name}: {}", value.escape_ascii());
        }
    }
    for (name, value) in event.extra() {
        let _ = writeln!(text, "  + {name}: {}", value.escape_ascii());
    }
    text
}

#[test]
fn the_worked_patterns_mean_what_they_meant() {
    let rules = worked();
    let mut text = String::new();
    for Case {
        rule,
        sample,
        verdict,
        event,
    } in rules.cases()
    {
        assert_eq!(verdict, Verdict::Ok, "{}: {sample}", rules.rules()[rule].id());
        if let Some(event) = event {
            let _ = writeln!(text, "{sample}\n{}", shown(&event));
        }
    }
    insta::assert_snapshot!(text);
}
