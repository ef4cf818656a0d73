//! The report for a person who knows pflogsumm: the same sections in the same order, and what it has not.

use std::fmt::Write as _;

use super::{Reason, Report, Row, Spread, Traffic};

/// The report as text. Names come from the log: escape the lines before a terminal sees them.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = whole(report, &mut out);
    out
}

fn whole(report: &Report, out: &mut String) -> std::fmt::Result {
    let (Some(from), Some(to)) = (report.from, report.to) else {
        return writeln!(out, "No messages in this time.");
    };
    let clock = |at: crate::line::Moment| at.rfc3339().replace('T', " ").chars().take(16).collect::<String>();
    writeln!(out, "Mail from {} to {} UTC", clock(from), clock(to))?;
    totals(report, out)?;
    if report.days.len() > 1 {
        section("Per-Day Traffic Summary", out)?;
        traffic_head("date", out)?;
        for day in &report.days {
            traffic(&day.day, day.traffic, out)?;
        }
    }
    section("Per-Hour Traffic Summary (UTC)", out)?;
    traffic_head("time", out)?;
    for (hour, sums) in report.hours.iter().enumerate() {
        traffic(&format!("{hour:02}00-{:02}00", hour + 1), *sums, out)?;
    }
    delays(report, out)?;
    deliveries(
        "Host/Domain Summary: Message Delivery",
        &report.top.recipient_domains,
        out,
    )?;
    let top = &report.top;
    rows("Host/Domain Summary: Messages Received", &top.sender_domains, out)?;
    rows("Senders by message count", &top.senders, out)?;
    rows("Recipients by message count", &top.recipients, out)?;
    sizes("Senders by message size", &top.senders_by_size, out)?;
    sizes("Recipients by message size", &top.recipients_by_size, out)?;
    rows("Servers that took mail", &top.relays, out)?;
    rows("Clients by message count", &top.clients, out)?;
    rows("Logins by message count", &top.users, out)?;
    rows("Clients that were refused", &top.refused_clients, out)?;
    let reasons = &report.reasons;
    why("Message deferral detail", &reasons.deferred, out)?;
    why("Message bounce detail", &reasons.bounced, out)?;
    why("Message reject detail", &reasons.rejected, out)?;
    why("Warnings", &reasons.warnings, out)?;
    why("Errors and panics", &reasons.panics, out)?;
    if report.approximate {
        writeln!(
            out,
            "\nThere were more different names than are counted exactly: the rarest are left out."
        )?;
    }
    Ok(())
}

fn section(title: &str, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n{title}\n{}", "-".repeat(title.len()))
}

fn totals(report: &Report, out: &mut String) -> std::fmt::Result {
    section("Grand Totals", out)?;
    writeln!(out, "messages\n")?;
    let refusal = |word: &str| report.refusals.get(word).copied().unwrap_or_default();
    let status = |word: &str| report.recipients.get(word).copied().unwrap_or_default();
    let mut line = |count: u64, what: &str| writeln!(out, " {}  {what}", short(count));
    line(report.mails, "received")?;
    line(report.delivered(), "delivered")?;
    line(report.forwarded, "forwarded")?;
    line(
        report.deferred_mails,
        &format!("deferred  ({} deferrals)", report.deferrals),
    )?;
    line(
        report.bounced(),
        &format!("bounced  ({} of them given up after retries)", status("expired")),
    )?;
    let greylisted = match refusal("greylisted") {
        0 => String::new(),
        count => format!(", {count} of them for now (greylisting)"),
    };
    line(
        report.rejects,
        &format!("rejected ({}%){greylisted}", report.rejected_percent()),
    )?;
    line(refusal("warned"), "reject warnings")?;
    line(refusal("held"), "held")?;
    line(refusal("discarded") + status("discarded"), "discarded")?;
    let waiting = status("queued") + status("deferred") + status("held");
    line(waiting, "recipients still without a last word")?;
    line(report.notices, "notices made here (bounces, delays)")?;
    writeln!(out)?;
    let mut line = |count: u64, what: &str| writeln!(out, " {}  {what}", short(count));
    line(report.bytes_received, "bytes received")?;
    line(report.bytes_delivered, "bytes delivered")?;
    line(report.different.senders, "senders")?;
    line(report.different.sender_domains, "sending hosts/domains")?;
    line(report.different.recipients, "recipients")?;
    line(report.different.recipient_domains, "recipient hosts/domains")?;
    if let Some(share) = (report.tls.encrypted * 100).checked_div(report.tls.messages) {
        let protocols: Vec<String> = report
            .tls
            .protocols
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        let protocols = if protocols.is_empty() {
            String::new()
        } else {
            format!(" ({})", protocols.join(", "))
        };
        writeln!(out, "\n {share:>5}%  of the messages came over TLS{protocols}")?;
    }
    if report.sessions > 0 {
        let outcomes: Vec<String> = report
            .outcomes
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(
            out,
            " {}  sessions without mail ({})",
            short(report.sessions),
            outcomes.join(", ")
        )?;
    }
    if report.lines > 0 {
        writeln!(
            out,
            "\nThis rests on {} log lines; {} of them no rule knew (mailtrail unmatched).",
            report.lines, report.unmatched_lines
        )?;
    }
    Ok(())
}

