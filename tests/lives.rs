//! The lives of messages on one host, on real lines: what a person did to the queue, every attempt, expansion, notices, and
//! what was never heard of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use crate::tool::{lab, tool, unpacked};
use crate::truth::truth;

static POSTFIX: LazyLock<Vec<Value>> = LazyLock::new(|| documents(&lab("postfix-short", "mail.rfc3339.log.gz")));
static SENDMAIL: LazyLock<Vec<Value>> = LazyLock::new(|| documents(&lab("sendmail", "mail.rfc3339.log.gz")));

fn documents(log: &Path) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let told = tool(folder.path())
        .args(["index", "--store", "ndjson"])
        .arg(log)
        .succeeds();
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn mails(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents.iter().filter(|document| document["kind"] == "mail")
}

#[track_caller]
fn mail<'a>(documents: &'a [Value], queue_id: &str) -> &'a Value {
    let found = mails(documents).find(|mail| mail["queue_id"] == queue_id);
    found.unwrap_or_else(|| panic!("no mail {queue_id}"))
}

fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|entry| entry[name].as_str()).collect()
}

/// The other queue ids that stand in this relation to a mail.
fn linked<'a>(mail: &'a Value, rel: &str) -> Vec<&'a str> {
    let links = mail["links"].as_array().into_iter().flatten();
    links
        .filter(|link| link["rel"] == rel)
        .filter_map(|link| link["queue_id"].as_str())
        .collect()
}

/// A store with these lines.
fn store(lines: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "mail.log", lines);
    folder
}

fn add(folder: &Path, name: &str, lines: &[&str]) {
    let log = folder.join(name);
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    tool(folder).arg("index").arg(&log).succeeds();
}

fn stored(folder: &Path, query: &str) -> Vec<Value> {
    let found = tool(folder).args(["search", query, "--json"]).succeeds();
    let documents = found.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    documents.filter(|document| document["kind"] == "mail").collect()
}

fn story(folder: &Path, what: &str) -> String {
    tool(folder).args(["trace", what]).succeeds()
}

/// The lines of a log that name one of these.
fn naming<'a>(log: &'a str, names: &[&str]) -> Vec<&'a str> {
    log.lines()
        .filter(|line| names.iter().any(|name| line.contains(name)))
        .collect()
}

/// Every `postsuper` that the lab's driver called: the document of its message says what came of it.
#[test]
fn what_a_person_did_to_the_queue_is_told() {
    let mut done = BTreeSet::new();
    for admin in truth("postfix-short").iter().filter(|entry| entry["kind"] == "admin") {
        let words: Vec<_> = admin["command"].as_str().unwrap().split(' ').collect();
        let ["postsuper", flag, queue_id] = words.as_slice() else {
            continue;
        };
        let mail = mail(&POSTFIX, queue_id);
        let fates = texts(&mail["to"], "status");
        match *flag {
            "-d" => {
                assert_eq!(mail["status"], "deleted", "{queue_id}");
                assert_eq!(fates, ["deleted"], "{queue_id}");
            }
            // Released: what was held went out.
            "-H" | "-h" => assert_eq!(fates, ["relayed"], "{queue_id}"),
            "-e" => {
                assert_eq!(mail["status"], "expired", "{queue_id}");
                assert_eq!(linked(mail, "bounce").len(), 1, "{queue_id}");
            }
            "-r" => {
                assert_eq!(fates, ["expanded"], "{queue_id}");
                let [new] = linked(mail, "requeued_as")[..] else {
                    panic!("{queue_id} went nowhere")
                };
                let new = self::mail(&POSTFIX, new);
                assert_eq!(linked(new, "requeued_from"), [*queue_id]);
                assert_eq!(texts(&new["to"], "status"), ["relayed"]);
            }
            other => panic!("postsuper {other} is not looked at"),
        }
        assert_eq!(mail["open"], false, "{queue_id}");
        done.insert((*flag).to_owned());
    }
    assert_eq!(done.into_iter().collect::<Vec<_>>(), ["-H", "-d", "-e", "-h", "-r"]);
}

