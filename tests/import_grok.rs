//! Grok patterns that become rules, and those that do not, with the reason.

use std::fs;

use serde_json::Value;

use crate::tool::tool;

/// Patterns in the shapes that grok users write.
const GROK: &str = r"# a site's own patterns
SITE_QID [0-9A-F]{6,}
SITE_CLIENT %{HOSTNAME:client_host}?\[%{IP:client_ip}\](:%{INT:client_port})?
SITE_CONNECT ^connect from %{SITE_CLIENT}$
SITE_QUOTA %{POSTFIX_QUEUEID:queueid}: quota policy: <%{DATA:to}> is at %{INT:percent}% of \d+ MB
SITE_STATE mailbox (?<mailbox>\S+) (?:locked|unlocked) by (?<by>backup|admin)(?: since %{TIME:since})?
SITE_NOTE note: %{GREEDYDATA:note}
SITE_LOOK (?=x)y
SITE_REPEAT (?:a )+b
SITE_UNKNOWN %{NOBODY_KNOWS:it}
";

#[test]
fn common_shapes_are_translated_and_the_others_listed_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.grok"), GROK).unwrap();
    let (told, said) = tool(folder.path())
        .args(["rules", "import-grok", "site.grok", "--program", "postfix/smtpd"])
        .ends_with(1);
    insta::assert_snapshot!(format!("{told}\n{said}"));
}

/// What was translated loads, with its types, and means what the grok pattern meant.
#[test]
fn what_was_translated_is_a_rule_file_that_works() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.grok"), GROK).unwrap();
    let (told, _) = tool(folder.path())
        .args(["rules", "import-grok", "site.grok", "--program", "site"])
        .ends_with(1);
    let (rules, types) = told.split_once("\n# types.yaml\n").unwrap();
    let types: String = types
        .lines()
        .map(|line| [line.trim_start_matches("# "), "\n"].concat())
        .collect();
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::write(folder.path().join("rules/site.yaml"), rules).unwrap();
    fs::write(folder.path().join("rules/types.yaml"), indented(&types)).unwrap();
    let fields = |message: &str| -> Value {
        let told = tool(folder.path())
            .args([
                "rules",
                "explain",
                "--json",
                "--rules",
                "rules",
                "--program",
                "site",
                message,
            ])
            .succeeds();
        serde_json::from_str::<Value>(&told).unwrap()["fields"].clone()
    };
    let connect = fields("connect from app1.site.example[192.0.2.50]:4711");
    assert_eq!(connect["client_ip"][0], "192.0.2.50");
    assert_eq!(connect["client_port"][0], "4711");
    let quota = fields("4jYRVX2ky8z1Wg20: quota policy: <ann@site.example> is at 90% of 10 MB");
    assert_eq!(quota["queue_id"][0], "4jYRVX2ky8z1Wg20");
    assert_eq!(quota["extra.percent"][0], "90");
    let state = fields("mailbox ann locked by backup since 02:04:04");
    assert_eq!(state["extra.mailbox"][0], "ann");
    assert_eq!(state["by"][0], "backup");
    assert_eq!(state["extra.since"][0], "02:04:04");
}

/// The types part with its indentation: it stands in comments, two blanks deep.
fn indented(types: &str) -> String {
    types
        .lines()
        .map(|line| {
            if line == "types:" {
                "types:\n".to_owned()
            } else {
                format!("  {}\n", line.trim_start())
            }
        })
        .collect::<Vec<_>>()
        .concat()
}
