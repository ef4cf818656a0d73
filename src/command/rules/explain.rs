//! `mailtrail rules explain`: how a line is read, step by step.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::assemble::{self, Locality, Mention, Mentions};
use crate::cli::{ExplainArgs, Global};
use crate::command::Ending;
use crate::command::escape::escape;
use crate::command::output::Output;
use crate::event::{Event, Field, Kind};
use crate::line::Line;
use crate::rule::{RuleSet, Scratch, Tried, snapshot};
use crate::transaction::Transaction;

/// So many rules that did not match are shown.
const SHOWN: usize = 5;
/// A line from standard input has at most so many bytes.
const MAX_INPUT: u64 = 1 << 20;
/// The widest piece of a message that is shown beside a caret, in characters.
const MAX_SHOWN: usize = 120;

/// Runs it.
pub(super) fn run(global: &Global, args: &ExplainArgs, output: &mut Output) -> Result<Ending> {
    let config = crate::command::config(global)?;
    let rules = super::load(global, &config)?;
    let given = if args.line == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .take(MAX_INPUT)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines().next().unwrap_or_default().to_owned()
    } else {
        args.line.clone()
    };
    let said = crate::cli::Said::default();
    let (line, has_header) = super::one_line::read(&given, args.program.as_deref(), &said, &config)?;
    let line = Arc::new(line);
    let mut scratch = Scratch::default();
    let tried = rules.tried(&line.program, line.text(), &mut scratch);
    let event = rules.event(&line, &mut scratch);
    let locality = Locality {
        filters: config.filters.clone(),
    };
    let document = event.as_ref().and_then(|event| document(event, &locality));
    if output.json {
        output.object(&object(&rules, &line, &tried, event.as_ref(), document))?;
    } else {
        header(&line, has_header, output)?;
        bucket(&rules, &line, &tried, args.all, output)?;
        match &event {
            Some(event) => winner(&rules, event, &tried, output)?,
            None => writeln!(
                output,
                "\nno rule matches: `mailtrail rules new --from LINE` drafts one"
            )?,
        }
        if let Some(event) = &event {
            consequence(event, document.as_ref(), output)?;
        }
    }
    Ok(if event.is_some() { Ending::Done } else { Ending::No })
}

fn header(line: &Line, has_header: bool, output: &mut Output) -> Result<()> {
    let pid = line.pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
    if has_header {
        let host = if line.host.is_empty() { "(none)" } else { &line.host };
        writeln!(output, "time      {}", line.at)?;
        writeln!(output, "host      {}", escape(host))?;
    }
    let program = if line.program.is_empty() {
        "(none)"
    } else {
        &line.program
    };
    writeln!(output, "program   {}{pid}", escape(program))?;
    let (severity, from) = RuleSet::severity(line.text());
    if from > 0 {
        writeln!(output, "severity  {}", severity.name())?;
    }
    let message = String::from_utf8_lossy(&line.text()[from..]).into_owned();
    writeln!(output, "message   {}", escape(&message))?;
    Ok(())
}

