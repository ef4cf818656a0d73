//! What an operator sees of search and evidence: numbers are those of the truth, and an empty answer says what it is worth.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use mailtrail::answer::evidence::sha256;
use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

const LOG: &str = "mail.rfc3339.log.gz";

fn indexed(folder: &Path, corpus: &str) {
    tool(folder).arg("index").arg(lab(corpus, LOG)).succeeds();
}

fn search(folder: &Path, args: &[&str]) -> Vec<Value> {
    let out = tool(folder)
        .arg("search")
        .args(args)
        .args(["--json", "-n", "2000"])
        .succeeds();
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Recipients of the truth that ended so.
fn truth(corpus: &str, end: &str) -> u64 {
    let text = unpacked(&lab(corpus, "truth.jsonl.gz"));
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let recipients = entries.flat_map(|entry| entry["rcpts"].as_array().cloned().unwrap_or_default());
    recipients.filter(|recipient| recipient["final"] == end).count() as u64
}

#[test]
fn outcomes_are_found_as_often_as_the_truth_has_them() {
    for (corpus, ends) in [
        ("postfix-short", ["expired", "deleted"].as_slice()),
        ("postfix-repeated", ["expired", "bounced"].as_slice()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        indexed(folder.path(), corpus);
        for end in ends {
            let found = search(folder.path(), &[&format!("{end}:*")]);
            let recipients = found
                .iter()
                .flat_map(|mail| mail["to"].as_array().cloned().unwrap_or_default());
            let count = recipients.filter(|to| to["status"] == *end).count() as u64;
            assert_eq!(count, truth(corpus, end), "{corpus} {end}");
        }
    }
}

#[test]
fn csv_has_the_columns_that_were_chosen_and_no_formula() {
    let folder = tempfile::tempdir().unwrap();
    let log = format!(
        "{}2026-11-24T02:06:00+00:00 mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[203.0.113.6]: 550 5.1.1 <=cmd@site.example>: \
         Recipient address rejected: a \"quoted\" word, and a comma; from=<x@y.example> to=<=cmd@site.example> proto=ESMTP helo=<h>\n",
        unpacked(&lab("postfix-short", LOG))
    );
    fs::write(folder.path().join("mail.log"), log).unwrap();
    tool(folder.path()).args(["index", "mail.log"]).succeeds();
    let csv = |query: &str, columns: &str| {
        let args = ["search", query, "--csv", "--columns", columns, "-n", "2000"];
        tool(folder.path()).args(args).succeeds()
    };
    let own = csv(
        "qid:757F89D60C0 from:sender@senders.example",
        "time,qid,status,to,dsn,attempts,from",
    );
    assert_eq!(
        own,
        "time,qid,status,to,dsn,attempts,from\r\n2026-11-24T02:04:04.483Z,757F89D60C0,expired,t4-a@good.example,4.2.1,6,sender@senders.example\r\n"
    );
    assert_eq!(
        csv("ip:203.0.113.6 reason:quoted", "to,reason"),
        "to,reason\r\n'=cmd@site.example,\"Recipient address rejected: a \"\"quoted\"\" word, and a comma\"\r\n"
    );
    // One row a document, and the total is the search's.
    let rows = csv("kind:reject", "time,said").lines().count() - 1;
    assert_eq!(
        rows as u64,
        search(folder.path(), &["kind:reject"]).last().unwrap()["total"]
            .as_u64()
            .unwrap()
    );
    let (_, said) = tool(folder.path())
        .args(["search", "kind:reject", "--csv", "-n", "3"])
        .ends_with(0);
    assert!(
        said.contains(&format!("1 to 3 of {rows}; --offset 3 shows the next")),
        "{said}"
    );
    let (_, said) = tool(folder.path())
        .args(["search", "*", "--columns", "time,statu"])
        .ends_with(2);
    assert!(
        said.contains("statu") && said.contains("did you mean `status`"),
        "{said}"
    );
    let table = tool(folder.path())
        .args(["search", "qid:757F89D60C0", "--columns", "qid,end,line_count"])
        .ends_with(2);
    assert!(table.1.contains("line_count"), "{}", table.1);
}

#[test]
fn times_are_read_as_people_write_them() {
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), "postfix-repeated");
    let edges = |args: &[&str]| {
        let found = search(folder.path(), &[&["*"], args].concat());
        let last = found.last().unwrap();
        (
            last["from"].clone(),
            last["to"].clone(),
            last["total"].as_u64().unwrap(),
        )
    };
    let all = edges(&[]).2;
    let from = Value::from("2026-11-24T01:30:00.000Z");
    for text in ["2026-11-24 01:30", "2026-11-24T01:30:00Z", "2026-11-24 01:30:00"] {
        assert_eq!(edges(&["--since", text]), (from.clone(), Value::Null, all), "{text}");
    }
    for text in [
        "3 weeks ago",
        "1h30m",
        "yesterday 10:05",
        "monday",
        "Nov 24 02:00",
        "last friday 23:59",
        "noonish",
    ] {
        let (out, said) = {
            let run = tool(folder.path())
                .args(["search", "*", "--json", "--since", text])
                .command()
                .output()
                .unwrap();
            (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
        };
        if text == "noonish" {
            assert_eq!(out, Some(2));
            assert!(said.contains("`noonish` is no time: write 2026-11-24"), "{said}");
        } else {
            assert!(out == Some(0) || out == Some(1), "{text}: {said}");
        }
    }
}

#[test]
fn an_empty_answer_says_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), "postfix-short");
    let lines = unpacked(&lab("postfix-short", LOG)).lines().count();
    let (_, said) = tool(folder.path())
        .args(["search", "to:nobody@nowhere.example"])
        .ends_with(1);
    assert!(said.contains("searched 2026-11-24 02:04 to 2026-11-24 02:"), "{said}");
    assert!(said.contains(&format!("behind it: {lines} lines of mx1")), "{said}");
    let (_, said) = tool(folder.path())
        .args(["trace", "nobody@nowhere.example"])
        .ends_with(1);
    assert!(said.contains(&format!("behind it: {lines} lines of mx1")), "{said}");
    let (_, said) = tool(folder.path())
        .args(["search", "*", "--since", "2031-01-01"])
        .ends_with(1);
    assert!(said.contains("but what is indexed is from 2026-11-24 02:04"), "{said}");
    assert!(said.contains("behind it: no line of any host"), "{said}");
    let out = tool(folder.path())
        .args(["search", "status:expired", "-n", "2"])
        .succeeds();
    let total = search(folder.path(), &["status:expired"]).last().unwrap()["total"].clone();
    assert!(
        out.contains(&format!(
            "1 to 2 of {total}; --offset 2 shows the next; searched 2026-11-24 02:04 to"
        )),
        "{out}"
    );
}

