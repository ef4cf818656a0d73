//! What a delivery's failure means, in plain language.

use mailtrail::cause::Causes;

use crate::tool::{data, lab, tool, unpacked};

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
fn every_failure_of_the_lab_has_a_cause() {
    let causes = causes();
    for corpus in ["postfix-short", "sendmail", "multihop", "postfix-repeated"] {
        let folder = tempfile::tempdir().unwrap();
        let out = tool(folder.path())
            .args(["index", "--store", "ndjson"])
            .arg(lab(corpus, "mail.rfc3339.log.gz"))
            .succeeds();
        let mut vague = Vec::new();
        let mut count = 0;
        for line in out.lines() {
            let document: serde_json::Value = serde_json::from_str(line).unwrap();
            for to in document["to"].as_array().into_iter().flatten() {
                if !["bounced", "expired", "deferred"].contains(&to["status"].as_str().unwrap_or_default()) {
                    continue;
                }
                let Some(words) = to["response"].as_str() else { continue };
                count += 1;
                let cause = causes.of(to["dsn"].as_str(), words);
                if cause.is_none_or(|cause| ["cause/permanent", "cause/temporary"].contains(&cause.id.as_str())) {
                    vague.push(format!("{} {words}", to["dsn"]));
                }
            }
        }
        // A server that says `550 no` and no more leaves nothing to explain.
        assert!(
            vague.len() * 10 <= count,
            "{corpus}: {} of {count}:\n{}",
            vague.len(),
            vague.join("\n")
        );
    }
}

#[test]
fn trace_tells_the_cause_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let log = data("lab").join("postfix-short/mail.rfc3339.log.gz");
    assert!(unpacked(&log).contains("757F89D60C0"));
    tool(folder.path()).arg("index").arg(&log).succeeds();
    let story = tool(folder.path()).args(["trace", "757F89D60C0"]).succeeds();
    assert!(story.contains("takes no mail now"), "{story}");
    assert!(story.contains("Next:"), "{story}");
    let json = tool(folder.path()).args(["trace", "757F89D60C0", "--json"]).succeeds();
    let journey: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(journey["recipients"][0]["cause"], "cause/mailbox-disabled");
    assert!(journey["recipients"][0]["next"].as_str().unwrap().contains("unlock"));
}
