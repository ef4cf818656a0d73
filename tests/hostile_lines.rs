//! Kilobytes of almost what a rule waits for: the time that a line takes grows with its length, not with its square.

use std::sync::Arc;

use mailtrail::line::{Evidence, Line, Reader, Taken, TimeZone};
use mailtrail::pattern::Scratch;
use mailtrail::rule::RuleSet;

use crate::lines::dating;

/// What stands between the fields of the MTAs' lines.
const ALMOST: &[&str] = &[
    ", status=",
    "from=<",
    ": ",
    " (",
    "\"a> b\"@x>, ",
    "[::1]: ",
    ", stat=x",
    "; to=<",
];

fn line(program: &str, text: &str) -> Arc<Line> {
    let raw = format!("2026-11-24T02:04:04Z mx1 {program}[1]: {text}");
    let mut reader = Reader::new(Arc::from("test"), dating(TimeZone::Utc), Evidence::default());
    match reader.take(raw.as_bytes(), 1) {
        Taken::Line(line) => Arc::new(line),
        other => panic!("{other:?}"),
    }
}

/// The beginning of a line that a rule knows, then almost a delimiter, again and again, then the line's end.
fn bent(sample: &str, cut: usize, almost: &str, length: usize) -> String {
    let mut cut = cut.min(sample.len());
    while !sample.is_char_boundary(cut) {
        cut -= 1;
    }
    let (head, tail) = sample.split_at(cut);
    [head, &almost.repeat(length / almost.len()), tail].concat()
}

#[test]
fn a_long_line_of_near_delimiters_takes_any_rule_linear_time() {
    let rules = RuleSet::builtin().unwrap();
    let steps = |program: &str, text: &str| {
        let mut scratch = Scratch::default();
        let _ = rules.event(&line(program, text), &mut scratch);
        scratch.steps()
    };
    let mut tried = 0;
    // Another piece for each rule and place.
    for (number, rule) in rules.rules().iter().enumerate() {
        let (Some(program), Some(sample)) = (rule.programs().first(), rule.samples().first()) else {
            continue;
        };
        for cut in [sample.len() / 3, sample.len() / 2, sample.len()] {
            let almost = ALMOST[(number + cut) % ALMOST.len()];
            let short = steps(program, &bent(sample, cut, almost, 2 << 10));
            let long = steps(program, &bent(sample, cut, almost, 8 << 10));
            let told = || {
                format!(
                    "{} on {almost:?} after {cut} bytes: {short} steps, then {long}",
                    rule.id()
                )
            };
            assert!(long <= 6 * short.max(2_000), "{}", told());
            assert!(long <= 600 * (8 << 10), "{}", told());
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried}");
}
