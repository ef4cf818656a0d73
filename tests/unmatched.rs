//! What no rule knows: the same templates whatever the order, whatever the cut; stored, and found as new.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use mailtrail::rule::{RuleSet, RuleSource, Scratch, message_line};
use mailtrail::unmatched::{Tally, draft, groups, message, template};
use proptest::test_runner::{Config as ProptestConfig, TestCaseError, TestRunner};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

/// A log of a policy service that no rule knows, three shapes of lines.
pub(crate) fn site_log() -> String {
    let mut log = String::new();
    let users = ["ann", "bob", "eve", "sue", "max", "kim", "joe", "pat"];
    for (number, user) in users.iter().enumerate() {
        let at = format!("2026-11-24T02:0{number}:00.000000+00:00");
        let host = if number % 2 == 0 { "mx1" } else { "mx2" };
        writeln!(log,
            "{at} {host} postfix/smtpd[{}]: 4jYRVX2ky8z1Wg2{number}: quota policy: <{user}@site.example> is at {}% of {} MB",
            200 + number,
            90 + number,
            10 * (number + 1),
        ).unwrap();
        if number % 2 == 0 {
            writeln!(
                log,
                "{at} {host} sitefilter[{}]: mailbox {user} locked by backup",
                300 + number
            )
            .unwrap();
        }
    }
    log.push_str(
        "2026-11-24T02:30:00.000000+00:00 mx1 sitefilter[399]: client=unknown[192.0.2.7], result=defer, score=1.5\n",
    );
    log
}

