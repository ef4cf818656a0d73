//! The rule author's day, with the binary alone: from an unmatched line to a reviewed rule, and what it changes.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::tool::{Tool, lab, tool, unpacked};
use crate::unmatched::site_log;

fn objects(json_lines: &str) -> Vec<Value> {
    json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A log in which a mail is accepted, and a policy that no rule knows speaks of it.
fn log_after_the_upgrade() -> String {
    let mail = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let lines: Vec<&str> = mail.lines().take(400).collect();
    format!("{}\n{}", lines.join("\n"), site_log())
}

#[test]
fn an_operator_finds_drafts_edits_checks_tests_accepts_and_searches() {
    let folder = tempfile::tempdir().unwrap();
    let run = || tool(folder.path());
    write(folder.path(), "mail.log", &log_after_the_upgrade());
    write(folder.path(), "mailtrail.yaml", "rules: [rules]\n");
    let with = |args: &[&str]| run().args(["--config", "mailtrail.yaml"]).args(args);
    fs::create_dir(folder.path().join("rules")).unwrap();

    // The run names what is new, and `unmatched` shows it.
    let summary = with(&["index", "mail.log"]).succeeds();
    assert!(summary.contains("quota policy"), "{summary}");
    let found = objects(&with(&["unmatched", "--store", "--json"]).succeeds());
    let number = found
        .iter()
        .find(|group| group["template"].as_str().unwrap().contains("quota policy"))
        .unwrap()["number"]
        .to_string();

    // A draft that loads and matches the whole group.
    let (_, said) = with(&[
        "rules",
        "new",
        "--template",
        &number,
        "mail.log",
        "--to",
        "rules/site.yaml",
    ])
    .ends_with(0);
    assert!(said.contains("the draft matches 8 of 8 different messages"), "{said}");
    assert!(folder.path().join("rules/schema.json").exists());
    with(&["rules", "check"]).succeeds();

    // An edit with a mistake is told with its place; the right one is quiet.
    let draft = fs::read_to_string(folder.path().join("rules/site.yaml")).unwrap();
    let wrong = draft.replace("%{int:extra.percent}", "%{int:percent}");
    write(folder.path(), "rules/site.yaml", &wrong);
    let (_, said) = with(&["rules", "check"]).ends_with(2);
    assert!(
        said.contains("rules/site.yaml:4:") && said.contains("`extra.percent`"),
        "{said}"
    );
    let edited = draft
        .replace("%{addr:extra.address}", "%{addr:to}")
        .replace("%{int:extra.percent}", "%{int:extra.quota_percent}");
    assert_ne!(edited, draft);
    write(folder.path(), "rules/site.yaml", &edited);
    with(&["rules", "check"]).succeeds();

    // The samples, their snapshot, and a change that would be seen.
    let (told, _) = with(&["rules", "test"]).ends_with(1);
    assert!(told.contains("+ extra.quota_percent: 90"), "{told}");
    with(&["rules", "test", "--accept"]).succeeds();
    assert!(with(&["rules", "test"]).succeeds().contains("3 samples: 3 ok"));
    write(
        folder.path(),
        "rules/site.yaml",
        &edited.replace("quota_percent", "percent"),
    );
    let (told, _) = with(&["rules", "test", "--filter", "quota"]).ends_with(1);
    assert!(
        told.contains("- extra.quota_percent: 90") && told.contains("+ extra.percent: 90"),
        "{told}"
    );
    write(folder.path(), "rules/site.yaml", &edited);

    // The messages that are there gain the field; so do new ones.
    let before = with(&["search", "extra.quota_percent:93"]).ends_with(1);
    assert!(before.1.contains("nothing found"), "{before:?}");
    let told = with(&["reindex"]).succeeds();
    assert!(told.contains("documents made anew"), "{told}");
    let found = objects(&with(&["search", "extra.quota_percent:93", "--json"]).succeeds());
    assert_eq!(found[0]["queue_id"], "4jYRVX2ky8z1Wg23");
    write(
        folder.path(),
        "mail.log",
        &format!(
            "{}2026-11-24T03:00:00+00:00 mx1 postfix/smtpd[9]: 4jYRVX2ky8z1WgZZ: quota policy: <zoe@site.example> is at 17% of 5 MB\n",
            log_after_the_upgrade()
        ),
    );
    with(&["index", "mail.log"]).succeeds();
    let found = objects(&with(&["search", "extra.quota_percent:17", "--json"]).succeeds());
    assert_eq!(found[0]["queue_id"], "4jYRVX2ky8z1WgZZ");
}

#[test]
fn a_draft_matches_every_line_of_its_group_in_the_labs_logs() {
    let folder = tempfile::tempdir().unwrap();
    let log = unpacked(&lab("sendmail", "mail.rfc3339.log.gz")).replace(" sm-mta[", " foreign[");
    write(folder.path(), "foreign.log", &log);
    let groups = objects(
        &tool(folder.path())
            .args(["unmatched", "foreign.log", "--json", "-n", "6"])
            .succeeds(),
    );
    assert!(groups.len() == 6, "{groups:?}");
    for group in groups {
        let number = group["number"].to_string();
        let drafted = tool(folder.path())
            .args(["rules", "new", "--json", "foreign.log", "--template", &number])
            .succeeds();
        let draft: Value = serde_json::from_str(&drafted).unwrap();
        assert_eq!(draft["matched"], draft["messages"], "{draft}");
        write(folder.path(), "rules/draft.yaml", draft["yaml"].as_str().unwrap());
        tool(folder.path()).args(["rules", "check", "rules"]).succeeds();
    }
}

#[test]
fn a_line_alone_becomes_a_draft_with_typed_fields() {
    let folder = tempfile::tempdir().unwrap();
    let line = "Nov 24 02:04:04 mx1 postfix/smtpd[277]: warning: 4jYRVX2ky8z1Wg27: sitefilter: client=app1.site.example[192.0.2.50], \
                from=<ann@site.example>, score=5.2, took=17, dsn=4.7.1, note=too much of it, verdict=defer";
    let told = tool(folder.path()).args(["rules", "new", "--from", line]).succeeds();
    insta::assert_snapshot!(told);
}

#[test]
fn an_explanation_shows_where_each_rule_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let explain = |line: &str| tool(folder.path()).args(["rules", "explain", line]);
    let won = explain("2026-11-24T02:04:04.505+00:00 mx1 postfix/smtp[714]: 757F89D60C0: to=<t4-a@good.example>, \
         relay=mx.good.example[198.51.100.10]:25, delay=0.02, delays=0.02/0/0/0, dsn=4.2.1, status=deferred (host said: 450 4.2.1)")
        .succeeds();
    assert!(won.contains("host      mx1\nprogram   postfix/smtp[714]\n"), "{won}");
    assert!(
        won.contains("postfix/delivery matches (rules/postfix/delivery.yaml)"),
        "{won}"
    );
    assert!(
        won.contains("to the message 757F89D60C0: an attempt for t4-a@good.example: deferred"),
        "{won}"
    );
    assert!(won.contains("\"status\": \"deferred\""), "{won}");
    let (lost, _) =
        explain("2026-11-24T02:04:04.505+00:00 mx1 postfix/qmgr[226]: 757F89D60C0: removing for a new reason")
            .ends_with(1);
    assert!(lost.contains("no rule matches"), "{lost}");
    let caret = "postfix/removed stops here\n    757F89D60C0: removing for a new reason\n                      ^\n";
    assert!(lost.contains(caret), "{lost}");
    let (_, said) = explain("757F89D60C0: removed").ends_with(2);
    assert!(said.contains("--program postfix/smtpd"), "{said}");
}

