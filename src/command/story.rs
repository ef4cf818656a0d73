//! A journey told to a person: who sent what to whom, each hop, each attempt in the remote's words, the last word.

mod ending;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::answer::Story;
use crate::line::Moment;
use crate::query::journey::JourneyLink;
use crate::transaction::{Attempt, Client, Recipient, Relay, Status, Transaction, TransactionKind};

use super::escape::escape;
use super::table::sender;

/// Prints the story; with the raw lines that it still has.
pub(super) fn print(journey: &Story, out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = journey.hops.first() else {
        return Ok(());
    };
    title(journey, first, out)?;
    for hop in &journey.hops {
        writeln!(out)?;
        tell_hop(hop, journey, out)?;
        if is_missing(hop, "end") {
            writeln!(out, "            {WITHOUT_END}")?;
        }
        for line in &hop.lines {
            writeln!(out, "      | {}", escape(line))?;
        }
    }
    notices(journey, out)?;
    ending::last_words(journey, first, out)
}

fn title(journey: &Story, first: &Transaction, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let id = journey
        .message_id
        .as_deref()
        .map_or("Message without a Message-ID".to_owned(), |id| format!("<{id}>"));
    let subject = first
        .subject
        .as_deref()
        .map(|subject| format!("  \"{}\"", escape(subject)))
        .unwrap_or_default();
    writeln!(out, "{bold}{}{bold:#}{subject}", escape(&id))?;
    let size = first.size.map(|size| format!(", {size} bytes")).unwrap_or_default();
    let client = first
        .client
        .as_ref()
        .map(|client| format!(", handed in by {}", name_client(client)))
        .unwrap_or_default();
    let submitter = first
        .extra
        .get("submitter")
        .filter(|_| first.client.as_ref().is_none_or(|client| client.ip.is_none()));
    let submitter = submitter
        .map(|user| format!(", submitted on {} by {}", first.host, escape(user)))
        .unwrap_or_default();
    writeln!(out, "from {}{size}{client}{submitter}", escape(&sender(first)))
}

/// `app1.site.example [192.0.2.50] as ann`
fn name_client(client: &Client) -> String {
    let mut name = client
        .host
        .as_deref()
        .map(|host| escape(host).into_owned())
        .unwrap_or_default();
    if let Some(ip) = &client.ip {
        let separator = if name.is_empty() { "" } else { " " };
        name = format!("{name}{separator}[{}]", escape(ip));
    }
    if let Some(user) = &client.sasl_user {
        name = format!("{name} as {}", escape(user));
    }
    name
}

fn tell_hop(hop: &Transaction, journey: &Story, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    let mta = hop.mta.as_deref().unwrap_or("?");
    let queue_id = hop.queue_id.as_deref().unwrap_or("no queue id");
    let date = hop.at.rfc3339();
    writeln!(
        out,
        "{bold}{}  {queue_id}{bold:#}  {mta}, {} UTC",
        escape(&hop.host),
        date.get(..10).unwrap_or(&date)
    )?;
    for link in journey.links.iter().filter(|link| link.to == hop.id) {
        if let Some(before) = journey.hops.iter().find(|other| other.id == link.from) {
            writeln!(out, "            {}", tell_link(link, before))?;
        }
    }
    for reject in &hop.reject {
        let stage = reject
            .stage
            .as_deref()
            .map(|stage| format!(" at {stage}"))
            .unwrap_or_default();
        let to = reject
            .to
            .as_deref()
            .map(|to| format!("{}: ", escape(to)))
            .unwrap_or_default();
        let code = [reject.code.map(|code| code.to_string()), reject.dsn.clone()]
            .into_iter()
            .flatten();
        let code: String = code.map(|word| word + " ").collect();
        writeln!(
            out,
            "  {}  {to}{}{}{stage}",
            clock(reject.at),
            red(),
            escape(&reject.action)
        )?;
        write!(out, "{:#}", red())?;
        writeln!(out, "            {code}{}", escape(&reject.reason))?;
    }
    if hop.kind != TransactionKind::Mail {
        return Ok(());
    }
    taken(hop, out)?;
    let mut attempts: Vec<(&Recipient, Option<&Attempt>)> = Vec::new();
    for recipient in &hop.to {
        attempts.extend(recipient.history.iter().map(|attempt| (recipient, Some(attempt))));
        if recipient.history.is_empty() {
            attempts.push((recipient, None));
        }
    }
    attempts.sort_by_key(|(_, attempt)| attempt.map_or(hop.end, |attempt| attempt.at));
    let mut said_before = "";
    let mut today = day(hop.at);
    for (recipient, attempt) in attempts {
        let that_day = attempt.map_or_else(|| today.clone(), |attempt| day(attempt.at));
        if that_day != today {
            writeln!(out, "  {that_day}")?;
            today = that_day;
        }
        said_before = tell_attempt(recipient, attempt, said_before, out)?;
    }
    for (status, count) in &hop.to_more {
        writeln!(out, "            and {count} more recipients: {}", status.word())?;
    }
    for warning in &hop.warnings {
        writeln!(out, "            warning: {}", escape(warning))?;
    }
    if let Some(left) = left_early(hop) {
        writeln!(out, "            {left}")?;
    }
    if let Some(unheard) = hop.unheard.filter(|_| hop.open) {
        writeln!(
            out,
            "            nothing heard yet of {unheard} of its {} recipients",
            hop.nrcpt.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// `from mx1 4jYRYh4dPhz1WjxX: queued as A51B59F62ED (certain)`
fn tell_link(link: &JourneyLink, before: &Transaction) -> String {
    let before = format!("{} {}", before.host, before.queue_id.as_deref().unwrap_or("-"));
    format!(
        "from {}: {} ({})",
        escape(&before),
        escape(&link.evidence),
        certainty(link)
    )
}

fn certainty(link: &JourneyLink) -> &'static str {
    if link.sure {
        "certain"
    } else {
        "likely: it could fit another message"
    }
}

fn is_missing(hop: &Transaction, what: &str) -> bool {
    hop.missing.iter().any(|missing| missing == what)
}

/// Of mail that is older than its queue's lifetime and has no last word.
const WITHOUT_END: &str = "its end was never logged, though it is older than its queue keeps mail: lines are missing, or a \
                           person took it out of the queue, or it was given up without a notice";

/// A client that left before there was a message.
fn left_early(hop: &Transaction) -> Option<&'static str> {
    match hop.outcome.as_deref()? {
        "timeout" => Some("its client fell silent before the message was complete: nothing was taken"),
        "no_mail" => Some("its client sent no message: nothing was taken"),
        _ => Some("its client was gone before the message was complete: nothing was taken"),
    }
}

fn taken(hop: &Transaction, out: &mut dyn Write) -> io::Result<()> {
    let from = match &hop.client {
        Some(client) if client.ip.is_some() || client.host.is_some() => format!("taken from {}", name_client(client)),
        _ if is_missing(hop, "start") => {
            "its start is missing: no line that was read tells when it came and from whom".to_owned()
        }
        _ => "taken on this host".to_owned(),
    };
    let count = hop
        .nrcpt
        .map(|count| format!(", for {count} recipient{}", plural(count)))
        .unwrap_or_default();
    writeln!(out, "  {}  {from}{count}", clock(hop.at))
}

/// One attempt; the remote's words only where they differ from those just told.
fn tell_attempt<'a>(
    recipient: &'a Recipient,
    attempt: Option<&'a Attempt>,
    said_before: &str,
    out: &mut dyn Write,
) -> io::Result<&'a str> {
    let Some(attempt) = attempt else {
        let style = style(recipient.status);
        writeln!(
            out,
            "            {}: {style}{}{style:#}",
            name_recipient(recipient),
            recipient.status.word()
        )?;
        return Ok("");
    };
    let style = style(attempt.status);
    let relay = attempt
        .relay
        .as_ref()
        .map(|relay| by(attempt.status, relay))
        .unwrap_or_default();
    writeln!(
        out,
        "  {}  {}: {style}{}{style:#}{relay}",
        clock(attempt.at),
        name_recipient(recipient),
        attempt.status.word()
    )?;
    let words = attempt.response.as_deref().unwrap_or_default();
    if !words.is_empty() && words != said_before {
        writeln!(out, "            {}", escape(words))?;
    }
    let is_last_shown = recipient.history.len() == 10 && recipient.history.get(2) == Some(attempt);
    if is_last_shown && recipient.attempts > 10 {
        writeln!(
            out,
            "            ... and {} more attempt{} ...",
            recipient.attempts - 10,
            plural(recipient.attempts - 10)
        )?;
    }
    Ok(words)
}

