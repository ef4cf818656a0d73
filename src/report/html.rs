//! The report as one page that needs nothing else: styles and charts are in it, no script, no request.
//!
//! What stands in a log is the attacker's: every name and text is escaped, and the page forbids itself any script.

use std::fmt::Write as _;

use super::text::span;
use super::{Reason, Report, Row, Traffic};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mail report</title>
<style>
:root { color-scheme: light dark; --line: #8884; --in: #3b7dd8; --out: #2e9e5b; --wait: #d79a1e; --bad: #c8403a; --no: #8b5fbf; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; } td.name, th.name { text-align: left; overflow-wrap: anywhere; }
.totals { display: flex; flex-wrap: wrap; gap: 1rem; } .totals div { flex: 1 1 8rem; padding: .6rem .9rem; border: 1px solid var(--line); border-radius: .5rem; }
.totals b { display: block; font-size: 1.5rem; } .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 0 2rem; }
svg { width: 100%; height: auto; } svg text { font: 10px system-ui, sans-serif; fill: currentColor; }
.in { fill: var(--in); } .out { fill: var(--out); } .wait { fill: var(--wait); } .bad { fill: var(--bad); } .no { fill: var(--no); }
.key span { margin-right: 1rem; } .key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem; }
</style>
</head>
<body>
"#;

/// The series of a chart: class, colour and name.
const SERIES: [(&str, &str, &str); 5] = [
    ("in", "--in", "received"),
    ("out", "--out", "delivered"),
    ("wait", "--wait", "deferred"),
    ("bad", "--bad", "bounced"),
    ("no", "--no", "rejected"),
];

/// The report as an HTML page.
pub fn html(report: &Report) -> String {
    let mut out = HEAD.to_owned();
    // Writing into a text cannot fail.
    let _ = body(report, &mut out);
    out
}

fn body(report: &Report, out: &mut String) -> std::fmt::Result {
    let (Some(from), Some(to)) = (report.from, report.to) else {
        return writeln!(out, "<h1>No messages in this time</h1>\n</body>\n</html>");
    };
    let clock = |at: crate::line::Moment| at.rfc3339().replace('T', " ").chars().take(16).collect::<String>();
    writeln!(out, "<h1>Mail from {} to {} UTC</h1>", clock(from), clock(to))?;
    totals(report, out)?;
    let hours = report.hours.iter().enumerate();
    let hours: Vec<(String, Traffic)> = hours.map(|(hour, sums)| (format!("{hour:02}"), *sums)).collect();
    chart("By hour of the day (UTC)", &hours, out)?;
    if report.days.len() > 1 {
        let days: Vec<(String, Traffic)> = report
            .days
            .iter()
            .map(|day| (day.day.get(5..).unwrap_or(&day.day).to_owned(), day.traffic))
            .collect();
        // The newest that fit.
        chart("By day", &days[days.len().saturating_sub(62)..], out)?;
    }
    delays(report, out)?;
    let top = &report.top;
    domains(&top.recipient_domains, out)?;
    writeln!(out, "<div class=\"columns\">")?;
    for (title, unit, list) in [
        ("Senders", "messages", &top.senders),
        ("Recipients", "deliveries", &top.recipients),
        ("Domains of senders", "messages", &top.sender_domains),
        ("Servers that took mail", "recipients", &top.relays),
        ("Clients", "messages", &top.clients),
        ("Logins", "messages", &top.users),
        ("Clients that were refused", "refusals", &top.refused_clients),
    ] {
        rows(title, unit, list, out)?;
    }
    writeln!(out, "</div>")?;
    for (title, list) in [
        ("Why deliveries were put off", &report.reasons.deferred),
        ("Why mail came back", &report.reasons.bounced),
        ("Why mail was refused", &report.reasons.rejected),
        ("Warnings", &report.reasons.warnings),
        ("Errors and panics", &report.reasons.panics),
    ] {
        reasons(title, list, out)?;
    }
    writeln!(out, "</body>\n</html>")
}

fn totals(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "<div class=\"totals\">")?;
    let tls = (report.tls.encrypted * 100).checked_div(report.tls.messages);
    let numbers = [
        (report.mails.to_string(), "messages received"),
        (report.delivered().to_string(), "recipients delivered"),
        (report.deferrals.to_string(), "deliveries put off"),
        (report.bounced().to_string(), "recipients bounced"),
        (report.rejects.to_string(), "refusals"),
        (
            tls.map_or("-".to_owned(), |share| format!("{share} %")),
            "came over TLS",
        ),
    ];
    for (number, what) in numbers {
        writeln!(out, "<div><b>{number}</b>{what}</div>")?;
    }
    writeln!(out, "</div>")
}

