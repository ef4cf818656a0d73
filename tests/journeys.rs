//! A journey names every hop of its message, no stranger, and ends as the message ended.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::tool::{lab, tool};
use crate::truth::truth;

/// Host (its first label) and queue id.
type Hop = (String, String);

fn hop(host: &Value, queue_id: &Value) -> Hop {
    let label = host.as_str().unwrap_or_default().split('.').next().unwrap_or_default();
    (label.to_owned(), queue_id.as_str().unwrap_or_default().to_owned())
}

/// The hops that the delivered copies and bounces name, but amavis' own.
fn seen(message: &Value) -> BTreeSet<Hop> {
    let seen = message["queue_ids_seen"].as_array().into_iter().flatten();
    seen.map(|seen| hop(&seen["host"], &seen["queue_id"]))
        .filter(|(host, _)| host != "localhost")
        .collect()
}

fn first_id(message: &Value) -> Option<String> {
    let named = message["queue_id"].as_str().map(str::to_owned);
    named.or_else(|| message["queue_ids_seen"][0]["queue_id"].as_str().map(str::to_owned))
}

pub(crate) fn traced(data: &Path, what: &str) -> Vec<Value> {
    let told = tool(data).args(["trace", what, "--json", "--all"]).succeeds();
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn hops(journey: &Value) -> BTreeSet<Hop> {
    let hops = journey["hops"].as_array().into_iter().flatten();
    hops.map(|one| hop(&one["host"], &one["queue_id"])).collect()
}

/// The accepted messages of the corpus, with the id to ask for.
pub(crate) fn messages() -> Vec<(String, Value)> {
    let accepted = truth("multihop").into_iter().filter(|entry| entry["accepted"] == true);
    accepted
        .filter_map(|message| Some((first_id(&message)?, message)))
        .collect()
}

/// Does a journey begin on the host and in the hour of a message?
fn begins_as(journey: &Value, message: &Value) -> bool {
    let first = &journey["hops"][0];
    let at = chrono::DateTime::parse_from_rfc3339(first["@timestamp"].as_str().unwrap()).unwrap();
    #[allow(clippy::cast_possible_truncation)] // Seconds of this century.
    let sent = message["t"].as_f64().unwrap() as i64;
    let host = hop(&first["host"], &first["queue_id"]).0;
    host == message["injected_host"].as_str().unwrap() && (at.timestamp() - sent).abs() < 3600
}

/// Hops that nobody who received something can name: a list's own, which leaves no trace in what its members get, and those of
/// what a filter threw away.
fn is_unseen((host, queue_id): &Hop, journey: &Value, message: &Value) -> bool {
    let hops = journey["hops"].as_array().into_iter().flatten();
    let hop = hops
        .clone()
        .find(|one| hop(&one["host"], &one["queue_id"]) == (host.clone(), queue_id.clone()))
        .unwrap();
    let mut links = journey["links"].as_array().into_iter().flatten();
    let of_a_list = links.any(|link| link["rel"] == "cloned_to" && link["to"] == hop["id"]);
    let thrown_away = message["rcpts"]
        .as_array()
        .unwrap()
        .iter()
        .all(|to| to["final"] == "discarded");
    let sent = message["message_id"].as_str().map(|id| id.trim_matches(['<', '>']));
    let told = hop["message_id"].as_str();
    of_a_list || (thrown_away && (told == sent || told == Some("same@bad.example")))
}

/// An alias of which a part failed: every copy that was received, every mailbox and every bounce has its word under the address
/// that was asked for, and there is no other word.
fn differences_of_parts(name: &str, asked_for: &str, journey: &Value, message: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut wanted: BTreeSet<(String, &str)> = BTreeSet::new();
    wanted.extend(
        list(&message["deliveries"])
            .iter()
            .map(|copy| (text(&copy["addr"]), "relayed")),
    );
    for mailbox in list(&message["mailboxes"]) {
        wanted.insert((
            text(&mailbox["mailbox"]).rsplit('/').next().unwrap().to_owned(),
            "delivered",
        ));
    }
    for failed in list(&message["dsns"])
        .iter()
        .flat_map(|notice| list(&notice["recipients"]))
    {
        wanted.insert((
            text(&failed["Final-Recipient"])
                .trim_start_matches("rfc822; ")
                .to_owned(),
            "bounced",
        ));
    }
    let ends = list(&journey["recipients"]);
    let told: BTreeSet<(String, &str)> = ends
        .iter()
        .filter(|end| end["asked_for"] == asked_for)
        .map(|end| (text(&end["address"]), end["final"].as_str().unwrap()))
        .collect();
    let differ = wanted.symmetric_difference(&told);
    differ
        .map(|(address, word)| format!("{name}: {address} {word} is told or true, not both"))
        .collect()
}

/// All differences between the journeys that a store tells and the truth.
pub(crate) fn differences(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (id, message) in messages() {
        let name = message["lab_id"].as_str().unwrap();
        let mut journeys = traced(data, &id);
        // The id of a local submission may be one of another host's, and of another day.
        if journeys.len() > 1 {
            journeys.retain(|journey| begins_as(journey, &message));
        }
        let [journey] = journeys.as_slice() else {
            found.push(format!("{name} {id}: {} journeys", journeys.len()));
            continue;
        };
        let (wanted, told) = (seen(&message), hops(journey));
        for missing in wanted.difference(&told) {
            found.push(format!("{name}: {missing:?} is missing"));
        }
        for stranger in told
            .difference(&wanted)
            .filter(|hop| !is_unseen(hop, journey, &message))
        {
            found.push(format!("{name}: {stranger:?} is a stranger"));
        }
        for to in message["rcpts"].as_array().unwrap() {
            let (address, fate) = (to["addr"].as_str().unwrap(), to["final"].as_str().unwrap());
            let right: &[&str] = match fate {
                "sent" => &["delivered", "relayed"],
                "bounced" => &["bounced"],
                "expired" => &["expired"],
                "discarded" => &["discarded"],
                "sent+bounced-part" => {
                    found.extend(differences_of_parts(name, address, journey, &message));
                    continue;
                }
                other => panic!("{other} is not looked at"),
            };
            let last: Vec<&str> = journey["recipients"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|told| told["asked_for"].as_str().unwrap().eq_ignore_ascii_case(address))
                .filter_map(|told| told["final"].as_str())
                .collect();
            if last.is_empty() || !last.iter().all(|word| right.contains(word)) {
                found.push(format!("{name}: {address} was {fate}, its journey ends with {last:?}"));
            }
        }
    }
    found
}

#[test]
fn journeys_are_whole_hold_no_stranger_and_end_as_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .args(["index", "--year", "2026"])
        .arg(lab("multihop", "mail.log.gz"))
        .succeeds();
    let found = differences(folder.path());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_hosts_may_come_in_any_order() {
    let hosts = [
        "mx1.mail.rfc3339.log.gz",
        "mx2.mail.rfc3339.log.gz",
        "sm1.mail.rfc3339.log.gz",
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let folder = tempfile::tempdir().unwrap();
        for index in order {
            tool(folder.path())
                .arg("index")
                .arg(lab("multihop", hosts[index]))
                .succeeds();
        }
        let found = differences(folder.path());
        assert!(found.is_empty(), "{order:?}:\n{}", found.join("\n"));
    }
}

/// Any hop leads to the same journey.
#[test]
fn a_journey_is_found_from_each_of_its_ends() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path())
        .arg("index")
        .arg(lab("multihop", "mail.rfc3339.log.gz"))
        .succeeds();
    for (id, message) in messages().into_iter().step_by(7) {
        let from_the_first = hops(&traced(folder.path(), &id)[0]);
        for (_, other) in seen(&message) {
            let journeys = traced(folder.path(), &other);
            assert!(
                journeys.iter().any(|journey| hops(journey) == from_the_first),
                "{id} from {other}"
            );
        }
    }
}
