//! The end of a story: what became of the message, for each recipient that was asked for.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;

use crate::answer::{Story, Told};
use crate::query::journey::Fate;
use crate::transaction::{Relation, Status, Transaction};

use super::{clock, day, is_missing, left_early, plural, style};
use crate::command::escape::escape;

/// The last word on each recipient that was asked for, in plain language.
pub(super) fn last_words(journey: &Story, first: &Transaction, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}What became of it{bold:#}")?;
    if journey.recipients.is_empty() {
        return writeln!(out, "  {}", without_recipients(first));
    }
    let mut originals: Vec<(&str, Vec<&Told>)> = Vec::new();
    for told in &journey.recipients {
        let asked_for = told.fate.asked_for.as_str();
        match originals
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(asked_for))
        {
            Some((_, places)) => places.push(told),
            None => originals.push((asked_for, vec![told])),
        }
    }
    let mut before: Option<&Told> = None;
    for (asked_for, places) in originals {
        let several = places.len() > 1;
        if several {
            writeln!(
                out,
                "  {} went to {} places: {}.",
                escape(asked_for),
                places.len(),
                sum(&places)
            )?;
        }
        for told in places {
            tell(told, several, journey, out)?;
            meaning(told, before, out)?;
            before = Some(told);
        }
    }
    if is_expanded_without_trace(first) {
        let taken = first.nrcpt.unwrap_or_default();
        writeln!(
            out,
            "  {} took {taken} recipient{}, and these are where the mail went: sendmail does not log which address an alias, \
             a list or a .forward expands.",
            escape(&first.host),
            plural(taken)
        )?;
    }
    Ok(())
}

/// One place where the mail went; `several`: of an address that went to several.
fn tell(told: &Told, several: bool, journey: &Story, out: &mut dyn Write) -> io::Result<()> {
    let fate = &told.fate;
    let style = style(fate.status);
    let asked = if several || fate.asked_for.eq_ignore_ascii_case(&fate.address) {
        String::new()
    } else {
        format!(" (asked for: {})", escape(&fate.asked_for))
    };
    let indent = if several { "    " } else { "  " };
    let sentence = sentence(fate, journey);
    writeln!(
        out,
        "{indent}{style}{}{style:#}{asked}: {sentence}",
        escape(&fate.address)
    )?;
    for line in &told.evidence {
        writeln!(out, "      | {}", escape(line))?;
    }
    Ok(())
}

/// `1 delivered, 2 relayed, 1 bounced`
fn sum(places: &[&Told]) -> String {
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    for told in places {
        *counts.entry(told.fate.status).or_default() += 1;
    }
    let counts = counts
        .iter()
        .map(|(status, count)| format!("{count} {}", status.word()));
    counts.collect::<Vec<_>>().join(", ")
}

/// More recipients than sendmail took, and none of them names the address asked for.
fn is_expanded_without_trace(first: &Transaction) -> bool {
    let named = first.to.iter().any(|to| to.orig.is_some());
    let cloned = first.to.is_empty() && first.links.iter().any(|link| link.rel == Relation::ClonedTo);
    let more = first.nrcpt.is_some_and(|nrcpt| first.to.len() as u64 > nrcpt);
    first.mta.as_deref() == Some("sendmail") && !named && (more || cloned)
}

/// Why, and what next; not again where it is what was just told.
fn meaning(told: &Told, before: Option<&Told>, out: &mut dyn Write) -> io::Result<()> {
    let (Some(why), Some(next)) = (&told.why, &told.next) else {
        return Ok(());
    };
    if before.is_some_and(|before| before.cause == told.cause && before.next == told.next) {
        return writeln!(out, "    Next: as above");
    }
    // What went well explains itself.
    if !told.fate.status.is_success() {
        writeln!(out, "    Why: {}", escape(why))?;
    }
    writeln!(out, "    Next: {}", escape(next))
}