#[test]
fn evidence_can_be_checked_against_the_log_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), "postfix-short");
    let pack = folder.path().join("case.json");
    let make = ["trace", "757F89D60C0", "--evidence", "case.json"];
    tool(folder.path()).args(make).succeeds();
    let pack: Value = serde_json::from_str(&fs::read_to_string(pack).unwrap()).unwrap();
    let log = unpacked(&lab("postfix-short", LOG));
    let known: BTreeSet<String> = log.lines().map(|line| sha256(line.as_bytes())).collect();
    let documents = pack["documents"].as_array().unwrap();
    let lines = documents
        .iter()
        .flat_map(|document| document["lines"].as_array().unwrap());
    let hashes: Vec<&str> = lines.map(|line| line["sha256"].as_str().unwrap()).collect();
    assert!(hashes.iter().all(|hash| known.contains(*hash)));
    // Every line of the log that begins with the id is there.
    for line in log.lines().filter(|line| line.contains("]: 757F89D60C0: ")) {
        assert!(hashes.contains(&sha256(line.as_bytes()).as_str()), "{line}");
    }
    assert_eq!(
        sha256(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(pack["coverage"]["hosts"][0]["lines"], log.lines().count());
    assert_eq!(pack["story"]["recipients"][0]["cause"], "cause/mailbox-disabled");
    assert_eq!(pack["rules"], documents[0]["rules"]);
    // What is there is not replaced.
    let (_, said) = tool(folder.path()).args(make).ends_with(2);
    assert!(said.contains("never replaces"), "{said}");
}

#[test]
fn the_text_of_evidence_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), "postfix-short");
    tool(folder.path())
        .args(["trace", "757F89D60C0", "--evidence", "case.txt"])
        .succeeds();
    let text = fs::read_to_string(folder.path().join("case.txt")).unwrap();
    let (before, seal) = text.rsplit_once("seal: ").unwrap();
    assert_eq!(sha256(before.as_bytes()), seal.trim());
    let command = "head -n -1 case.txt | sha256sum";
    if let Ok(out) = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder.path())
        .output()
        && out.status.success()
    {
        assert!(String::from_utf8_lossy(&out.stdout).starts_with(seal.trim()));
    }
    for part in [
        "given up by mx1 after 6 attempts",
        "== The rules",
        "mx1: ",
        "status=expired, returned to sender",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn scrubbed_evidence_tells_the_same_story_and_no_name() {
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), "postfix-short");
    for file in ["case.json", "case.txt"] {
        tool(folder.path())
            .args(["trace", "757F89D60C0", "--evidence", file, "--scrub"])
            .succeeds();
        let text = fs::read_to_string(folder.path().join(file)).unwrap().to_lowercase();
        for name in [
            "t4-a",
            "good.example",
            "senders.example",
            "alice",
            "mx1",
            "198.51.100",
            "192.0.2.50",
        ] {
            assert!(!text.contains(name), "{file}: {name}\n{text}");
        }
        for kept in ["757f89d60c0", "74e269d623b", "mailbox temporarily locked", "4.2.1"] {
            assert!(text.contains(kept), "{file}: {kept}\n{text}");
        }
    }
    let pack: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("case.json")).unwrap()).unwrap();
    assert_eq!(
        (&pack["scrubbed"], &pack["story"]["recipients"][0]["final"]),
        (&true.into(), &"expired".into())
    );
    assert_eq!(pack["story"]["hops"][0]["queue_id"], "757F89D60C0");
    assert_eq!(pack["story"]["notices"].as_array().unwrap().len(), 4);
    for document in pack["documents"].as_array().unwrap() {
        for line in document["lines"].as_array().unwrap() {
            assert_eq!(line["sha256"], sha256(line["line"].as_str().unwrap().as_bytes()));
        }
    }
}