fn traffic_head(first: &str, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "    {first:<12} received  delivered   deferred    bounced     rejected"
    )?;
    writeln!(out, "    {}", "-".repeat(68))
}

fn traffic(name: &str, sums: Traffic, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "    {name:<12} {:>8}   {:>8}   {:>8}   {:>8}     {:>8}",
        sums.received, sums.delivered, sums.deferred, sums.bounced, sums.rejected
    )
}

fn delays(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.delays_s.is_empty() {
        return Ok(());
    }
    section("How long deliveries took", out)?;
    writeln!(out, "                        half     90 %     95 %     99 %  longest")?;
    for name in ["total", "before_queue", "in_queue", "connect", "transmit"] {
        let Some(Spread {
            p50,
            p90,
            p95,
            p99,
            max,
            ..
        }) = report.delays_s.get(name)
        else {
            continue;
        };
        let title = match name {
            "total" => "in all",
            "before_queue" => "until it was queued",
            "in_queue" => "waiting in the queue",
            "connect" => "connecting",
            _ => "sending",
        };
        let [p50, p90, p95, p99, max] = [p50, p90, p95, p99, max].map(|seconds| span(*seconds));
        writeln!(out, "    {title:<20}{p50:>8} {p90:>8} {p95:>8} {p99:>8} {max:>8}")?;
    }
    Ok(())
}

fn deliveries(title: &str, rows: &[Row], out: &mut String) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    section(title, out)?;
    writeln!(
        out,
        " sent cnt    bytes   defers  bounces  avg dly  max dly  host/domain\n {}",
        "-".repeat(66)
    )?;
    for row in rows {
        let delay = |seconds: Option<f64>| seconds.map_or("-".to_owned(), span);
        writeln!(
            out,
            " {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  {}",
            row.count,
            short(row.bytes).trim_start(),
            row.deferrals,
            row.bounced,
            delay(row.mean_delay_s),
            delay(row.max_delay_s),
            row.name
        )?;
    }
    Ok(())
}

fn rows(title: &str, rows: &[Row], out: &mut String) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    section(title, out)?;
    for row in rows {
        writeln!(out, " {}   {}", short(row.count), row.name)?;
    }
    Ok(())
}

fn sizes(title: &str, rows: &[Row], out: &mut String) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    section(title, out)?;
    for row in rows {
        writeln!(out, " {}   {}", short(row.bytes), row.name)?;
    }
    Ok(())
}

fn why(title: &str, reasons: &[Reason], out: &mut String) -> std::fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    section(title, out)?;
    for reason in reasons {
        // One alone is told as it was said.
        let said = if reason.count == 1 {
            &reason.example
        } else {
            &reason.template
        };
        writeln!(out, " {:>8}   {said}", reason.count)?;
    }
    Ok(())
}

/// As pflogsumm writes numbers: `252464`, `765k`, `512m`, in 7 characters.
fn short(number: u64) -> String {
    match number {
        0..524_288 => format!("{number:>6} "),
        524_288..536_870_912 => format!("{:>6}k", number / 1024),
        _ => format!("{:>6}m", number / 1_048_576),
    }
}

/// `0.2 s`, `18 s`, `4.3 m`, `2.1 h`, `1.5 d`
pub(super) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.1} m", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}
