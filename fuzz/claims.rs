//! What holds for any bytes: each claim panics where it does not.
//!
//! The fuzz targets look for bytes that break them, and `tests/fuzz_twins.rs` makes them on likely ones.

use std::sync::{Arc, LazyLock};

use mailtrail::assemble::evidence::remembered;
use mailtrail::assemble::mention::leading_queue_id;
use mailtrail::assemble::{self, Locality, Mention, Mentions};
use mailtrail::line::{Dating, Digest, Evidence, Line, MAX_LINE_BYTES, Moment, Reader, Said, Taken, TimeZone};
use mailtrail::pattern::{self, Scratch, Slot, Types};
use mailtrail::query::Query;
use mailtrail::rule::{RuleSet, RuleSource};

static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::builtin().unwrap_or_else(|problems| panic!("{problems:?}")));

/// Every line of a log, in whatever form it comes.
fn lines(log: &[u8]) -> Vec<Line> {
    let dating = Dating {
        zone: TimeZone::Utc,
        year: None,
        now: Moment(1_795_521_600_000),
        said: Said::NOTHING,
    };
    let mut reader = Reader::new(Arc::from("log"), dating, Evidence::default());
    reader.look_ahead(log);
    let mut lines = Vec::new();
    for (number, raw) in (1..).zip(log.split(|byte| *byte == b'\n')) {
        if let Taken::Line(line) = reader.take(raw, number) {
            lines.push(line);
        }
        // A repetition may stand for thousands, which say nothing new.
        lines.extend(std::iter::from_fn(|| reader.pending()).take(8));
        while reader.pending().is_some() {}
    }
    reader.end();
    lines.extend(std::iter::from_fn(|| reader.pending()));
    lines
}

/// A line that was read is bounded, and is the same when it is read again.
pub(crate) fn header(bytes: &[u8]) {
    for line in lines(bytes) {
        assert!(line.raw.len() <= MAX_LINE_BYTES);
        assert!(!line.raw.contains(&b'\n'));
        assert!(line.text.start <= line.text.end && line.text.end as usize <= line.raw.len());
        let again = Line::again(&line.raw, line.at, line.ordinal).expect("what was read can be read");
        assert_eq!(again.digest(), line.digest());
        assert_eq!(again.text(), line.text());
    }
}

/// The bytes up to the first line end are a pattern, what comes after it a text. What matches lies in the text, in time
/// that is linear.
pub(crate) fn pattern(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let input = parts.next().unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    let compiled = pattern::compile(&text, &Types::default(), &mut |name| {
        let index = names.iter().position(|known| known == name).unwrap_or(names.len());
        if index == names.len() {
            names.push(name.to_owned());
        }
        Slot::try_from(index).map_err(|_| None)
    });
    match compiled {
        Ok(compiled) => {
            let mut scratch = Scratch::default();
            if compiled.program.matches(input, &mut scratch) {
                for span in scratch.spans() {
                    assert!(span.start <= span.end && span.end as usize <= input.len());
                }
            }
            let most = 64 * (text.len() as u64 + 1) * (input.len() as u64 + 1);
            assert!(scratch.steps() <= most, "{} steps", scratch.steps());
        }
        Err(faults) => assert!(!faults.is_empty(), "a pattern is refused for a reason"),
    }
}

/// A rule file loads, or every problem is shown, without anything that could steer a terminal.
pub(crate) fn rule_file(bytes: &[u8]) {
    let source = RuleSource {
        file: "fuzz.yaml".to_owned(),
        text: String::from_utf8_lossy(bytes).into_owned(),
        operator: true,
    };
    if let Err(problems) = RuleSet::of(&[source]) {
        assert!(!problems.is_empty());
        for problem in problems {
            let shown = problem.to_string();
            assert!(shown.starts_with("error: "), "{shown}");
            assert!(!shown.contains('\u{1b}'), "{shown:?}");
        }
    }
}

/// A query is understood, or it is shown what is not.
pub(crate) fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = Query::parse(&text) {
        let shown = error.to_string();
        assert!(!shown.is_empty() && !shown.contains('\u{1b}'), "{shown:?}");
    }
}

/// What a queue id's lines say, as documents in JSON.
fn documents(mentions: &Mentions) -> Vec<String> {
    let mut documents: Vec<String> = assemble::documents(mentions, &Locality::default())
        .iter()
        .map(|document| serde_json::to_string(document).expect("a document is JSON"))
        .collect();
    documents.sort();
    documents
}

/// The lines of one queue id say the same in any order, in any two halves, and twice; and what a document remembers of
/// them says it again.
pub(crate) fn document_merge(bytes: &[u8]) {
    let mut scratch = Scratch::default();
    let read = |line: Line, scratch: &mut Scratch| -> Option<(String, Digest, Mention)> {
        let line = Arc::new(line);
        let digest = line.digest();
        if let Some(event) = RULES.event(&line, scratch) {
            let queue_id = event.queue_id()?.to_owned();
            return Some((queue_id, digest, Mention::Event(event)));
        }
        let queue_id = leading_queue_id(&line)?.to_owned();
        Some((queue_id, digest, Mention::Unmatched(line)))
    };
    let said: Vec<_> = lines(bytes)
        .into_iter()
        .filter_map(|line| read(line, &mut scratch))
        .collect();
    let Some((queue_id, _, first)) = said.first() else {
        return;
    };
    let host = Arc::clone(&first.line().host);
    let empty = || Mentions::new(Arc::clone(&host), queue_id.as_str().into());
    let about: Vec<_> = said
        .iter()
        .filter(|(id, _, mention)| id == queue_id && mention.line().host == host)
        .map(|(_, digest, mention)| (*digest, mention.clone()))
        .collect();
    let (mut whole, mut even, mut odd) = (empty(), empty(), empty());
    for (index, (digest, mention)) in about.iter().enumerate() {
        whole.insert(*digest, mention.clone());
        let half = if index % 2 == 0 { &mut even } else { &mut odd };
        half.insert(*digest, mention.clone());
    }
    let wanted = documents(&whole);
    let (mut one, mut other) = (odd.clone(), even.clone());
    one.merge(even);
    other.merge(odd.clone());
    other.merge(odd);
    assert_eq!(documents(&one), wanted);
    assert_eq!(documents(&other), wanted);

    let mut again = empty();
    for document in assemble::documents(&whole, &Locality::default()) {
        for old in remembered(&document) {
            let mut line = Line::again(&old.raw, old.at, old.ordinal).expect("what is kept can be read");
            line.host = Arc::clone(&host);
            if let Some((_, digest, mention)) = read(line, &mut scratch) {
                again.insert(digest, mention);
            }
        }
    }
    if !wanted.is_empty() && again.len() == whole.len() {
        assert_eq!(documents(&again), wanted);
    }
}