#[test]
fn what_is_on_hold_is_open_until_it_is_released_or_deleted() {
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    for (queue_id, before) in [
        ("18CDF9D6591", "held"),
        ("1B80A9D6592", "held"),
        ("245CB9D6596", "held"),
    ] {
        let lines = naming(&log, &[queue_id]);
        let word = |line: &&&str| {
            line.contains("postsuper") && (line.ends_with("released from hold") || line.ends_with("removed"))
        };
        let end = lines.iter().position(|line| word(&line)).unwrap();
        let folder = store(&lines[..end]);
        let held = stored(folder.path(), "*");
        assert_eq!(
            (&held[0]["status"], &held[0]["open"]),
            (&before.into(), &true.into()),
            "{queue_id}"
        );
        assert!(story(folder.path(), queue_id).contains("on hold"), "{queue_id}");
        add(folder.path(), "later.log", &lines[end..]);
        let after = stored(folder.path(), "*");
        assert_eq!((after.len(), &after[0]["open"]), (1, &false.into()), "{queue_id}");
        assert_eq!(after[0], without_lines(mail(&POSTFIX, queue_id)), "{queue_id}");
    }
}

fn without_lines(mail: &Value) -> Value {
    let mut mail = mail.clone();
    mail.as_object_mut().unwrap().remove("lines");
    mail
}

/// As often as the destination was asked: where the driver's own words, sink by sink, tell it.
#[test]
fn every_attempt_is_told() {
    // The sink tells of this one's DATA and RSET apart; the next goes on under a new id; the last was cut off by a stop.
    let otherwise = ["ps00005", "ps00271", "ps00275"];
    for corpus in ["postfix-short", "postfix-repeated"] {
        let all = documents(&lab(corpus, "mail.rfc3339.log.gz"));
        let by_id: BTreeMap<&str, &Value> = mails(&all)
            .map(|mail| (mail["queue_id"].as_str().unwrap(), mail))
            .collect();
        let (mut compared, mut retried) = (0, 0);
        for message in truth(corpus) {
            let queue_id = message["queue_id"].as_str().unwrap_or_default();
            let Some(mail) = by_id
                .get(queue_id)
                .filter(|_| !otherwise.contains(&message["lab_id"].as_str().unwrap_or_default()))
            else {
                continue;
            };
            for recipient in message["rcpts"].as_array().into_iter().flatten() {
                let told = mail["to"].as_array().into_iter().flatten();
                let told = told.filter(|to| to["address"] == recipient["addr"]);
                let Some(asked) = recipient["attempts_at_destination"].as_array() else {
                    continue;
                };
                for to in told {
                    assert_eq!(to["attempts"], asked.len(), "{queue_id} {}", recipient["addr"]);
                    assert_eq!(
                        to["history"].as_array().map(Vec::len),
                        Some(asked.len().min(10)),
                        "{queue_id}"
                    );
                    compared += 1;
                    retried += usize::from(asked.len() > 1);
                }
            }
        }
        assert!(compared > 20 && retried >= 3, "{corpus}: {compared}, {retried}");
    }
}

/// Two are on hold; two notices were begun by the bounce daemon and given up, of which cleanup's one line is all; of
/// sendmail's two the end leaves no line (`TRUTH.md`).
#[test]
fn nothing_is_open_but_what_the_truth_left_in_the_queue() {
    let open = |documents: &'static [Value]| -> BTreeSet<&'static str> {
        let open = mails(documents).filter(|mail| mail["open"] == true);
        open.filter_map(|mail| mail["queue_id"].as_str()).collect()
    };
    let truth = truth("postfix-short");
    let held = truth.iter().filter(|message| message["rcpts"][0]["final"] == "held");
    let mut wanted: BTreeSet<&str> = held.filter_map(|message| message["queue_id"].as_str()).collect();
    assert_eq!(wanted.len(), 2);
    wanted.extend(["716F59D60B8", "8F1189D65A9"]);
    assert_eq!(open(&POSTFIX), wanted);
    assert_eq!(open(&SENDMAIL), BTreeSet::from(["6AO2AV3c000161", "6AO2DCmn000974"]));
}

#[test]
fn a_client_that_names_recipients_and_sends_nothing_leaves_no_open_mail() {
    for (documents, queue_id) in [
        (&POSTFIX, "1ADB89D633A"),
        (&POSTFIX, "1B79C9D633A"),
        (&SENDMAIL, "6AO2AxMN000663"),
        (&SENDMAIL, "6AO2AxbY000660"),
    ] {
        let mail = mail(documents, queue_id);
        assert_eq!(
            (&mail["outcome"], &mail["open"]),
            (&"no_mail".into(), &false.into()),
            "{queue_id}"
        );
    }
    // The next message of the same session is one.
    let folder = store(&[
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: connect from client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:00+00:00 mx1 postfix/smtpd[10]: 4104E3D: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/smtpd[10]: 5204E3D: client=client-6.isp.example[203.0.113.6]",
        "2026-11-24T02:00:01+00:00 mx1 postfix/cleanup[11]: 5204E3D: message-id=<a@senders.example>",
        "2026-11-24T02:00:01+00:00 mx1 postfix/qmgr[12]: 5204E3D: from=<a@senders.example>, size=400, nrcpt=1 (queue active)",
        "2026-11-24T02:00:02+00:00 mx1 postfix/smtpd[10]: disconnect from client-6.isp.example[203.0.113.6] ehlo=1 mail=2 rcpt=2 rset=1 data=1 quit=1 commands=8",
    ]);
    let second = &stored(folder.path(), "qid:5204E3D")[0];
    assert_eq!((&second["outcome"], &second["open"]), (&Value::Null, &true.into()));
}

