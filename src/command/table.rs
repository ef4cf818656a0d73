//! Messages as a table.

use std::io::{self, Write as _};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};

use crate::transaction::{Counts, Document, Record, Slice, Template, Transaction, TransactionKind};

use super::columns::Column;
use super::escape::escape;
use super::output::Output;

/// Prints one row a document.
pub(super) fn print_documents(documents: &[Document], output: &mut Output) -> io::Result<()> {
    let rows = documents.iter().map(|document| match document {
        Document::Transaction(transaction) => row(transaction),
        Document::Record(record) => record_row(record),
        Document::Slice(slice) => slice_row(slice),
        Document::Template(template) => template_row(template),
    });
    print_rows(rows, output)
}

/// Prints one row a message.
pub(super) fn print(transactions: &[Transaction], output: &mut Output) -> io::Result<()> {
    print_rows(transactions.iter().map(row), output)
}

/// Prints one row a document, with these columns.
pub(super) fn print_columns(columns: &[Column], documents: &[Document], output: &mut Output) -> io::Result<()> {
    let head: Vec<String> = columns.iter().map(|column| column.name.to_uppercase()).collect();
    let mut rows = Vec::with_capacity(documents.len());
    for document in documents {
        let json = serde_json::to_value(document)?;
        rows.push(
            columns
                .iter()
                .map(|column| Cell::new(escape(&column.of(&json))))
                .collect(),
        );
    }
    print_table(&head, rows.into_iter(), output)
}

fn print_rows(rows: impl Iterator<Item = Vec<Cell>>, output: &mut Output) -> io::Result<()> {
    let head = ["TIME (UTC)", "HOST", "QUEUE ID", "STATUS", "FROM", "TO", "SAID"];
    print_table(&head.map(str::to_owned), rows, output)
}

fn print_table(head: &[String], rows: impl Iterator<Item = Vec<Cell>>, output: &mut Output) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if Output::is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.enforce_styling();
    } else {
        // A pipe gets every row in one line.
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(head.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row);
    }
    for line in table.lines() {
        writeln!(output, "{}", line.trim_end())?;
    }
    Ok(())
}

/// What was read in five minutes.
fn slice_row(slice: &Slice) -> Vec<Cell> {
    let at = slice.at.rfc3339().replace('T', " ");
    let Counts { new, unmatched, .. } = slice.counts;
    let said = format!("{}: {new} lines, {unmatched} of them unmatched", slice.program);
    let text = |text: &str| Cell::new(escape(text));
    vec![
        text(at.get(..19).unwrap_or(&at)),
        text(&slice.host),
        text("-"),
        text("read"),
        text("-"),
        text("-"),
        text(&said),
    ]
}

/// What no rule knew in a day.
fn template_row(template: &Template) -> Vec<Cell> {
    let at = template.first.rfc3339().replace('T', " ");
    let said = format!("{}: {} lines: {}", template.program, template.count, template.template);
    let text = |text: &str| Cell::new(escape(text));
    vec![
        text(at.get(..19).unwrap_or(&at)),
        text(&template.hosts.join(" ")),
        text("-"),
        text("unmatched"),
        text("-"),
        text("-"),
        text(&said),
    ]
}

/// A line that belongs to no message.
fn record_row(record: &Record) -> Vec<Cell> {
    let at = record.at.rfc3339().replace('T', " ");
    let text = |text: &str| Cell::new(escape(text));
    vec![
        text(at.get(..19).unwrap_or(&at)),
        text(&record.host),
        text("-"),
        text(&record.severity),
        text("-"),
        text("-"),
        text(&format!("{}: {}", record.program, shortened(&record.text))),
    ]
}

fn row(transaction: &Transaction) -> Vec<Cell> {
    let at = transaction.at.rfc3339().replace('T', " ");
    let word = match transaction.kind {
        TransactionKind::Session => transaction.outcome.as_deref().unwrap_or("session"),
        TransactionKind::Mail | TransactionKind::Reject => &transaction.status,
    };
    let status = Cell::new(word).fg(color(word));
    let text = |text: &str| Cell::new(escape(text));
    vec![
        text(at.get(..19).unwrap_or(&at)),
        text(&transaction.host),
        text(transaction.queue_id.as_deref().unwrap_or("-")),
        status,
        text(&match transaction.kind {
            TransactionKind::Session => "-".to_owned(),
            TransactionKind::Mail | TransactionKind::Reject => sender(transaction),
        }),
        text(&recipients(transaction)),
        text(&said(transaction)),
    ]
}

/// The envelope sender; `<>` for the null sender.
pub(super) fn sender(transaction: &Transaction) -> String {
    match transaction.from.as_deref() {
        Some("") => "<>".to_owned(),
        Some(from) => from.to_owned(),
        None => "?".to_owned(),
    }
}

fn recipients(transaction: &Transaction) -> String {
    let more = transaction.to.len() as u64 + transaction.to_more.values().sum::<u64>();
    match transaction.to.first() {
        None => "-".to_owned(),
        Some(first) if more == 1 => first.address.clone(),
        Some(first) => format!("{} +{}", first.address, more - 1),
    }
}

/// The words that matter most: of the first recipient without success, else of the first.
fn said(transaction: &Transaction) -> String {
    let words = match transaction.kind {
        TransactionKind::Session => transaction.client.as_ref().map(|client| {
            let names = [&client.host, &client.ip];
            let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
            format!("session of {}", names.join(" "))
        }),
        TransactionKind::Reject => transaction.reject.first().map(|reject| reject.reason.clone()),
        TransactionKind::Mail => {
            let failed = transaction.to.iter().find(|recipient| !recipient.status.is_success());
            failed
                .or(transaction.to.first())
                .and_then(|recipient| recipient.response.clone())
        }
    };
    shortened(&words.unwrap_or_default())
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}

/// Green has arrived, yellow waits, red failed.
pub(super) fn color(status: &str) -> Color {
    match status {
        "delivered" | "relayed" | "filtered" | "expanded" | "probed" => Color::Green,
        "queued" | "deferred" | "held" | "greylisted" | "partial" | "warned" | "no_mail" => Color::Yellow,
        _ => Color::Red,
    }
}