/// Bars side by side, one group a place in time.
fn chart(title: &str, places: &[(String, Traffic)], out: &mut String) -> std::fmt::Result {
    const WIDTH: usize = 960;
    const HEIGHT: u64 = 180;
    let values = |sums: &Traffic| {
        [
            sums.received,
            sums.delivered,
            sums.deferred,
            sums.bounced,
            sums.rejected,
        ]
    };
    let highest = places
        .iter()
        .flat_map(|(_, sums)| values(sums))
        .max()
        .unwrap_or_default();
    if highest == 0 {
        return Ok(());
    }
    writeln!(out, "<h2>{title}</h2>\n<p class=\"key\">")?;
    for (_, color, name) in SERIES {
        writeln!(out, "<span><i style=\"background: var({color})\"></i>{name}</span>")?;
    }
    writeln!(
        out,
        "</p>\n<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{title}\">",
        HEIGHT + 30
    )?;
    writeln!(out, "<text x=\"0\" y=\"10\">{highest}</text>")?;
    let group = WIDTH / places.len().max(1);
    let bar = (group / 6).max(1);
    for (index, (name, sums)) in places.iter().enumerate() {
        let left = index * group;
        for (series, value) in values(sums).into_iter().enumerate() {
            let (class, _, what) = SERIES[series];
            let high = if value == 0 {
                0
            } else {
                (value * HEIGHT / highest).max(1)
            };
            let (x, y) = (left + series * bar, HEIGHT + 14 - high);
            writeln!(
                out,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{bar}\" height=\"{high}\"><title>{name}: {value} {what}</title></rect>"
            )?;
        }
        // Names need room.
        if group >= 24 || index % (24 / group.max(1) + 1) == 0 {
            writeln!(out, "<text x=\"{left}\" y=\"{}\">{name}</text>", HEIGHT + 27)?;
        }
    }
    writeln!(out, "</svg>")
}

fn delays(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.delays_s.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>How long deliveries took</h2>\n<table><tr><th class=\"name\"></th><th>half</th><th>90 %</th><th>95 %</th><th>99 %</th><th>longest</th></tr>"
    )?;
    for (name, title) in [
        ("total", "in all"),
        ("before_queue", "until it was queued"),
        ("in_queue", "waiting in the queue"),
        ("connect", "connecting"),
        ("transmit", "sending"),
    ] {
        if let Some(spread) = report.delays_s.get(name) {
            write!(out, "<tr><td class=\"name\">{title}</td>")?;
            for seconds in [spread.p50, spread.p90, spread.p95, spread.p99, spread.max] {
                write!(out, "<td>{}</td>", span(seconds))?;
            }
            writeln!(out, "</tr>")?;
        }
    }
    writeln!(out, "</table>")
}

fn domains(rows: &[Row], out: &mut String) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Domains of recipients</h2>\n<table><tr><th class=\"name\">domain</th><th>delivered</th><th>put off</th><th>bounced</th><th>mean delay</th><th>longest</th></tr>"
    )?;
    for row in rows {
        let delay = |seconds: Option<f64>| seconds.map_or("-".to_owned(), span);
        writeln!(
            out,
            "<tr><td class=\"name\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&row.name),
            row.count,
            row.deferrals,
            row.bounced,
            delay(row.mean_delay_s),
            delay(row.max_delay_s)
        )?;
    }
    writeln!(out, "</table>")
}

fn rows(title: &str, unit: &str, rows: &[Row], out: &mut String) -> std::fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section><h2>{title}</h2>\n<table><tr><th class=\"name\"></th><th>{unit}</th></tr>"
    )?;
    for row in rows {
        writeln!(
            out,
            "<tr><td class=\"name\">{}</td><td>{}</td></tr>",
            escaped(&row.name),
            row.count
        )?;
    }
    writeln!(out, "</table></section>")
}

fn reasons(title: &str, reasons: &[Reason], out: &mut String) -> std::fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>{title}</h2>\n<table>")?;
    for reason in reasons {
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"name\" title=\"{}\">{}</td></tr>",
            reason.count,
            escaped(&reason.example),
            escaped(&reason.template)
        )?;
    }
    writeln!(out, "</table>")
}

/// Text and attribute values alike: markup is made harmless, what steers or turns text is made visible.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
