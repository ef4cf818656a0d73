//! Compares documents with the truth: what clients were told, what destinations received, what bounces said.
//!
//! The truth was not made from the logs. Every difference is told with its reason; what the log does not say is told
//! apart and counts for neither side.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

/// What the comparison found.
#[derive(Debug, Default)]
pub(crate) struct Agreement {
    /// Accepted messages, and how many have the right document, sender, message id, client.
    pub(crate) messages: usize,
    pub(crate) found: usize,
    pub(crate) envelope: usize,
    /// Recipients whose fate the truth and the log both tell, and how many agree.
    pub(crate) recipients: usize,
    pub(crate) agreed: usize,
    /// Refused recipients, and how many have their refusal.
    pub(crate) refused: usize,
    pub(crate) refusals: usize,
    /// Recipients that the log does not speak of, or whose fate the truth leaves open.
    pub(crate) untold: usize,
    /// Every difference in words.
    pub(crate) differences: Vec<String>,
}

impl Agreement {
    /// The shares and the differences, for a person.
    pub(crate) fn report(&self) -> String {
        let mut text = format!(
            "{} of {} accepted messages have a document, {} with the right sender, message id and client\n\
             {} of {} recipients have the true fate, {} are untold\n{} of {} refused recipients have their refusal\n",
            self.found,
            self.messages,
            self.envelope,
            self.agreed,
            self.recipients,
            self.untold,
            self.refusals,
            self.refused
        );
        for difference in &self.differences {
            let _ = writeln!(text, "  {difference}");
        }
        text
    }
}

/// Compares the documents of one corpus with its truth.
pub(crate) fn agreement(documents: &[Value], truth: &[Value]) -> Agreement {
    let mut result = Agreement::default();
    let mut by_queue_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for document in documents {
        if let Some(queue_id) = document["queue_id"].as_str() {
            by_queue_id.entry(queue_id).or_default().push(document);
        }
    }
    for message in truth.iter().filter(|entry| entry["kind"] == "message") {
        let accepted = message["accepted"] == true;
        let document = document_of(message, &by_queue_id);
        if accepted && first_queue_id(message).is_none() && message["message_id"].is_null() {
            // Neither the reply, nor a delivered copy, nor a bounce tells an id: it cannot be looked for.
            result
                .differences
                .push(format!("{}: the truth names no id to look for", name(message)));
        } else if accepted {
            result.messages += 1;
            match document {
                Some(document) => {
                    result.found += 1;
                    match envelope_difference(message, document) {
                        None => result.envelope += 1,
                        Some(difference) => result.differences.push(difference),
                    }
                }
                None => result.differences.push(format!("{}: no document", name(message))),
            }
        }
        for recipient in message["rcpts"].as_array().into_iter().flatten() {
            compare_recipient(message, recipient, document, documents, &mut result);
        }
    }
    result
}

fn name(message: &Value) -> String {
    let queue_id = first_queue_id(message).unwrap_or("-");
    format!(
        "{} {} ({})",
        message["lab_id"].as_str().unwrap_or("?"),
        queue_id,
        message["notes"].as_str().unwrap_or("")
    )
}

/// The first hop's id: from the reply to the client, else (a local submission) from the Received chain.
fn first_queue_id(message: &Value) -> Option<&str> {
    message["queue_id"]
        .as_str()
        .or_else(|| message["queue_ids_seen"][0]["queue_id"].as_str())
}

fn document_of<'a>(message: &Value, by_queue_id: &HashMap<&str, Vec<&'a Value>>) -> Option<&'a Value> {
    let host = message["injected_host"].as_str()?;
    let sent = message["t"].as_f64()?;
    let distance = |document: &Value| (seconds(&document["@timestamp"]) - sent).abs();
    by_queue_id
        .get(first_queue_id(message)?)?
        .iter()
        .filter(|document| document["kind"] == "mail" && document["host"].as_str() == Some(host))
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .copied()
}

fn seconds(at: &Value) -> f64 {
    let at = chrono::DateTime::parse_from_rfc3339(at.as_str().unwrap_or_default());
    #[allow(clippy::cast_precision_loss)] // Milliseconds since 1970 are far below 2^52.
    let millis = at.map_or(0.0, |at| at.timestamp_millis() as f64);
    millis / 1000.0
}

fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

fn envelope_difference(message: &Value, document: &Value) -> Option<String> {
    let mut wrong = Vec::new();
    let sender = message["envelope_from"].as_str().unwrap_or_default();
    let notes = message["notes"].as_str().unwrap_or_default();
    let local = message["client_ip"].is_null();
    let same_address = |logged: &str| {
        let (logged, sent) = (
            logged.replace('"', "").to_lowercase(),
            sender.replace('"', "").to_lowercase(),
        );
        // The name under which a local user submits gets its domain later, and a shell took the quotes of one.
        logged == sent || (local && (sent.starts_with(&format!("{logged}@")) || sent.replace(" sender", "") == logged))
    };
    if !document["from"].as_str().is_some_and(same_address) {
        wrong.push(format!("sender {} is {}", sender, document["from"]));
    }
    if let Some(id) = message["message_id"].as_str().map(bare).filter(|id| !id.is_empty()) {
        let logged = document["message_id"].as_str().map_or("", bare);
        // sendmail logs the second of two, and cuts a long one.
        let another = notes.contains("Message-ID") && !notes.contains("odd") && !logged.is_empty();
        let cut = logged.len() >= 90 && id.starts_with(logged);
        if logged != id && !another && !cut {
            wrong.push(format!("message id <{id}> is {}", document["message_id"]));
        }
    }
    if let Some(ip) = message["client_ip"].as_str()
        && document["client"]["ip"].as_str() != Some(ip)
    {
        wrong.push(format!("client {ip} is {}", document["client"]["ip"]));
    }
    (!wrong.is_empty()).then(|| format!("{}: {}", name(message), wrong.join("; ")))
}