/// The rules of the program: who matched, and how far the best of the others got.
fn bucket(rules: &RuleSet, line: &Line, tried: &[Tried], all: bool, output: &mut Output) -> Result<()> {
    if tried.is_empty() {
        writeln!(
            output,
            "\nno rule is for `{}`: a rule names it in `program:`, or a family of it in types.yaml",
            escape(&line.program)
        )?;
        return Ok(());
    }
    writeln!(output, "\n{} rules are for this program", tried.len())?;
    let (_, from) = RuleSet::severity(line.text());
    let mut others: Vec<&Tried> = tried.iter().filter(|one| !one.matches).collect();
    if !all {
        // What stops at the first byte is no help to anybody.
        others.retain(|one| {
            let last_resort = rules.rules()[one.rule].generic();
            one.stopped.is_some_and(|at| at > from) || one.other_severity && one.stopped.is_none() && !last_resort
        });
        // Nor is what stops long before another one does.
        let best = others
            .iter()
            .filter(|one| !rules.rules()[one.rule].fallback())
            .filter_map(|one| one.stopped)
            .max()
            .unwrap_or(from);
        others.retain(|one| {
            one.stopped
                .is_none_or(|at| (at - from) * 4 >= best.saturating_sub(from) * 3)
        });
        // A last resort has little to say about a line that a rule has nearly matched.
        others.sort_by_key(|one| {
            (
                rules.rules()[one.rule].fallback(),
                std::cmp::Reverse(one.stopped.unwrap_or(usize::MAX)),
            )
        });
        others.truncate(SHOWN);
    }
    for one in others {
        let id = rules.rules()[one.rule].id();
        match one.stopped {
            _ if one.other_severity && one.stopped.is_none() => {
                writeln!(
                    output,
                    "  {id} would match, but looks only at lines of another severity"
                )?;
            }
            None => writeln!(output, "  {id} is a regular expression and does not match")?,
            Some(at) => {
                let (text, before) = window(line.text(), at);
                let words = if at >= line.text().len() {
                    "wants more behind the end"
                } else {
                    "stops here"
                };
                writeln!(output, "  {id} {words}")?;
                writeln!(output, "    {text}")?;
                writeln!(output, "    {}^", " ".repeat(before))?;
            }
        }
    }
    Ok(())
}

/// The text around a byte, in one line, and how many characters stand before that byte.
fn window(text: &[u8], at: usize) -> (String, usize) {
    let clean = |bytes: &[u8]| -> Vec<char> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.chars()
            .map(|c| {
                if escape(&c.to_string()).len() == c.len_utf8() {
                    c
                } else {
                    '\u{fffd}'
                }
            })
            .collect()
    };
    let at = at.min(text.len());
    let (head, tail) = (clean(&text[..at]), clean(&text[at..]));
    let skip = head.len().saturating_sub(MAX_SHOWN / 2);
    let mark = if skip > 0 { "..." } else { "" };
    let before: String = head[skip..].iter().collect();
    let rest: String = tail.iter().take(MAX_SHOWN / 2).collect();
    let end = if tail.len() > MAX_SHOWN / 2 { "..." } else { "" };
    (format!("{mark}{before}{rest}{end}"), head.len() - skip + mark.len())
}

fn winner(rules: &RuleSet, event: &Event, tried: &[Tried], output: &mut Output) -> Result<()> {
    let rule = &rules.rules()[event.rule as usize];
    writeln!(output, "\n{} matches ({})", rule.id(), rule.file())?;
    let losers: Vec<&str> = tried
        .iter()
        .filter(|one| one.matches && one.rule != event.rule as usize)
        .map(|one| rules.rules()[one.rule].id())
        .collect();
    if !losers.is_empty() {
        writeln!(
            output,
            "  it is tried before {}, which would match, too",
            losers.join(", ")
        )?;
    }
    let generic = if event.generic {
        ", generic: not counted as matched"
    } else {
        ""
    };
    writeln!(output, "\n{}{generic}", event.kind.name())?;
    for (name, values) in snapshot::fields(event) {
        for value in values {
            writeln!(output, "  {name:<16} {}", escape(&value))?;
        }
    }
    Ok(())
}

