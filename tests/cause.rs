//! What a delivery's failure means, in plain language.

use mailtrail::cause::Causes;
use mailtrail::transaction::Status;
use serde_json::Value;

use crate::tool::{lab, tool};

fn causes() -> Causes {
    Causes::builtin().unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        )
    })
}

#[test]
fn every_sample_means_its_own_cause() {
    let causes = causes();
    let mut wrong = Vec::new();
    for cause in causes.all() {
        for sample in &cause.samples {
            let found = causes.of(None, sample).map(|found| found.id.as_str());
            if found != Some(cause.id.as_str()) {
                wrong.push(format!("{}: {found:?}: {sample}", cause.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn causes_have_ids_of_their_own_and_say_what_to_do() {
    let causes = causes();
    let mut ids: Vec<_> = causes.all().iter().map(|cause| &cause.id).collect();
    ids.sort();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    for cause in causes.all() {
        assert!(cause.id.starts_with("cause/"), "{}", cause.id);
        for text in [&cause.cause, &cause.next] {
            assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", cause.id);
        }
    }
}

#[test]
fn words_go_before_codes_and_the_longest_code_decides() {
    let causes = causes();
    let id = |dsn: &str, words: &str| causes.of(Some(dsn), words).map_or("", |cause| &cause.id).to_owned();
    assert_eq!(id("5.7.1", "550 5.7.1 Greylisted, come back"), "cause/greylisted");
    assert_eq!(id("5.1.1", "550 5.1.1 nope"), "cause/unknown-user");
    assert_eq!(id("5.1.9", "550 5.1.9 nope"), "cause/address");
    assert_eq!(id("5.0.0", "550 nope"), "cause/permanent");
    assert!(causes.of(None, "nope").is_none());
}

#[test]
fn hosts_and_addresses_are_no_words() {
    let causes = causes();
    let id = |words: &str| causes.of(None, words).map_or("", |cause| &cause.id).to_owned();
    assert_eq!(
        id("host mx.spamfilter.example[198.51.100.10] said: 550 5.1.1 <virus@bob.example> nope"),
        "cause/unknown-user"
    );
    assert_eq!(
        id("connect to rbl.marble.example[198.51.100.10]:25: No route to host"),
        "cause/unreachable"
    );
    // Where the DSN says nothing, the words may still hold a code.
    assert_eq!(
        causes.of(Some("5.0.0"), "550-5.2.2 nope").unwrap().id,
        "cause/mailbox-full"
    );
    assert_eq!(id("said: 550 nope"), "cause/permanent");
}

/// Words, code and status of every recipient that did not get it, and of every refusal.
fn failures(corpus: &str) -> Vec<(Option<String>, String)> {
    let folder = tempfile::tempdir().unwrap();
    let out = tool(folder.path())
        .args(["index", "--store", "ndjson"])
        .arg(lab(corpus, "mail.rfc3339.log.gz"))
        .succeeds();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut failures = Vec::new();
    for line in out.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        let failed =
            |to: &&Value| ["bounced", "expired", "deferred"].contains(&to["status"].as_str().unwrap_or_default());
        for to in document["to"].as_array().into_iter().flatten().filter(failed) {
            failures.extend(text(&to["response"]).map(|words| (text(&to["dsn"]), words)));
        }
        let refused = |reject: &&Value| reject["action"] == "reject";
        for reject in document["reject"].as_array().into_iter().flatten().filter(refused) {
            failures.extend(text(&reject["reason"]).map(|words| (text(&reject["dsn"]), words)));
        }
    }
    failures.sort();
    // Words that come again say nothing new.
    failures.dedup();
    failures
}

#[test]
fn nearly_every_failure_of_the_lab_has_a_cause_and_few_only_a_vague_one() {
    let causes = causes();
    let vague_ids = ["cause/permanent", "cause/temporary", "cause/policy"];
    for corpus in ["postfix-short", "sendmail", "multihop", "postfix-repeated"] {
        let failures = failures(corpus);
        assert!(failures.len() > 10, "{corpus}: {}", failures.len());
        let mut vague = Vec::new();
        for (dsn, words) in &failures {
            match causes.of(dsn.as_deref(), words) {
                Some(cause) if !vague_ids.contains(&cause.id.as_str()) => {}
                other => vague.push(format!("{:?} {dsn:?} {words}", other.map(|cause| &cause.id))),
            }
        }
        // A server that says `550 no` and no more leaves nothing to explain.
        assert!(
            vague.len() * 6 <= failures.len(),
            "{corpus}: {} of {}:\n{}",
            vague.len(),
            failures.len(),
            vague.join("\n")
        );
    }
}

/// What the sinks of the lab do with a recipient is told by its local part, so the cause of each is known.
#[test]
fn the_cause_is_the_one_that_the_lab_made() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .arg("index")
        .arg(lab("postfix-short", "mail.rfc3339.log.gz"))
        .succeeds();
    let cause_of = |what: &str, address: &str| {
        let out = tool(folder.path()).args(["trace", what, "--json", "--all"]).succeeds();
        let recipients = out.lines().flat_map(|line| {
            let story: Value = serde_json::from_str(line).unwrap();
            story["recipients"].as_array().cloned().unwrap_or_default()
        });
        let told = recipients.into_iter().find(|told| told["address"] == address).unwrap();
        told["cause"].as_str().unwrap_or_default().to_owned()
    };
    for (address, cause) in [
        ("t5-a@good.example", "cause/unknown-user"),
        ("f4-quota@good.example", "cause/mailbox-full"),
        ("x@nxdomain.example", "cause/no-such-domain"),
        ("x@nullmx.example", "cause/null-mx"),
        ("x@servfail.example", "cause/dns-now"),
        ("x@refuse.example", "cause/connection-refused"),
        ("x@loop.example", "cause/loop"),
        ("x@noroute.example", "cause/unreachable"),
        ("nosuch1@site.example", "cause/unknown-user"),
    ] {
        assert_eq!(cause_of(address, address), cause, "{address}");
    }
}

#[test]
fn an_operator_adds_causes_and_replaces_ours() {
    let folder = tempfile::tempdir().unwrap();
    let causes = folder.path().join("rules/causes");
    std::fs::create_dir_all(&causes).unwrap();
    let own = "- id: cause/mailbox-disabled\n  says: ['temporarily locked']\n  cause: The hotel is closed in winter.\n  next: 'Call 0000 in spring.'\n";
    std::fs::write(causes.join("site.yaml"), own).unwrap();
    let log = lab("postfix-short", "mail.rfc3339.log.gz");
    let with = ["--rules", "rules"];
    tool(folder.path()).args(with).arg("index").arg(&log).succeeds();
    let story = tool(folder.path()).args(with).args(["trace", "757F89D60C0"]).succeeds();
    assert!(story.contains("Why: The hotel is closed in winter."), "{story}");
    std::fs::write(causes.join("site.yaml"), own.replace("says", "say")).unwrap();
    let (_, said) = tool(folder.path())
        .args(with)
        .args(["trace", "757F89D60C0"])
        .ends_with(2);
    assert!(said.contains("site.yaml:2:3"), "{said}");
    let (_, said) = tool(folder.path()).args(["rules", "check", "rules"]).ends_with(2);
    assert!(said.contains("site.yaml:2:3"), "{said}");
}

#[test]
fn trace_tells_the_cause_the_next_step_and_on_request_the_lines_that_say_so() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .arg("index")
        .arg(lab("postfix-short", "mail.rfc3339.log.gz"))
        .succeeds();
    let story = tool(folder.path()).args(["trace", "757F89D60C0"]).succeeds();
    assert!(
        story.contains("Why: The recipient's mailbox is there but takes no mail at present."),
        "{story}"
    );
    assert!(
        story.contains("Next: The recipient, or the postmaster there"),
        "{story}"
    );
    let told = |args: &[&str]| -> Value {
        let json = tool(folder.path())
            .args(["trace", "757F89D60C0", "--json"])
            .args(args)
            .succeeds();
        serde_json::from_str::<Value>(&json).unwrap()["recipients"][0].clone()
    };
    let plain = told(&[]);
    assert_eq!(
        (&plain["cause"], &plain["evidence"]),
        (&"cause/mailbox-disabled".into(), &Value::Null)
    );
    let lines = told(&["--lines"])["evidence"].clone();
    let lines: Vec<&str> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    // The last attempt in the remote's words, and the queue's own last word.
    assert!(
        lines[0].contains("02:05:34") && lines[0].contains("status=deferred"),
        "{lines:?}"
    );
    assert!(lines[1].contains("status=expired, returned to sender"), "{lines:?}");
}

/// The complaint comes from outside: what to do is ours.
#[test]
fn a_recipient_that_our_own_server_refused_is_told_with_what_we_can_do() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .arg("index")
        .arg(lab("postfix-short", "mail.rfc3339.log.gz"))
        .succeeds();
    let out = tool(folder.path())
        .args(["search", "reason:\"Relay access denied\"", "--json", "-n", "1"])
        .succeeds();
    let refused: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    let story = tool(folder.path())
        .args(["trace", refused["id"].as_str().unwrap()])
        .succeeds();
    assert!(story.contains("not ours"), "{story}");
    for (status, word) in Status::ALL {
        let words_decide = ["deferred", "bounced", "rejected", "filtered", "expanded", "probed"].contains(word);
        assert_eq!(causes().of_status(*status).is_none(), words_decide, "{word}");
    }
}

#[test]
fn a_message_that_is_older_than_the_queue_is_not_said_to_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mailtrail.yaml"), "queue_lifetime: 1s\n").unwrap();
    let log = lab("sendmail", "mail.rfc3339.log.gz");
    tool(folder.path()).arg("index").arg(log).succeeds();
    // Its last attempt is deferred, and the log ends.
    let patient = tool(folder.path()).args(["trace", "6AO2AV3c000161"]);
    let story = patient.args(["--config", "mailtrail.yaml"]).succeeds();
    assert!(story.contains("not delivered as far as the log goes"), "{story}");
    assert!(story.contains("so it is over, and no line tells how"), "{story}");
    assert!(!story.contains("tries again"), "{story}");
}
