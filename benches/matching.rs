//! What it costs to know what a line says: the line read, its header and identity, the rule that claims it.
//!
//!     cargo bench --bench matching -- rules                      # load the built-in rules
//!     cargo bench --bench matching -- lines LOG                  # and read the lines
//!     cargo bench --bench matching -- events LOG [TIMES]         # and find the rules that claim them
//!
//! `benches/instructions` counts instructions of the whole program instead.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use mailtrail::line::{Dating, Evidence, Reader, TimeZone};
use mailtrail::rule::{RuleSet, Scratch};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (stage, log, times) = match *words.as_slice() {
        [] | ["rules"] => ("rules", None, 1),
        [stage @ ("lines" | "events"), log] => (stage, Some(log), 1),
        [stage @ ("lines" | "events"), log, times] => (stage, Some(log), times.parse()?),
        _ => return Err("usage: matching rules | lines LOG [TIMES] | events LOG [TIMES]".into()),
    };
    let start = Instant::now();
    let rules = RuleSet::builtin().map_err(|problems| format!("{problems:?}"))?;
    report("load the rules", rules.rules().len(), start);
    let Some(log) = log else { return Ok(()) };
    let bytes = std::fs::read(log)?;
    let mut scratch = Scratch::default();
    for _ in 0..times {
        let start = Instant::now();
        let (lines, events) = read(&bytes, (stage == "events").then_some(&rules), &mut scratch);
        report(&format!("{stage}, {events} events"), lines, start);
    }
    Ok(())
}

/// How many lines and events there were.
fn read(log: &[u8], rules: Option<&RuleSet>, scratch: &mut Scratch) -> (usize, usize) {
    let dating = Dating::today(TimeZone::Utc, Some(2026));
    let mut reader = Reader::new(Arc::from("log"), dating, Evidence::default());
    let (mut lines, mut events, mut from) = (0, 0, 0);
    for end in memchr::memchr_iter(b'\n', log) {
        lines += 1;
        if let Some(line) = reader.read(&log[from..end], lines)
            && let Some(rules) = rules
        {
            events += usize::from(rules.event(&Arc::new(line), scratch).is_some());
        }
        from = end + 1;
    }
    (usize::try_from(lines).unwrap_or(usize::MAX), events)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn report(what: &str, count: usize, start: Instant) {
    let nanoseconds = start.elapsed().as_nanos() / count.max(1) as u128;
    println!("{what}: {count}, {nanoseconds} ns each");
}