fn without_recipients(first: &Transaction) -> &'static str {
    match first.status.as_str() {
        "queued" if first.nrcpt == Some(0) => "No recipient was taken, so there was no message.",
        "queued" if first.outcome.is_some() => "No message came: its client left before that.",
        "queued" if !first.open => "It has left the queue; the lines that name its recipients are missing.",
        "bounced" => "It was given back; no line names the recipient.",
        "expired" => "It was given up; no line names the recipient.",
        "rejected" => "It was refused and never taken.",
        "greylisted" => "It was refused for now (greylisting); the sender's server is expected to come again.",
        "discarded" => "It was taken and thrown away by rule.",
        "held" => "It is on hold: a person must release it.",
        "deleted" => "It was deleted from the queue.",
        "warned" => "A rule noticed it and let it pass.",
        _ => "It was taken; the log does not say more.",
    }
}

fn sentence(fate: &Fate, journey: &Story) -> String {
    let host = &fate.host;
    let at = fate
        .at
        .map(|at| format!(" on {} at {} UTC", day(at), clock(at)))
        .unwrap_or_default();
    let words = fate
        .response
        .as_deref()
        .map(str::trim)
        .filter(|words| !words.is_empty());
    let words = words
        .map(|words| {
            format!(
                " In its words: {}{}",
                escape(words),
                if words.ends_with('.') { "" } else { "." }
            )
        })
        .unwrap_or_default();
    let hop = journey.last_hop(fate);
    if !fate.status.is_final() && hop.and_then(left_early).is_some() {
        return format!("never taken: the client left {host} before the message was complete.");
    }
    let lost = hop.is_some_and(|hop| is_missing(hop, "end"));
    let recipient = hop.and_then(|hop| hop.to.iter().find(|to| to.address == fate.address));
    let relay = recipient
        .and_then(|to| to.relay.as_ref())
        .and_then(|relay| relay.host.as_deref().or(relay.ip.as_deref()));
    let relay = relay.map(|relay| escape(relay).into_owned());
    let there = relay.clone().unwrap_or_else(|| "the next server".to_owned());
    let tries = recipient.map_or(0, |to| to.attempts);
    let tries = format!("{tries} attempt{}", plural(tries));
    match fate.status {
        Status::Delivered => format!(
            "delivered on {host}{at} ({}).",
            relay.unwrap_or_else(|| "mailbox".to_owned())
        ),
        Status::Relayed => format!("accepted by {there}{at}; what happens there is in that server's log.{words}"),
        Status::Filtered => format!("handed to the filter {there}{at}; its second leg is not in the index."),
        Status::Expanded => format!("goes on under another address or queue id from {host}{at}."),
        Status::Probed => format!("only asked whether the address exists{at}; no mail was sent.{words}"),
        Status::Queued | Status::Deferred if lost => {
            format!(
                "not delivered as far as the log goes: {host} had it, after {tries}, and no later line tells of it.{words}"
            )
        }
        Status::Queued => format!("still in the queue of {host}; nothing was tried yet."),
        Status::Deferred => format!("not yet delivered: {host} tries again ({tries} so far, the last{at}).{words}"),
        Status::Held => format!("on hold on {host}: a person must release it."),
        Status::Bounced => format!("refused for good{at}, given back by {host}.{words}{}", told(journey)),
        Status::Expired => format!(
            "given up by {host} after {tries}, the last{at}.{words}{}",
            told(journey)
        ),
        Status::Rejected => format!("refused by {host}{at}, never taken.{words}"),
        Status::Discarded => format!("thrown away by a rule of {host}."),
        Status::Deleted => format!("deleted from the queue of {host} by a person."),
    }
}

/// Was the sender told?
fn told(journey: &Story) -> String {
    let bounce = journey
        .links
        .iter()
        .filter(|link| link.rel == "bounce")
        .find_map(|link| journey.notices.iter().find(|notice| notice.id == link.to));
    match bounce {
        None => " No notice to the sender was seen.".to_owned(),
        Some(notice) => {
            let to = notice.to.first();
            let who = to.map_or("the sender".to_owned(), |to| escape(&to.address).into_owned());
            let how = to.map_or("queued".to_owned(), |to| to.status.word().to_owned());
            format!(
                " {who} was told ({} {how}).",
                notice.queue_id.as_deref().unwrap_or("a notice")
            )
        }
    }
}
