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
    /// The corpus, as its truth names it.
    pub(crate) corpus: String,
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
    /// Notices that were received, and how many are linked both ways with what they are about.
    pub(crate) notices: usize,
    pub(crate) linked: usize,
    /// Every difference, and everything that the log does not say.
    pub(crate) remarks: Vec<Remark>,
}

/// A difference, or what is told apart and counts for neither side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Remark {
    /// The message, by its name in the truth.
    pub(crate) message: String,
    /// A recipient's address, or what of the envelope.
    pub(crate) about: String,
    /// What the truth and the documents say.
    pub(crate) says: String,
    /// Does it count against the documents?
    pub(crate) differs: bool,
}

impl Agreement {
    /// How many recipients are told apart.
    pub(crate) fn untold(&self) -> usize {
        self.remarks.iter().filter(|remark| !remark.differs).count()
    }

    /// The shares, then every remark with its reason, for a person.
    pub(crate) fn report(&self) -> String {
        let mut text = format!(
            "{} of {} accepted messages have a document, {} with the right sender, message id and client\n\
             {} of {} recipients have the true fate, {} are told apart\n\
             {} of {} refused recipients have their refusal\n\
             {} of {} notices are linked both ways\n",
            self.found,
            self.messages,
            self.envelope,
            self.agreed,
            self.recipients,
            self.untold(),
            self.refusals,
            self.refused,
            self.linked,
            self.notices,
        );
        let reasons = reasons(&self.corpus);
        for remark in &self.remarks {
            let sign = if remark.differs { "differs" } else { "apart" };
            let _ = writeln!(text, "  {sign}: {} {}: {}", remark.message, remark.about, remark.says);
            let reason = reasons.iter().find(|(explained, _)| explained.is_about(remark));
            let _ = writeln!(text, "      {}", reason.map_or("NOT EXPLAINED", |(_, reason)| reason));
        }
        text
    }

    fn remark(&mut self, message: &Value, about: &str, says: String, differs: bool) {
        self.remarks.push(Remark {
            message: message["lab_id"].as_str().unwrap_or("?").to_owned(),
            about: about.to_owned(),
            says,
            differs,
        });
    }
}

impl Remark {
    fn is_about(&self, other: &Self) -> bool {
        self.message == other.message && self.about == other.about && self.says == other.says
    }
}

/// The page that explains each remark of the lab's corpora, one row each.
const PAGE: &str = include_str!("../../tests/TRUTH.md");

/// The remarks about a corpus that are explained, with the reasons.
pub(crate) fn reasons(corpus: &str) -> Vec<(Remark, &'static str)> {
    let section = PAGE
        .split("\n## ")
        .find(|section| section.lines().next() == Some(corpus));
    let rows = section.unwrap_or_default().lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [differs, message, about, says, reason] = cells.as_slice() else {
            return None;
        };
        let remark = Remark {
            message: (*message).to_owned(),
            about: (*about).to_owned(),
            says: (*says).to_owned(),
            differs: *differs == "differs",
        };
        matches!(*differs, "differs" | "apart").then_some((remark, *reason))
    });
    rows.collect()
}

/// Compares the documents of one corpus with its truth.
pub(crate) fn agreement(documents: &[Value], truth: &[Value]) -> Agreement {
    let corpus = truth.iter().find_map(|entry| entry["corpus"].as_str());
    let mut result = Agreement {
        corpus: corpus.unwrap_or_default().to_owned(),
        ..Agreement::default()
    };
    let mut by_queue_id: HashMap<&str, Vec<&Value>> = HashMap::new();
    for document in documents {
        if let Some(queue_id) = document["queue_id"].as_str() {
            by_queue_id.entry(queue_id).or_default().push(document);
        }
    }
    for message in truth.iter().filter(|entry| entry["kind"] == "message") {
        let named = document_of(message, &by_queue_id);
        let document = named.or_else(|| local_submission(message, documents));
        if message["accepted"] == true {
            result.messages += 1;
            match document {
                Some(document) => {
                    result.found += 1;
                    let wrong = envelope_differences(message, document);
                    result.envelope += usize::from(wrong.is_empty());
                    for (about, says) in wrong {
                        result.remark(message, about, says, true);
                    }
                }
                None => result.remark(message, "message", "no document".to_owned(), true),
            }
        }
        for recipient in message["rcpts"].as_array().into_iter().flatten() {
            compare_recipient(message, recipient, document, documents, &mut result);
        }
        compare_notices(message, &by_queue_id, &mut result);
    }
    result
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

/// A local submission whose id neither a delivered copy nor a bounce tells: by user, recipients and time, where only one
/// document fits.
fn local_submission<'a>(message: &Value, documents: &'a [Value]) -> Option<&'a Value> {
    let user = message["envelope_from"].as_str()?.split('@').next()?;
    let unknown = first_queue_id(message).is_none() && message["client_ip"].is_null();
    let local_part = |address: &Value| Some(address.as_str()?.split('@').next()?.to_lowercase());
    let asked: Vec<_> = message["rcpts"]
        .as_array()?
        .iter()
        .filter_map(|to| local_part(&to["addr"]))
        .collect();
    let (from, to) = (message["t"].as_f64()?.floor(), message["t_end"].as_f64()? + 0.01);
    let fits = |document: &&Value| {
        let named = document["to"].as_array().into_iter().flatten();
        let is_asked = |to: &Value| local_part(&to["address"]).is_some_and(|name| asked.contains(&name));
        matches!(document["kind"].as_str(), Some("mail" | "reject"))
            && document["host"] == message["injected_host"]
            && document["client"]["ip"].is_null()
            && (from..=to).contains(&seconds(&document["@timestamp"]))
            && document["from"]
                .as_str()
                .is_some_and(|from| from.split('@').next() == Some(user))
            && named.clone().all(is_asked)
    };
    let mut found: Vec<_> = documents.iter().filter(|_| unknown).filter(fits).collect();
    // A subject, or that the command failed, tells several of one second apart.
    let is_failure = |document: &&Value| (document["kind"] == "reject") != (message["accepted"] == true);
    if found.len() > 1 && found.iter().any(is_failure) {
        found.retain(is_failure);
    }
    let has_subject = |document: &&Value| document["subject"] == message["subject"];
    if found.len() > 1 && found.iter().any(has_subject) {
        found.retain(has_subject);
    }
    match found.as_slice() {
        [document] => Some(document),
        _ => None,
    }
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