/// What the line does to a document.
fn consequence(event: &Event, document: Option<&Transaction>, output: &mut Output) -> Result<()> {
    let words = match (event.kind, event.queue_id()) {
        (Kind::Noise, _) => "it is counted and kept nowhere".to_owned(),
        (kind, Some(id)) => format!("to the message {id}: {}", effect(kind, event)),
        (Kind::Reject, None) => "it becomes a document of its own, of kind reject".to_owned(),
        (Kind::Connect | Kind::Disconnect | Kind::Lost | Kind::Tls | Kind::AuthFailed | Kind::Postscreen, None) => {
            "it belongs to the client's session: host, program and process id".to_owned()
        }
        (_, None) => "it names no queue id, so it is part of no message".to_owned(),
    };
    writeln!(output, "\n{}", escape(&words))?;
    if let Some(document) = document {
        let mut shown = document.clone();
        shown.memory = None;
        shown.lines.clear();
        let mut shown = serde_json::to_value(&shown)?;
        if let Some(shown) = shown.as_object_mut() {
            // Neither helps to see what the line does.
            shown.retain(|name, _| !matches!(name.as_str(), "rules" | "schema"));
        }
        writeln!(
            output,
            "alone it makes this document:\n{}",
            serde_json::to_string_pretty(&shown)?
        )?;
    }
    Ok(())
}

fn effect(kind: Kind, event: &Event) -> String {
    let of = |field| event.text(field).unwrap_or_default().into_owned();
    match kind {
        Kind::Queued => "its life begins, and who handed it in".to_owned(),
        Kind::MessageId => "its Message-ID".to_owned(),
        Kind::Header => "a header of it".to_owned(),
        Kind::Active => "its sender, size and number of recipients".to_owned(),
        Kind::Delivery => format!("an attempt for {}: {}", of(Field::To), of(Field::Status)),
        Kind::Forwarded | Kind::Expanded | Kind::Requeued | Kind::Filtered => "it goes on under another id".to_owned(),
        Kind::Notice => format!("a {} notice, {}", of(Field::Notice), of(Field::NoticeQueueId)),
        Kind::Hold => "it is on hold".to_owned(),
        Kind::Release => "it is released from hold".to_owned(),
        Kind::Delete => "it was deleted by a person".to_owned(),
        Kind::Discard => "it was thrown away by rule".to_owned(),
        Kind::Expire => "it was tried too long".to_owned(),
        Kind::Removed => "it left the queue; without a final word for a recipient it was deleted".to_owned(),
        Kind::Reject => "a refusal inside it".to_owned(),
        Kind::Verdict => format!("{} says {}={}", of(Field::By), of(Field::What), of(Field::Result)),
        Kind::Mailbox => "what became of it in the mailbox".to_owned(),
        _ => "kept with its lines; fields of one's own are found as extra.NAME".to_owned(),
    }
}

/// The document that this line makes when nothing else is known.
fn document(event: &Event, locality: &Locality) -> Option<Transaction> {
    let digest = event.line.digest();
    if let Some(refusal) = assemble::refusal_without_queue_id(digest, event) {
        return Some(refusal);
    }
    let mut mentions = Mentions::new(event.line.host.clone(), event.queue_id()?.into());
    mentions.insert(digest, Mention::Event(event.clone()));
    assemble::documents(&mentions, locality).into_iter().next()
}

fn object(
    rules: &RuleSet,
    line: &Line,
    tried: &[Tried],
    event: Option<&Event>,
    document: Option<Transaction>,
) -> Value {
    let (severity, _) = RuleSet::severity(line.text());
    let tried: Vec<Value> = tried
        .iter()
        .map(|one| {
            json!({
                "rule": rules.rules()[one.rule].id(), "matches": one.matches, "stopped": one.stopped,
                "other_severity": one.other_severity,
            })
        })
        .collect();
    let mut object = json!({
        "header": {"at": line.at, "host": &*line.host, "program": &*line.program, "pid": line.pid},
        "text": String::from_utf8_lossy(line.text()),
        "severity": severity.name(),
        "tried": tried,
        "winner": event.map(Event::rule_id),
    });
    if let Some(event) = event {
        object["kind"] = json!(event.kind.name());
        object["generic"] = json!(event.generic);
        object["fields"] = json!(snapshot::fields(event));
    }
    if let Some(mut document) = document {
        document.memory = None;
        document.lines.clear();
        object["document"] = json!(document);
    }
    object
}