fn compare_recipient(
    message: &Value,
    recipient: &Value,
    document: Option<&Value>,
    documents: &[Value],
    result: &mut Agreement,
) {
    let address = recipient["addr"].as_str().unwrap_or_default();
    let truth = recipient["final"].as_str().unwrap_or_default();
    let accepted = message["accepted"] == true;
    // A client that was turned away before RCPT never asked for this recipient.
    if truth == "rejected" && !accepted && recipient["rcpt_reply"].is_null() {
        result.untold += 1;
        return;
    }
    if truth == "rejected" {
        result.refused += 1;
        if is_refused(message, address, document, documents) {
            result.refusals += 1;
        } else {
            result
                .differences
                .push(format!("{}: no refusal of {address}", name(message)));
        }
        return;
    }
    let right: &[&str] = match truth {
        "sent" => &["relayed", "delivered", "filtered", "expanded"],
        "bounced" => &["bounced", "relayed", "filtered", "expanded"],
        "expired" => &["expired", "relayed", "filtered", "expanded"],
        // The word of the journey is told where it ends.
        "discarded" if has_several_hosts(documents) => &["discarded", "relayed", "filtered"],
        "discarded" => &["discarded"],
        "held" => &["held"],
        "deleted" => &["deleted"],
        "probe-only" => &["probed"],
        _ => &[],
    };
    let (Some(document), true, false) = (document, accepted, right.is_empty()) else {
        result.untold += 1;
        return;
    };
    let told = told_fates(document, address, message["rcpts"].as_array().map_or(0, Vec::len) == 1);
    if told.is_empty() {
        result.untold += 1;
        result.differences.push(format!(
            "{}: the log does not say what became of {address} ({truth})",
            name(message)
        ));
        return;
    }
    result.recipients += 1;
    // Only an alias may do both: some of its destinations got it.
    let agrees = if truth == "bounced" || truth == "expired" {
        told.iter().any(|status| *status == truth) || told.iter().all(|status| right.contains(&status.as_str()))
    } else {
        told.iter().any(|status| right.contains(&status.as_str()))
    };
    if agrees {
        result.agreed += 1;
    } else {
        result.differences.push(format!(
            "{}: {address} was {truth}, the document says {}",
            name(message),
            told.join(", ")
        ));
    }
}

fn has_several_hosts(documents: &[Value]) -> bool {
    let mut mails = documents.iter().filter(|document| document["kind"] == "mail");
    let first = mails.next().map(|document| &document["host"]);
    mails.any(|document| Some(&document["host"]) != first)
}

/// The statuses of the recipient, by its address or the address asked for; the mail's own where it has only one.
fn told_fates(document: &Value, address: &str, only_one: bool) -> Vec<String> {
    let plain = |text: &Value| text.as_str().unwrap_or_default().replace('"', "").to_lowercase();
    let wanted = address.replace('"', "").to_lowercase();
    let local = wanted.split('@').next().unwrap_or_default();
    let recipients = document["to"].as_array().cloned().unwrap_or_default();
    let is = |recipient: &Value| {
        [plain(&recipient["address"]), plain(&recipient["orig"])]
            .iter()
            .any(|have| *have == wanted || have == local)
    };
    let mut told: Vec<_> = recipients.iter().filter(|recipient| is(recipient)).collect();
    if told.is_empty() && only_one {
        told = recipients.iter().collect();
    }
    if told.is_empty() && only_one {
        return vec![document["status"].as_str().unwrap_or_default().to_owned()];
    }
    told.iter()
        .map(|recipient| recipient["status"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn is_refused(message: &Value, address: &str, document: Option<&Value>, documents: &[Value]) -> bool {
    let same = |to: &Value| {
        to.as_str()
            .is_some_and(|to| to.replace('"', "").eq_ignore_ascii_case(&address.replace('"', "")))
    };
    let start = message["t"].as_f64().unwrap_or_default() - 1.5;
    let end = message["t_end"].as_f64().unwrap_or_default() + 1.5;
    let in_time = |at: &Value| (start..=end).contains(&seconds(at));
    let inside = |document: &Value| {
        document["reject"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|reject| same(&reject["to"]) && in_time(&reject["at"]))
    };
    // A refusal before RCPT or of the whole message names the client, the sender, or the first recipient.
    let whole = |document: &Value| {
        in_time(&document["@timestamp"])
            && (document["client"]["ip"] == message["client_ip"])
            && document["reject"].as_array().into_iter().flatten().any(|reject| {
                let stage = reject["stage"].as_str().unwrap_or_default();
                reject["to"].is_null() || !matches!(stage, "RCPT" | "check_rcpt")
            })
    };
    document.is_some_and(&inside)
        || documents
            .iter()
            .filter(|document| document["kind"] == "reject")
            .any(|document| {
                inside(document)
                    || (in_time(&document["@timestamp"]) && same(&document["to"][0]["address"]))
                    || whole(document)
            })
}