fn name_recipient(recipient: &Recipient) -> String {
    match &recipient.orig {
        Some(orig) => format!("{} (for {})", escape(&recipient.address), escape(orig)),
        None => escape(&recipient.address).into_owned(),
    }
}

/// ` by mx.good.example [198.51.100.10]`
fn by(status: Status, relay: &Relay) -> String {
    let word = match status {
        Status::Relayed => "to",
        Status::Filtered => "through",
        _ => "by",
    };
    let host = relay
        .host
        .as_deref()
        .map(|host| escape(host).into_owned())
        .unwrap_or_default();
    // A relay that is named by its address needs it only once.
    let ip = relay.ip.as_deref().filter(|ip| relay.host.as_deref() != Some(*ip));
    let ip = ip.map(|ip| format!(" [{}]", escape(ip))).unwrap_or_default();
    format!(" {word} {}", format!("{host}{ip}").trim_start())
}

fn notices(journey: &Story, out: &mut dyn Write) -> io::Result<()> {
    if journey.notices.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}Notices{:#}", Style::new().bold(), Style::new().bold())?;
    for notice in &journey.notices {
        let link = journey
            .links
            .iter()
            .find(|link| link.to == notice.id || link.from == notice.id);
        let about = link.is_some_and(|link| link.from == notice.id);
        let what = link.map_or("notice", |link| link.rel.as_str()).replace('_', " ");
        let what = if about { format!("this is a {what} of") } else { what };
        let to: Vec<_> = notice
            .to
            .iter()
            .map(|to| format!("{}: {}", escape(&to.address), to.status.word()))
            .collect();
        let to = if to.is_empty() {
            notice.status.clone()
        } else {
            to.join(", ")
        };
        let sure = link
            .map(|link| format!("  (named by the log of {}, {})", escape(&notice.host), certainty(link)))
            .unwrap_or_default();
        writeln!(
            out,
            "  {}  {what} {}  {to}{sure}",
            clock(notice.at),
            notice.queue_id.as_deref().unwrap_or("-")
        )?;
    }
    Ok(())
}

/// `02:04:04`
fn clock(at: Moment) -> String {
    at.rfc3339().get(11..19).unwrap_or_default().to_owned()
}

/// `2026-11-24`
fn day(at: Moment) -> String {
    at.rfc3339().get(..10).unwrap_or_default().to_owned()
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn red() -> Style {
    Style::new().fg_color(Some(AnsiColor::Red.into()))
}

fn style(status: Status) -> Style {
    let color = if status.is_success() {
        AnsiColor::Green
    } else if status.is_final() {
        AnsiColor::Red
    } else {
        AnsiColor::Yellow
    };
    Style::new().fg_color(Some(color.into()))
}
