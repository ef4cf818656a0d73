//! `mailtrail who`: the incident view of a login, an address, a client or a domain.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write as _};

use anstyle::Style;
use anyhow::Result;

use crate::answer;
use crate::answer::who::{Hour, Named, Who};
use crate::cli::{Global, WhoArgs};
use crate::line::Moment;

use super::escape::escape;
use super::output::Output;
use super::{Ending, asked, config, looked, opened, when};

/// Runs it.
pub(super) fn run(global: &Global, args: &WhoArgs, output: &mut Output) -> Result<Ending> {
    let frame = when::frame(&args.time)?;
    let ask = asked(&config(global)?, false)?;
    let subject = args.subject.trim();
    let store = opened(global)?;
    let who = answer::who(store.as_ref(), subject, &frame.query(), ask)?;
    let found = who.first.is_some();
    if output.json {
        output.object(&who)?;
    } else if found {
        print(&who, args.limit, output)?;
    } else {
        let worth = looked::worth(
            &answer::coverage(store.as_ref(), frame)?,
            frame.until.is_none(),
            ask.now,
        );
        output.note(&format!(
            "nothing is known about `{}`: no message, refusal, session or record has it as login, client, sender or recipient{worth}",
            escape(subject)
        ));
    }
    Ok(if found { Ending::Done } else { Ending::No })
}

fn print(who: &Who, limit: usize, out: &mut Output) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(
        out,
        "{bold}{}{bold:#}: seen from {} to {} UTC",
        escape(&who.subject),
        clock(who.first),
        clock(who.last)
    )?;
    mail(who, out)?;
    loud(&who.hours, limit, out)?;
    list("Where it came from (messages sent)", &who.clients, limit, out)?;
    refusals(who, limit, out)?;
    logins(who, limit, out)?;
    records(who, limit, out)?;
    queued(who, limit, out)?;
    warn(who, limit, out)?;
    if who.approximate {
        writeln!(
            out,
            "\nThere were too many names to count them all: the lists are not complete."
        )?;
    }
    Ok(())
}

/// What it sent, and what was sent to it.
fn mail(who: &Who, out: &mut Output) -> io::Result<()> {
    let sent: u64 = who.mails.values().sum();
    if sent > 0 {
        let people: u64 = who.outcomes.values().sum();
        writeln!(
            out,
            "\nSent {sent} message{} from {} on, for {people} recipient{}: {}",
            plural(sent),
            clock(who.first_mail),
            plural(people),
            counts(who.outcomes.iter().map(|(status, count)| (status.word(), count)))
        )?;
    } else {
        writeln!(out, "\nSent no message.")?;
    }
    if !who.received.is_empty() {
        let mut received: Vec<(&str, u64)> = who
            .received
            .iter()
            .map(|(status, count)| (status.word(), *count))
            .collect();
        received.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        writeln!(out, "Mail to it, by recipient: {}", counts(received.into_iter()))?;
    }
    if !who.sessions.is_empty() {
        let total: u64 = who.sessions.values().sum();
        writeln!(
            out,
            "Came {total} time{} without sending mail: {}",
            plural(total),
            by_word(&who.sessions)
        )?;
    }
    Ok(())
}

fn loud(hours: &[Hour], limit: usize, out: &mut Output) -> io::Result<()> {
    let loud: Vec<&Hour> = hours.iter().filter(|hour| hour.stands_out).collect();
    if loud.is_empty() {
        return Ok(());
    }
    let mut middle: Vec<u64> = hours.iter().map(|hour| hour.mails).collect();
    middle.sort_unstable();
    let middle = middle.get(middle.len() / 2).copied().unwrap_or_default();
    title(&format!("Hours that stand out (UTC; its usual hour has {middle})"), out)?;
    for hour in loud.iter().take(limit) {
        writeln!(out, "  {:>7}  {}:00", hour.mails, hour.hour.replace('T', " "))?;
    }
    more(loud.len(), limit, out)
}

