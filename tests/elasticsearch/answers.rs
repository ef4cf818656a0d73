//! What people ask is answered alike by the cluster and by the embedded store.

use std::process::Output;

use super::corpora::{lab, program_at};
use super::place::Place;

const QUESTIONS: &[&[&str]] = &[
    &["report"],
    &["open", "--after", "1s", "--at", "2026-11-24T02:30:00Z"],
    &["open", "--after", "1s", "--at", "2026-12-24T02:30:00Z"],
    &["who", "203.0.113.0/24"],
    &["who", "203.0.113.60"],
    &["who", "alice"],
    &["who", "sender@senders.example"],
    &["who", "isp.example"],
    &["who", "good.example"],
    &["trace", "ok-sub@good.example", "--all", "--lines"],
    &["trace", "757F89D60C0", "--lines"],
    &["search", "status:expired", "-n", "500"],
    &["search", "missing:end", "--since", "2026-11-24"],
    &["search", "to:nobody@nowhere.example"],
];

#[test]
fn report_open_who_trace_and_search_answer_alike_from_both_stores() {
    for log in [
        "postfix-short/mail.rfc3339.log.gz",
        "multihop/mail.rfc3339.log.gz",
        "sendmail/mail.rfc3339.log.gz",
    ] {
        let Some(place) = Place::new() else { return };
        let file = lab(log);
        let run = |store: &str, arguments: &[&str]| -> Output {
            let mut command = program_at(&place, std::slice::from_ref(&place.url), "", arguments);
            command.args(["--store", store]).output().unwrap()
        };
        for store in ["elasticsearch", "embedded"] {
            let indexed = run(store, &["index", file.to_str().unwrap(), "--from-scratch"]);
            assert!(indexed.status.success(), "{}", String::from_utf8_lossy(&indexed.stderr));
        }
        for question in QUESTIONS {
            for form in [&[][..], &["--json"]] {
                let ask = |store| {
                    let out = run(store, &[question, form].concat());
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    (out.status.code(), text(&out.stdout), text(&out.stderr))
                };
                assert_eq!(ask("elasticsearch"), ask("embedded"), "{log}: {question:?}");
            }
        }
    }
}
