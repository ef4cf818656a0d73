//! A journey told to a person: who sent what to whom, each hop, each attempt in the remote's words, the last word.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::answer::{Story, Told};
use crate::line::Moment;
use crate::query::journey::Fate;
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
        for line in &hop.lines {
            writeln!(out, "      | {}", escape(line))?;
        }
    }
    notices(journey, out)?;
    last_words(journey, first, out)
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
    let came = journey
        .links
        .iter()
        .find(|link| link.to == hop.id && journey.hops.iter().any(|other| other.id == link.from));
    let came = came.map(|link| {
        let sure = if link.sure { "" } else { ", not certain" };
        format!("  ({}{sure})", escape(&link.evidence))
    });
    writeln!(
        out,
        "{bold}{}  {queue_id}{bold:#}  {mta}, {} UTC{}",
        escape(&hop.host),
        date.get(..10).unwrap_or(&date),
        came.unwrap_or_default()
    )?;
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
    if let Some(unheard) = hop.unheard.filter(|_| hop.open) {
        writeln!(
            out,
            "            nothing heard yet of {unheard} of its {} recipients",
            hop.nrcpt.unwrap_or_default()
        )?;
    }
    Ok(())
}

fn taken(hop: &Transaction, out: &mut dyn Write) -> io::Result<()> {
    let from = match &hop.client {
        Some(client) if client.ip.is_some() || client.host.is_some() => format!("taken from {}", name_client(client)),
        _ if hop.missing.iter().any(|what| what == "start") => "the lines before this are missing".to_owned(),
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
        writeln!(
            out,
            "  {}  {what} {}  {to}",
            clock(notice.at),
            notice.queue_id.as_deref().unwrap_or("-")
        )?;
    }
    Ok(())
}

/// The last word on each recipient, in plain language.
fn last_words(journey: &Story, first: &Transaction, out: &mut dyn Write) -> io::Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}What became of it{bold:#}")?;
    if journey.recipients.is_empty() {
        return writeln!(out, "  {}", without_recipients(first));
    }
    let mut before: Option<&Told> = None;
    for told in &journey.recipients {
        let fate = &told.fate;
        let style = style(fate.status);
        let asked = if fate.asked_for.eq_ignore_ascii_case(&fate.address) {
            String::new()
        } else {
            format!(" (asked for: {})", escape(&fate.asked_for))
        };
        let sentence = sentence(fate, journey);
        writeln!(out, "  {style}{}{style:#}{asked}: {sentence}", escape(&fate.address))?;
        for line in &told.evidence {
            writeln!(out, "      | {}", escape(line))?;
        }
        meaning(told, before, out)?;
        before = Some(told);
    }
    Ok(())
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
    let recipient = fate
        .path
        .last()
        .and_then(|id| journey.hops.iter().find(|hop| hop.id == *id))
        .and_then(|hop| hop.to.iter().find(|to| to.address == fate.address));
    let relay = recipient
        .and_then(|to| to.relay.as_ref())
        .and_then(|relay| relay.host.as_deref().or(relay.ip.as_deref()));
    let relay = relay.map(|relay| escape(relay).into_owned());
    let there = relay.clone().unwrap_or_else(|| "the next server".to_owned());
    let last_hop = journey.last_hop(fate);
    let lost = last_hop.is_some_and(|hop| hop.missing.iter().any(|what| what == "end"));
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