fn envelope_differences(message: &Value, document: &Value) -> Vec<(&'static str, String)> {
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
    let told = |what: &Value| what.as_str().map_or("none".to_owned(), |text| format!("<{text}>"));
    if !document["from"].as_str().is_some_and(same_address) {
        wrong.push((
            "sender",
            format!("<{sender}>, the document says {}", told(&document["from"])),
        ));
    }
    if let Some(id) = message["message_id"].as_str().map(bare).filter(|id| !id.is_empty()) {
        let logged = document["message_id"].as_str().map_or("", bare);
        // sendmail logs the second of two, and cuts a long one.
        let another = notes.contains("Message-ID") && !notes.contains("odd") && !logged.is_empty();
        let cut = logged.len() >= 90 && id.starts_with(logged);
        if logged != id && !another && !cut {
            wrong.push((
                "message id",
                format!("<{id}>, the document says {}", told(&document["message_id"])),
            ));
        }
    }
    if let Some(ip) = message["client_ip"].as_str()
        && document["client"]["ip"].as_str() != Some(ip)
    {
        wrong.push((
            "client",
            format!("{ip}, the document says {}", told(&document["client"]["ip"])),
        ));
    }
    wrong
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
        let says = format!("never asked for, {}", witness(message, documents));
        result.remark(message, address, says, false);
        return;
    }
    if truth == "rejected" {
        result.refused += 1;
        if is_refused(message, address, document, documents) {
            result.refusals += 1;
        } else {
            result.remark(message, address, "rejected, no document says so".to_owned(), true);
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
    let told = |document: &Value| told_fates(document, address, message["rcpts"].as_array().map_or(0, Vec::len) == 1);
    let happened = accepted || recipient["final_confirmed"] == true;
    let Some(document) = document.filter(|_| happened && !right.is_empty()) else {
        let says = match document {
            Some(document) => in_other_words(&told(document), document),
            None => witness(message, documents),
        };
        let exit = message["exit_status"].as_i64().filter(|_| !accepted);
        let exit = exit
            .map(|status| format!(" by design, exit status {status}"))
            .unwrap_or_default();
        result.remark(message, address, format!("{truth}{exit}, {says}"), false);
        return;
    };
    let told = told(document);
    if told.is_empty() {
        let says = format!("{truth}, {}", in_other_words(&told, document));
        result.remark(message, address, says, false);
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
        result.remark(
            message,
            address,
            format!("{truth}, {}", in_other_words(&told, document)),
            true,
        );
    }
}

fn in_other_words(told: &[String], document: &Value) -> String {
    let whole = document["status"].as_str().unwrap_or_default();
    match told {
        [] => format!("no line names it, the mail as a whole is {whole}"),
        told => format!("the document says {}", told.join(" + ")),
    }
}

/// What the log tells of a client of which there is no mail.
fn witness(message: &Value, documents: &[Value]) -> String {
    let (from, to) = (
        message["t"].as_f64().unwrap_or_default().floor(),
        message["t_end"].as_f64().unwrap_or_default() + 1.1,
    );
    let reply = message["smtp_reply_to_client"].as_str().unwrap_or_default();
    let code: Option<u64> = reply.get(..3).and_then(|code| code.parse().ok());
    let of_client = documents.iter().filter(|document| {
        document["client"]["ip"] == message["client_ip"]
            && !message["client_ip"].is_null()
            && seconds(&document["@timestamp"]) <= to
            && seconds(&document["end"]) >= from
    });
    let said = |kind: &str, word: fn(&Value) -> Option<String>| {
        let mut words: Vec<_> = of_client
            .clone()
            .filter(|document| document["kind"] == kind)
            .filter_map(word)
            .collect();
        words.sort();
        words.dedup();
        words
    };
    let refused: Vec<_> = of_client
        .clone()
        .flat_map(|document| document["reject"].as_array().into_iter().flatten())
        .filter(|reject| code.is_some() && reject["code"].as_u64() == code)
        .filter_map(|reject| reject["stage"].as_str())
        .collect();
    let mut reasons: Vec<_> = of_client
        .clone()
        .filter(|document| document["kind"] == "reject")
        .flat_map(|document| document["reject"].as_array().into_iter().flatten())
        .filter_map(|reject| {
            Some(format!(
                "at {}: {}",
                reject["stage"].as_str()?,
                reject["reason"].as_str()?
            ))
        })
        .collect();
    reasons.sort();
    let outcome: fn(&Value) -> Option<String> = |document| document["outcome"].as_str().map(str::to_owned);
    let (sessions, mails) = (said("session", outcome), said("mail", outcome));
    if let (Some(stage), Some(code)) = (refused.first(), code) {
        format!("the log tells a refusal at {stage} with {code}")
    } else if !mails.is_empty() {
        format!("the log tells a mail that never came: {}", mails.join(" + "))
    } else if !sessions.is_empty() {
        format!("the log tells a session: {}", sessions.join(" + "))
    } else if let Some(reason) = reasons.first() {
        format!("the log tells a refusal {reason}")
    } else {
        "the log does not say".to_owned()
    }
}

/// The notices that the sender and the postmaster received, against the documents' links.
fn compare_notices(message: &Value, by_queue_id: &HashMap<&str, Vec<&Value>>, result: &mut Agreement) {
    let label = |host: &Value| {
        host.as_str()
            .and_then(|host| host.split('.').next())
            .unwrap_or_default()
            .to_owned()
    };
    let find = |host: &str, queue_id: &str| {
        let same = by_queue_id.get(queue_id).into_iter().flatten();
        same.copied()
            .filter(|document| label(&document["host"]) == host)
            .collect::<Vec<_>>()
    };
    let links = |document: &Value| -> Vec<(String, String)> {
        let links = document["links"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        links
            .map(|link| (text(&link["rel"]), text(&link["queue_id"])))
            .collect()
    };
    for notice in message["dsns"].as_array().into_iter().flatten() {
        let mut ids = notice["dsn_queue_ids"].as_array().into_iter().flatten();
        let Some(first) = ids.find(|id| label(&id["host"]) != "localhost") else {
            continue;
        };
        result.notices += 1;
        let (host, own) = (label(&first["host"]), first["queue_id"].as_str().unwrap_or_default());
        let about = notice["reporting"]["X-Postfix-Queue-ID"].as_str();
        let parents = |own: &str| -> Vec<String> {
            let links = find(&host, own).into_iter().flat_map(links);
            links
                .filter(|(rel, _)| rel.ends_with("_of"))
                .map(|(_, queue_id)| queue_id)
                .collect()
        };
        let names_back = |parent: &String| {
            let mut links = find(&host, parent).into_iter().flat_map(links);
            links.any(|(rel, queue_id)| queue_id == own && !rel.ends_with("_of"))
        };
        // A double bounce quotes the message, and is about its bounce.
        let is_about = |parent: &String| {
            about.is_none_or(|about| parent == about || parents(parent).iter().any(|parent| parent == about))
        };
        if parents(own).iter().any(|parent| names_back(parent) && is_about(parent)) {
            result.linked += 1;
        } else {
            result.remark(message, "notice", format!("{host} {own} is linked to nothing"), true);
        }
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
    // `too many errors` is all that is said of the recipient at which the server hung up.
    let hung_up = |document: &Value| {
        document["outcome"] == "too_many_errors"
            && document["client"]["ip"] == message["client_ip"]
            && in_time(&document["end"])
            && message["smtp_reply_to_client"]
                .as_str()
                .is_some_and(|reply| reply.starts_with("421"))
    };
    document.is_some_and(&inside)
        || documents.iter().any(hung_up)
        || documents
            .iter()
            .filter(|document| document["kind"] == "reject")
            .any(|document| {
                inside(document)
                    || (in_time(&document["@timestamp"]) && same(&document["to"][0]["address"]))
                    || whole(document)
            })
}