fn objects(json_lines: &str) -> Vec<Value> {
    json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn templates(folder: &Path, args: &[&str]) -> Vec<(String, u64)> {
    let told = tool(folder)
        .args(["unmatched", "--json", "-n", "0"])
        .args(args)
        .succeeds();
    objects(&told)
        .iter()
        .map(|group| {
            (
                group["template"].as_str().unwrap().to_owned(),
                group["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[test]
fn lines_of_one_shape_are_one_template_with_a_count_a_share_and_an_example() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.log"), site_log()).unwrap();
    let told = tool(folder.path()).args(["unmatched", "mail.log"]).succeeds();
    insta::assert_snapshot!(told);
}

#[test]
fn the_order_of_the_lines_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = site_log().lines().map(str::to_owned).collect();
    fs::write(folder.path().join("forward.log"), lines.join("\n") + "\n").unwrap();
    lines.reverse();
    fs::write(folder.path().join("backward.log"), lines.join("\n") + "\n").unwrap();
    assert_eq!(
        templates(folder.path(), &["forward.log"]),
        templates(folder.path(), &["backward.log"])
    );
}

#[test]
fn an_index_in_pieces_stores_the_templates_of_the_whole() {
    let whole = tempfile::tempdir().unwrap();
    let pieces = tempfile::tempdir().unwrap();
    let log = site_log();
    let half = log[..log.len() / 2].rfind('\n').unwrap() + 1;
    for folder in [&whole, &pieces] {
        fs::write(folder.path().join("a.log"), &log[..half]).unwrap();
        fs::write(folder.path().join("b.log"), &log[half..]).unwrap();
    }
    tool(whole.path()).args(["index", "a.log", "b.log"]).succeeds();
    for file in ["b.log", "a.log", "b.log", "a.log"] {
        tool(pieces.path()).args(["index", file]).succeeds();
    }
    let of_whole = templates(whole.path(), &["--store"]);
    assert_eq!(of_whole, templates(pieces.path(), &[]));
    fs::write(whole.path().join("all.log"), &log).unwrap();
    assert_eq!(of_whole, templates(whole.path(), &["all.log"]));
}

#[test]
fn what_the_last_run_met_for_the_first_time_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let log = site_log();
    fs::write(folder.path().join("mail.log"), &log).unwrap();
    let summary = tool(folder.path()).args(["index", "mail.log"]).succeeds();
    assert!(
        summary.contains("8 <*>: quota policy: <<*>> is at <*>% of <*> MB (new)"),
        "{summary}"
    );
    let upgraded =
        format!("{log}2026-11-25T02:00:00.000000+00:00 mx1 sitefilter[400]: cannot reach scanner: timeout\n");
    fs::write(folder.path().join("mail.log"), &upgraded).unwrap();
    let summary = tool(folder.path()).args(["index", "mail.log"]).succeeds();
    assert!(summary.contains("1 cannot reach scanner: timeout (new)"), "{summary}");
    let expected = vec![("cannot reach scanner: timeout".to_owned(), 1)];
    assert_eq!(templates(folder.path(), &["--new"]), expected);
    assert_eq!(templates(folder.path(), &["--since", "2026-11-25"]), expected);
    let (_, said) = tool(folder.path())
        .args(["unmatched", "--since", "2026-11-26"])
        .ends_with(1);
    assert!(said.contains("nothing new"), "{said}");
}

#[test]
fn templates_are_documents_of_their_own_and_no_messages() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.log"), site_log()).unwrap();
    tool(folder.path()).args(["index", "mail.log"]).succeeds();
    let found = objects(
        &tool(folder.path())
            .args(["search", "kind:template", "--json"])
            .succeeds(),
    );
    let template = found
        .iter()
        .find(|template| template["program"] == "postfix/smtpd")
        .unwrap();
    assert_eq!(template["count"], 8);
    assert_eq!(template["hosts"], serde_json::json!(["mx1", "mx2"]));
    assert_eq!(template["first"], "2026-11-24T02:00:00.000Z");
    assert!(template.get("memory").is_none());
    let kinds: BTreeSet<String> = objects(&tool(folder.path()).args(["search", "*", "--json"]).ends_with(1).0)
        .iter()
        .filter_map(|document| Some(document["kind"].as_str()?.to_owned()))
        .collect();
    assert!(!kinds.contains("template"), "{kinds:?}");
}

#[test]
fn a_lab_log_that_every_rule_knows_has_nothing_unmatched() {
    let folder = tempfile::tempdir().unwrap();
    let (_, said) = tool(folder.path())
        .arg("unmatched")
        .arg(lab("postfix-short", "mail.log.gz"))
        .ends_with(1);
    assert!(said.contains("a rule knows every one of the"), "{said}");
}

/// A million shapes are counted in bounded memory, and none of their lines is lost.
#[test]
fn a_flood_of_shapes_is_counted_to_the_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for number in 0..6_000_u32 {
        let word: String = number
            .to_string()
            .bytes()
            .map(|digit| char::from(digit - b'0' + b'a'))
            .collect();
        let marks: String = (0..13)
            .map(|bit| if number >> bit & 1 == 1 { '!' } else { '?' })
            .collect();
        writeln!(log, "2026-11-24T02:00:00+00:00 mx1 flood[1]: {marks} {word} of {word}").unwrap();
    }
    fs::write(folder.path().join("flood.log"), log).unwrap();
    let all: u64 = templates(folder.path(), &["flood.log"])
        .iter()
        .map(|(_, count)| count)
        .sum();
    assert_eq!(all, 6_000);
}

#[test]
fn the_lab_without_rules_for_its_mta_is_a_handful_of_templates() {
    let folder = tempfile::tempdir().unwrap();
    // A program that no rule is for says what Postfix said.
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz")).replace(" postfix/", " foreign-");
    fs::write(folder.path().join("foreign.log"), &log).unwrap();
    let found = templates(folder.path(), &["foreign.log"]);
    let lines: u64 = found.iter().map(|(_, count)| count).sum();
    assert!(
        lines > 3_000 && found.len() < 250,
        "{} templates of {lines} lines",
        found.len()
    );
    let expected = "<*>: removed";
    assert!(found.iter().any(|(template, _)| template == expected), "{found:?}");
}

/// What an attacker puts between the delimiters breaks nothing: a template is found, and a draft for it matches it.
#[test]
fn any_text_has_a_template_and_a_draft_that_matches_it() {
    let types = RuleSource::types(&RuleSource::builtin());
    let pieces = r#"[<>\[\]@.:=,;"' a-c0-9äß/%(){}|*?-]{0,60}"#;
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&(pieces, "[a-z]{4,8}( |: |=)"), |(tail, head)| {
            let text = format!("{head}{tail}");
            let line = message_line("site", text.as_bytes());
            let mut tally = Tally::default();
            tally.add(&line);
            let groups = groups(&tally.templates());
            prop_assert_eq!(groups.len(), 1);
            prop_assert!(groups[0].holds(&message(&line)), "{}", text);
            prop_assert_eq!(&groups[0].template, &template(&text));
            if let Ok(draft) = draft(&groups[0], &types) {
                let mut sources = RuleSource::builtin();
                sources.retain(|source| source.file.ends_with("types.yaml"));
                sources.push(RuleSource {
                    file: "draft.yaml".to_owned(),
                    text: draft.yaml(),
                    operator: true,
                });
                let rules = RuleSet::of(&sources).map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
                let event = rules.event(&Arc::new(line), &mut Scratch::default());
                prop_assert!(event.is_some(), "{}\n{}", text, draft.yaml());
            }
            Ok(())
        })
        .unwrap();
}