/// The samples of the built-in rules are ok for the binary as they are for `cargo test`.
#[test]
fn the_binary_tests_the_built_in_rules_against_the_same_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = tool(folder.path())
        .args(["rules", "test"])
        .arg(root.join("rules"))
        .succeeds();
    assert!(told.trim_end().ends_with(" ok") && !told.contains("changed"), "{told}");
}

#[test]
fn a_review_takes_what_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "rules/site.yaml",
        "- id: site/a\n  program: site\n  pattern: 'a %{int:extra.a}'\n  emits: record\n  samples: ['a 1', 'a 2']\n",
    );
    let answers = |text: &str| {
        let mut command = tool(folder.path())
            .args(["rules", "test", "--review", "rules"])
            .command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        child.wait().unwrap().code()
    };
    assert_eq!(answers("n\ny\n"), Some(1));
    let (told, _) = tool(folder.path()).args(["rules", "test", "rules"]).ends_with(1);
    assert!(told.contains("2 samples: 1 ok, 1 changed"), "{told}");
    assert_eq!(answers("a\n"), Some(0));
}

#[test]
fn a_preview_tells_what_is_gained_lost_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mail.log", &log_after_the_upgrade());
    write(
        folder.path(),
        "edited/site.yaml",
        "- id: site/quota\n  program: postfix/smtpd\n  pattern: '%{qid:queue_id}: quota policy: <%{addr:to}> is at %{int:extra.percent}%% of %{int} MB'\n  emits: record\n\
         - id: postfix/removed\n  program: postfix/qmgr\n  pattern: '%{qid:queue_id}: removed for good'\n  emits: removed\n",
    );
    let told = tool(folder.path())
        .args(["rules", "preview", "edited", "mail.log", "--json"])
        .succeeds();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["lines"]["gained"]["count"], 8);
    let removed = log_after_the_upgrade().matches(": removed\n").count();
    assert_eq!(told["lines"]["lost"]["count"], removed);
    assert_eq!(told["lines"]["lost"]["rules"]["postfix/removed -> (none)"], removed);
    assert_eq!(told["documents"]["changed"], removed, "{told}");
    assert_eq!(told["documents"]["gained"], 8, "{told}");
    // The rules that are in use change nothing.
    let same = tool(folder.path()).args(["rules", "preview", "same", "mail.log", "--json", "--rules", "edited"]);
    fs::rename(folder.path().join("edited"), folder.path().join("same")).unwrap();
    fs::create_dir(folder.path().join("edited")).unwrap();
    fs::copy(
        folder.path().join("same/site.yaml"),
        folder.path().join("edited/site.yaml"),
    )
    .unwrap();
    let same: Value = serde_json::from_str(&same.succeeds()).unwrap();
    assert_eq!(same["documents"]["changed"], 0);
    assert_eq!(same["lines"]["changed"]["count"], 0);
}