fn refusals(who: &Who, limit: usize, out: &mut Output) -> io::Result<()> {
    if who.rejects == 0 {
        return Ok(());
    }
    title(&format!("Refused {} time{}", who.rejects, plural(who.rejects)), out)?;
    for reason in who.reasons.iter().take(limit) {
        writeln!(out, "  {:>7}  {}", reason.count, escape(&reason.example))?;
    }
    more(who.reasons.len(), limit, out)
}

fn logins(who: &Who, limit: usize, out: &mut Output) -> io::Result<()> {
    let (all, before) = (who.failed_logins, who.failed_logins_before);
    if all == 0 {
        return Ok(());
    }
    let when = match (who.first_mail, before) {
        (None, _) => String::new(),
        (Some(_), 0) => ", none of them before its first message".to_owned(),
        (Some(_), _) => format!(", {before} of them before its first message"),
    };
    list(&format!("Failed logins: {all}{when}"), &who.login_failures, limit, out)
}

fn records(who: &Who, limit: usize, out: &mut Output) -> io::Result<()> {
    let total: u64 = who.record_rules.values().sum();
    if total == 0 {
        return Ok(());
    }
    title(
        &format!("Other lines about it: {total} ({})", by_word(&who.record_rules)),
        out,
    )?;
    for record in who.records.iter().take(limit) {
        writeln!(
            out,
            "  {}  {}  {}: {}",
            clock(Some(record.at)),
            escape(&record.host),
            escape(&record.program),
            escape(&record.text)
        )?;
    }
    more(usize::try_from(total).unwrap_or(usize::MAX), limit, out)
}

fn queued(who: &Who, limit: usize, out: &mut Output) -> io::Result<()> {
    if who.queued_total == 0 {
        return Ok(());
    }
    title(
        &format!(
            "Without a last word: {} (if this is abuse, stop these first)",
            who.queued_total
        ),
        out,
    )?;
    for queued in who.queued.iter().take(limit) {
        let lost = if queued.lost {
            "  older than a queue keeps mail: its end is missing in the log"
        } else {
            ""
        };
        writeln!(
            out,
            "  {}  {}  {}  {}{lost}",
            clock(Some(queued.at)),
            escape(&queued.host),
            escape(&queued.queue_id),
            queued.status
        )?;
    }
    more(usize::try_from(who.queued_total).unwrap_or(usize::MAX), limit, out)
}

/// Those who have something from it.
fn warn(who: &Who, limit: usize, out: &mut Output) -> io::Result<()> {
    let reached = who.recipients.iter().filter(|to| to.reached > 0);
    let mut reached: Vec<Named> = reached
        .map(|to| Named {
            name: to.name.clone(),
            count: to.reached,
        })
        .collect();
    reached.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    let title = format!(
        "Whom to warn, if this is abuse: {} address{} took its mail",
        reached.len(),
        if reached.len() == 1 { "" } else { "es" }
    );
    list(&title, &reached, limit, out)
}

fn list(head: &str, names: &[Named], limit: usize, out: &mut Output) -> io::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    title(head, out)?;
    for named in names.iter().take(limit) {
        writeln!(out, "  {:>7}  {}", named.count, escape(&named.name))?;
    }
    more(names.len(), limit, out)
}

fn title(head: &str, out: &mut Output) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}{head}{bold:#}")
}

fn more(total: usize, limit: usize, out: &mut Output) -> io::Result<()> {
    if total > limit {
        writeln!(out, "  and {} more: -n {total}, or --json", total - limit)?;
    }
    Ok(())
}

/// `4 relayed, 1 bounced`
fn counts<W: Display, C: Display>(counts: impl Iterator<Item = (W, C)>) -> String {
    let words: Vec<String> = counts.map(|(word, count)| format!("{count} {word}")).collect();
    words.join(", ")
}

fn by_word(words: &BTreeMap<String, u64>) -> String {
    counts(words.iter().map(|(word, count)| (escape(word), count)))
}

fn clock(at: Option<Moment>) -> String {
    let at = at.map(|at| at.rfc3339().replace('T', " ").chars().take(19).collect::<String>());
    at.unwrap_or_default()
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