#[test]
fn an_expansion_keeps_the_address_that_was_asked_for() {
    let mut compared = 0;
    let truth = truth("postfix-short");
    let notes = ["local, alias, forward, virtual", "access map redirect"];
    for message in truth
        .iter()
        .filter(|message| notes.iter().any(|note| message["notes"] == *note))
    {
        let mail = mail(&POSTFIX, message["queue_id"].as_str().unwrap());
        let known: Vec<_> = texts(&mail["to"], "address")
            .into_iter()
            .chain(texts(&mail["to"], "orig"))
            .collect();
        for asked in texts(&message["rcpts"], "addr") {
            assert!(known.contains(&asked), "{asked} is not in {known:?}");
            compared += 1;
        }
        for to in mail["to"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|to| to["status"] == "expanded")
        {
            let [new] = linked(mail, "forwarded_to")[..] else {
                panic!("{to} went nowhere")
            };
            assert_eq!(
                linked(self::mail(&POSTFIX, new), "forwarded_from"),
                [mail["queue_id"].as_str().unwrap()]
            );
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn sendmail_s_expansion_without_a_trace_is_said_and_not_guessed() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .arg("index")
        .arg(lab("sendmail", "mail.rfc3339.log.gz"))
        .succeeds();
    let asked: BTreeMap<String, Vec<String>> = truth("sendmail")
        .iter()
        .filter_map(|message| {
            let asked = texts(&message["rcpts"], "addr").into_iter().map(str::to_lowercase);
            Some((message["queue_id"].as_str()?.to_owned(), asked.collect()))
        })
        .collect();
    // What is told as asked for was asked for.
    for mail in mails(&SENDMAIL) {
        let Some(asked) = mail["queue_id"].as_str().and_then(|queue_id| asked.get(queue_id)) else {
            continue;
        };
        for orig in texts(&mail["to"], "orig") {
            assert!(
                asked.contains(&orig.to_lowercase()),
                "{orig} was not asked for in {}",
                mail["queue_id"]
            );
        }
    }
    // One recipient taken, several places: an alias, a list that was split off.
    for queue_id in ["6AO2AVUm000229", "6AO2AVdL000225", "6AO2AVaj000230"] {
        assert_eq!(asked[queue_id].len(), 1);
        let story = story(folder.path(), queue_id);
        assert!(
            story.contains("sm1 took 1 recipient, and these are where the mail went"),
            "{story}"
        );
    }
    assert!(!story(folder.path(), "6AO2AXhp000343").contains("these are where the mail went"));
}

#[test]
fn a_list_with_an_owner_is_linked_both_ways_and_neither_half_misses_its_start() {
    let (list, split) = (mail(&SENDMAIL, "6AO2AVaj000230"), mail(&SENDMAIL, "6AO2AVaj000240"));
    assert_eq!(linked(list, "cloned_to"), ["6AO2AVaj000240"]);
    assert_eq!(linked(split, "cloned_from"), ["6AO2AVaj000230"]);
    assert_eq!(list["status"], "expanded");
    assert_eq!(split["status"], "partial");
    assert_eq!(split["missing"], serde_json::json!(["sender"]));
}

/// sendmail tells neither sender nor start of its notices: the line that makes one is its start, and the sender of a notice is
/// the null one.
#[test]
fn a_notice_of_sendmail_misses_nothing() {
    let notices = mails(&SENDMAIL).filter(|mail| {
        [
            "bounce_of",
            "delay_notice_of",
            "success_notice_of",
            "postmaster_notice_of",
        ]
        .iter()
        .any(|rel| !linked(mail, rel).is_empty())
    });
    let mut count = 0;
    for notice in notices {
        assert_eq!(
            (&notice["from"], &notice["missing"]),
            (&"".into(), &Value::Null),
            "{}",
            notice["queue_id"]
        );
        count += 1;
    }
    assert!(count > 60, "{count}");
}

#[test]
fn one_recipient_in_two_spellings_is_heard_of_twice_and_tried_once() {
    let mail = mail(&SENDMAIL, "6AO2AXw3000344");
    assert_eq!((&mail["nrcpt"], &mail["unheard"]), (&2.into(), &Value::Null));
    assert_eq!((&mail["status"], &mail["open"]), (&"relayed".into(), &false.into()));
    assert_eq!(mail["to"].as_array().map(Vec::len), Some(1));
    assert_eq!(mail["to"][0]["attempts"], 1);
}

/// A real message to two: its lines up to the first delivery.
#[test]
fn a_mail_is_not_delivered_while_a_recipient_is_unheard_of() {
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let lines = naming(&log, &["426469D657D"]);
    let first = lines.iter().position(|line| line.contains("status=sent")).unwrap() + 1;
    let folder = store(&lines[..first]);
    let mail = &stored(folder.path(), "*")[0];
    assert_eq!((&mail["nrcpt"], &mail["unheard"]), (&2.into(), &1.into()));
    assert_eq!((&mail["status"], &mail["open"]), (&"queued".into(), &true.into()));
    assert!(story(folder.path(), "426469D657D").contains("nothing heard"));
    add(folder.path(), "later.log", &lines[first..]);
    let mail = &stored(folder.path(), "*")[0];
    assert_eq!((&mail["status"], &mail["open"]), (&"delivered".into(), &false.into()));
    assert_eq!(mail["unheard"], Value::Null);
}

/// A message with a delay notice, a bounce and two copies to the postmaster: all their lines before any of its own, and after.
#[test]
fn notices_are_linked_both_ways_even_where_their_lines_come_first() {
    let notices = [
        ("delay_notice", "A40689D65B9"),
        ("postmaster_notice", "A5B629D65BE"),
        ("bounce", "74E269D623B"),
        ("postmaster_notice", "776E99D60DD"),
    ];
    let log = unpacked(&lab("postfix-short", "mail.rfc3339.log.gz"));
    let of_notices =
        |line: &&&str| notices.iter().any(|(_, id)| line.contains(&format!("{id}: "))) && !line.contains("757F89D60C0");
    let all = naming(
        &log,
        &[
            "757F89D60C0",
            "A40689D65B9",
            "A5B629D65BE",
            "74E269D623B",
            "776E99D60DD",
        ],
    );
    let (first, later): (Vec<&str>, Vec<&str>) = all.iter().partition(|line| of_notices(line));
    assert!(first.len() >= 16 && later.len() > 15, "{} {}", first.len(), later.len());
    for order in [[&first, &later], [&later, &first]] {
        let folder = tempfile::tempdir().unwrap();
        for (index, lines) in order.iter().enumerate() {
            add(folder.path(), &format!("{index}.log"), lines);
        }
        let found = stored(folder.path(), "*");
        assert_eq!(found.len(), 5);
        let parent = found.iter().find(|mail| mail["queue_id"] == "757F89D60C0").unwrap();
        for (rel, id) in notices {
            assert!(linked(parent, rel).contains(&id), "{rel} {id}");
            let notice = found.iter().find(|mail| mail["queue_id"] == id).unwrap();
            assert_eq!(linked(notice, &format!("{rel}_of")), ["757F89D60C0"], "{id}");
        }
        let story = story(folder.path(), "757F89D60C0");
        assert!(
            story.contains("bounce 74E269D623B  sender@senders.example: relayed  (named by the log of mx1, certain)"),
            "{story}"
        );
        assert!(self::story(folder.path(), "74E269D623B").contains("this is a bounce of 757F89D60C0"));
    }
}

#[test]
fn a_probe_is_no_mail_that_was_delivered() {
    let probes: Vec<_> = mails(&POSTFIX).filter(|mail| mail["status"] == "probed").collect();
    assert_eq!(probes.len(), 4);
    for probe in probes {
        assert!(texts(&probe["to"], "status").iter().all(|status| *status == "probed"));
    }
}

#[test]
fn a_missing_start_and_a_missing_end_are_said_in_words() {
    let folder = store(&[
        "2020-11-01T02:00:00+00:00 mx1 postfix/smtp[14]: 4104E3D: to=<t4@good.example>, relay=mx.good.example[198.51.100.10]:25, delay=1, delays=0/0/1/0, dsn=4.2.1, status=deferred (host mx.good.example[198.51.100.10] said: 450 4.2.1 locked)",
    ]);
    let story = story(folder.path(), "4104E3D");
    assert!(
        story.contains("its start is missing: no line that was read tells when it came and from whom"),
        "{story}"
    );
    assert!(
        story.contains("its end was never logged, though it is older than its queue keeps mail"),
        "{story}"
    );
    assert!(story.contains("t4@good.example: not delivered as far as the log goes: mx1 had it, after 1 attempt, and no later line tells of it."), "{story}");
}