#[test]
fn coverage_adds_up_and_names_what_is_amiss() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = log_after_the_upgrade();
    log.push_str(
        "2026-11-24T03:00:00+00:00 mx1 postfix/qmgr[9]: warning: 757F89D60C0: something that nobody has seen\n",
    );
    log.push_str("2026-11-24T03:00:00+00:00 mx1 postfix/smtp[9]: 757F89D60C0: to=<a@b.example>, relay=none, delay=1, brandnew=7, dsn=4.4.1, status=deferred (x)\n");
    write(folder.path(), "mail.log", &log);
    let told = tool(folder.path())
        .args(["rules", "coverage", "mail.log", "--json"])
        .succeeds();
    let told: Value = serde_json::from_str(&told).unwrap();
    let sum = |name: &str| -> u64 {
        told["programs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[name].as_u64().unwrap())
            .sum()
    };
    assert_eq!(sum("lines"), log.lines().count() as u64);
    assert_eq!(sum("matched") + sum("generic") + sum("unmatched"), sum("lines"));
    assert_eq!(sum("unmatched"), 13);
    assert_eq!(sum("generic"), 1);
    let keys = told["unknown_keys"].as_array().unwrap();
    assert!(
        keys.iter().any(|row| row["key"] == "brandnew" && row["count"] == 1),
        "{keys:?}"
    );
    assert!(!told["never"].as_array().unwrap().is_empty());
}

/// What a document of the store says, by its id.
fn all_documents(run: impl Fn() -> Tool) -> Vec<Value> {
    let mut found = objects(
        &run()
            .args(["search", "*", "-n", "10000", "--json", "--lines"])
            .succeeds(),
    );
    found.pop();
    found.sort_by_key(|document| document["id"].as_str().unwrap().to_owned());
    found
}

#[test]
fn a_reindex_makes_the_documents_that_an_index_from_scratch_would() {
    let rebuilt = tempfile::tempdir().unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let rules = "- id: site/quota\n  program: postfix/smtpd\n  pattern: '%{qid:queue_id}: quota policy: <%{addr:to}> is at %{int:extra.percent}%% of %{int} MB'\n  emits: record\n  samples: ['4jYRVX2ky8z1Wg20: quota policy: <ann@site.example> is at 90% of 10 MB']\n\
                 - id: postfix/reject\n  program: postfix/smtpd\n  pattern: 'NOQUEUE: reject: %{text:stage} from %{peer:client}: %{int:code} %{rest:reason}'\n  set: {action: reject, helo: edited}\n  emits: reject\n";
    for folder in [&rebuilt, &fresh] {
        write(folder.path(), "mail.log", &log_after_the_upgrade());
        write(folder.path(), "rules/site.yaml", rules);
    }
    tool(rebuilt.path()).args(["index", "mail.log"]).succeeds();
    let before = all_documents(|| tool(rebuilt.path()));
    let reindex = || {
        tool(rebuilt.path())
            .args(["reindex", "--rules", "rules", "--json"])
            .succeeds()
    };
    let first: Value = serde_json::from_str(&reindex()).unwrap();
    assert_eq!(first["rebuilt"], before.len());
    let after = all_documents(|| tool(rebuilt.path()));
    assert_ne!(before, after);
    tool(fresh.path())
        .args(["index", "--rules", "rules", "mail.log"])
        .succeeds();
    let expected = all_documents(|| tool(fresh.path()));
    for (ours, theirs) in after.iter().zip(&expected) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(after.len(), expected.len());
    // Again it changes nothing, and says so.
    let again: Value = serde_json::from_str(&reindex()).unwrap();
    assert_eq!(again["rebuilt"], 0, "{again}");
    assert_eq!(again["current"], after.len());
    assert_eq!(all_documents(|| tool(rebuilt.path())), after);
}
