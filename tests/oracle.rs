//! What a pattern means, a second time: an interpreter so plain that it can be read, against the one that is used.
//!
//! It tries everything and remembers nothing: optional parts present before absent, branches in order, `text` shortest
//! first, `last` longest first, closed types without a second try.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use mailtrail::event::{Event, Kind};
use mailtrail::line::{Evidence, Line, Reader, Taken, TimeZone};
use mailtrail::pattern::{self, Scratch, Slot, Types};
use mailtrail::rule::RuleSet;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::lines::dating;
use crate::tool::{data, lab, unpacked};

/// A part of a pattern. A field's number is its name.
#[derive(Debug, Clone)]
enum Part {
    Literal(&'static str),
    Int(u8),
    Word(u8),
    Text(u8),
    Last(u8),
    Rest(u8),
    Maybe(Vec<Part>),
    Either(Vec<Vec<Part>>),
}

/// As a rule file has it.
fn written(parts: &[Part]) -> String {
    let one = |part: &Part| match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::Int(name) => format!("%{{int:f{name}}}"),
        Part::Word(name) => format!("%{{word:f{name}}}"),
        Part::Text(name) => format!("%{{text:f{name}}}"),
        Part::Last(name) => format!("%{{last:f{name}}}"),
        Part::Rest(name) => format!("%{{rest:f{name}}}"),
        Part::Maybe(inner) => format!("%?({}%)", written(inner)),
        Part::Either(branches) => {
            let branches: Vec<String> = branches.iter().map(|branch| written(branch)).collect();
            format!("%({}%)", branches.join("%|"))
        }
    };
    parts.iter().map(one).collect()
}

/// What is still to be matched.
enum Ahead<'a> {
    End,
    Then(&'a [Part], &'a Ahead<'a>),
}

/// Name, start and end of what was kept.
type Kept = Vec<(u8, usize, usize)>;

/// True if what is ahead matches the text from here to its end; what it keeps is then in `kept`.
fn means(ahead: &Ahead<'_>, text: &str, at: usize, kept: &mut Kept) -> bool {
    let (first, rest) = match ahead {
        Ahead::End => return at == text.len(),
        Ahead::Then([], after) => return means(after, text, at, kept),
        Ahead::Then([first, rest @ ..], after) => (first, Ahead::Then(rest, after)),
    };
    let before = kept.len();
    let mut ends = |name: u8, mut ends: &mut dyn Iterator<Item = usize>| {
        Iterator::any(&mut ends, |end| {
            kept.truncate(before);
            kept.push((name, at, end));
            means(&rest, text, end, kept)
        })
    };
    let matched = match first {
        Part::Literal(literal) => text[at..].starts_with(literal) && means(&rest, text, at + literal.len(), kept),
        Part::Int(name) => ends(*name, &mut int(text, at).into_iter()),
        Part::Word(name) => ends(*name, &mut word(text, at).into_iter()),
        Part::Text(name) => ends(*name, &mut (at..=text.len())),
        Part::Last(name) => ends(*name, &mut (at..=text.len()).rev()),
        Part::Rest(name) => ends(*name, &mut std::iter::once(text.len())),
        Part::Maybe(inner) => {
            means(&Ahead::Then(inner, &rest), text, at, kept) || {
                kept.truncate(before);
                means(&rest, text, at, kept)
            }
        }
        Part::Either(branches) => branches.iter().any(|branch| {
            kept.truncate(before);
            means(&Ahead::Then(branch, &rest), text, at, kept)
        }),
    };
    if !matched {
        kept.truncate(before);
    }
    matched
}

/// The end of the number that begins here.
fn int(text: &str, at: usize) -> Option<usize> {
    let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(at + digits)
}

/// The end of the word that begins here; the texts below have none of `-.+`, which a word may hold inside.
fn word(text: &str, at: usize) -> Option<usize> {
    let letters = text[at..]
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count();
    (letters > 0).then_some(at + letters)
}

const PIECES: &[&str] = &["a", "b1", "7", ", ", ": ", "=", "<", ">", " ", "; to=<", "ab", "x "];

/// Parts that a compiler takes: what has no end of its own is followed by a text, and each field has a name.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let literal = || proptest::sample::select(PIECES).prop_map(Part::Literal);
    let field = prop_oneof![
        1 => Just(Part::Int(0)),
        2 => Just(Part::Word(0)),
        3 => Just(Part::Text(0)),
        3 => Just(Part::Last(0)),
    ];
    let leaf = prop_oneof![
        2 => literal().prop_map(|literal| vec![literal]),
        3 => (field, literal()).prop_map(|(field, literal)| vec![field, literal]),
    ];
    let piece = leaf.prop_recursive(3, 16, 4, |inner| {
        let inner = proptest::collection::vec(inner, 1..4).prop_map(|pieces| pieces.concat());
        prop_oneof![
            inner.clone().prop_map(|inner| vec![Part::Maybe(inner)]),
            proptest::collection::vec(inner, 2..4).prop_map(|branches| vec![Part::Either(branches)]),
        ]
    });
    let end = prop_oneof![
        Just(Vec::new()),
        Just(vec![Part::Rest(0)]),
        Just(vec![Part::Text(0)]),
        Just(vec![Part::Last(0)]),
    ];
    (proptest::collection::vec(piece, 1..6), end).prop_map(|(pieces, end)| {
        let mut parts = [pieces.concat(), end].concat();
        name(&mut parts, &mut 0);
        parts
    })
}

fn name(parts: &mut [Part], next: &mut u8) {
    for part in parts {
        match part {
            Part::Literal(_) => {}
            Part::Maybe(inner) => name(inner, next),
            Part::Either(branches) => branches.iter_mut().for_each(|branch| name(branch, next)),
            Part::Int(name) | Part::Word(name) | Part::Text(name) | Part::Last(name) | Part::Rest(name) => {
                *name = *next;
                *next += 1;
            }
        }
    }
}

/// A text that has good chances: what the pattern says with something in its holes, and something of anything.
fn likely(parts: &[Part], chance: &mut dyn Iterator<Item = usize>) -> String {
    let mut text = String::new();
    for part in parts {
        let dice = chance.next().unwrap_or_default();
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Int(_) => text.push_str(["7", "42", "007"][dice % 3]),
            Part::Word(_) => text.push_str(["a", "b1", "word"][dice % 3]),
            Part::Text(_) | Part::Last(_) | Part::Rest(_) => {
                for _ in 0..dice % 4 {
                    text.push_str(PIECES[chance.next().unwrap_or_default() % PIECES.len()]);
                }
            }
            Part::Maybe(inner) if dice.is_multiple_of(2) => text.push_str(&likely(inner, chance)),
            Part::Maybe(_) => {}
            Part::Either(branches) => text.push_str(&likely(&branches[dice % branches.len()], chance)),
        }
    }
    text
}

#[test]
fn a_pattern_means_what_the_plain_interpreter_says() {
    let (compiled_count, matched_count) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let chances = proptest::collection::vec(0_usize..1000, 40);
    let result = runner.run(
        &(
            parts(),
            chances,
            proptest::collection::vec(proptest::sample::select(PIECES), 0..3),
        ),
        |(parts, chances, more)| {
            let pattern = written(&parts);
            let mut names: Vec<u8> = Vec::new();
            let program = pattern::compile(&pattern, &Types::default(), &mut |name| {
                let name: u8 = name[1..].parse().unwrap();
                let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                });
                Ok(Slot::try_from(index).unwrap())
            });
            // Two open fields that touch, `rest` before the end: refused, and rightly so.
            let Ok(compiled) = program else { return Ok(()) };
            compiled_count.set(compiled_count.get() + 1);
            let text = likely(&parts, &mut chances.into_iter());
            for text in [text.clone() + &more.concat(), text] {
                let mut scratch = Scratch::default();
                let matched = compiled.program.matches(text.as_bytes(), &mut scratch);
                let mut kept = Kept::new();
                let meant = means(&Ahead::Then(&parts, &Ahead::End), &text, 0, &mut kept);
                prop_assert_eq!(matched, meant, "{} on {:?}", &pattern, &text);
                if matched {
                    matched_count.set(matched_count.get() + 1);
                    let spans: Kept = scratch
                        .spans()
                        .iter()
                        .map(|span| (names[span.slot as usize], span.start as usize, span.end as usize))
                        .collect();
                    prop_assert_eq!(spans, kept, "{} on {:?}", &pattern, &text);
                }
            }
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
    let (compiled, matched) = (compiled_count.get(), matched_count.get());
    assert!(
        compiled > 500 && matched > 400,
        "{compiled} patterns compiled, {matched} texts matched"
    );
}

/// The lines of the lab, those of many programs beside an MTA, and every sample of every rule as a line of its program.
fn real(rules: &RuleSet) -> Vec<Line> {
    let mut log = String::new();
    for (corpus, file) in [
        ("postfix-short", "mail.rfc3339.log.gz"),
        ("postfix-short", "mail.rfc5424.log.gz"),
        ("postfix-repeated", "mail.rfc3339.log.gz"),
        ("sendmail", "mail.rfc3339.log.gz"),
        ("multihop", "mail.rfc3339.log.gz"),
    ] {
        log.push_str(&unpacked(&lab(corpus, file)));
    }
    log.push_str(&unpacked(&data("oracle/others.log")));
    for rule in rules.rules() {
        let program = rule.programs().first().map_or("postfix/smtpd", String::as_str);
        for sample in rule.samples().iter().chain(rule.not()) {
            let _ = writeln!(log, "2026-11-24T02:04:04Z mx1 {program}[1]: {sample}");
        }
    }
    let mut reader = Reader::new(Arc::from("test"), dating(TimeZone::Utc), Evidence::default());
    let mut lines = Vec::new();
    for (number, raw) in (1..).zip(log.lines()) {
        if let Taken::Line(line) = reader.take(raw.as_bytes(), number) {
            lines.push(line);
        }
        lines.extend(std::iter::from_fn(|| reader.pending()));
    }
    lines
}

/// Letters and digits by their kind: lines of one shape need to be tried once.
fn shape(line: &Line) -> Vec<u8> {
    let kind = |byte: &u8| match byte {
        b'0'..=b'9' => b'0',
        b'A'..=b'Z' => b'A',
        other => *other,
    };
    let mut shape: Vec<u8> = line.program.bytes().chain(*b" ").collect();
    shape.extend(line.text().iter().map(kind));
    shape.dedup();
    shape
}

/// The first rule of the line's program that matches, all of them tried in their order. Where there is none, or only a
/// generic one, the first of any Postfix daemon, if the line is of one: a wrapper may have changed the tag. Only postsuper
/// can say that a message was deleted.
fn winner(rules: &RuleSet, line: &Arc<Line>, scratch: &mut Scratch) -> Option<Event> {
    let mut first = |program: &str| {
        rules.of_program(program).into_iter().find_map(|rule| {
            let event = rules.event_by(rule, line, scratch)?;
            Some((event, rules.rules()[rule].generic()))
        })
    };
    let own = first(&line.program);
    if rules.of_program(&line.program).is_empty() || matches!(own, Some((_, false))) {
        return own.map(|(event, _)| event);
    }
    let of_any = (line.program.starts_with("postfix/"))
        .then(|| first("postfix"))
        .flatten()
        .filter(|(event, _)| event.kind != Kind::Delete);
    match (own, of_any) {
        (_, Some((event, false))) | (Some((event, true)), _) | (None, Some((event, true))) => Some(event),
        _ => None,
    }
}

/// Blanks too many are read as one, for which the plain way has no words.
fn padded(line: &Line) -> bool {
    line.text().ends_with(b" ") || line.text().windows(2).any(|pair| pair == b"  ")
}

#[test]
fn no_line_of_another_program_is_taken_for_what_its_words_look_like() {
    let rules = RuleSet::builtin().unwrap();
    let log = unpacked(&data("oracle/others.log"));
    let mut reader = Reader::new(Arc::from("test"), dating(TimeZone::Utc), Evidence::default());
    let mut scratch = Scratch::default();
    let mut programs = HashSet::new();
    for (number, raw) in (1..).zip(log.lines()) {
        let Taken::Line(line) = reader.take(raw.as_bytes(), number) else {
            panic!("no line: {raw}");
        };
        let line = Arc::new(line);
        programs.insert(line.program.to_string());
        let found = rules.event(&line, &mut scratch);
        // A program that no rule is for stays unknown, whatever it quotes.
        if rules.of_program(&line.program).is_empty() {
            assert!(found.is_none(), "{raw}");
        }
    }
    assert!(programs.len() > 80, "{}", programs.len());
}

#[test]
fn the_rule_that_wins_is_the_first_of_its_program_that_matches() {
    let rules = RuleSet::builtin().unwrap();
    let mut scratch = Scratch::default();
    let mut shapes = HashSet::new();
    let lines = real(&rules);
    let lines: Vec<Arc<Line>> = lines
        .into_iter()
        .filter(|line| shapes.insert(shape(line)))
        .map(Arc::new)
        .collect();
    assert!(lines.len() > 2_000, "{}", lines.len());
    for line in &lines {
        if padded(line) {
            continue;
        }
        let found = rules.event(line, &mut scratch);
        let plain = winner(&rules, line, &mut scratch);
        let shown = |event: &Option<mailtrail::event::Event>| event.as_ref().map(crate::patterns::shown);
        assert_eq!(shown(&found), shown(&plain), "{}", String::from_utf8_lossy(&line.raw));
    }
}

const BENDS: &[&str] = &[
    ", status=sent",
    "%",
    "from=<",
    ">",
    ": ",
    "\"",
    " ",
    "]",
    ", stat=Sent (",
    "\u{e9}",
    "NOQUEUE: ",
];

/// Lines of the lab with something hostile put into them.
#[test]
fn the_rule_that_wins_over_a_bent_line_is_the_first_that_matches_it() {
    let rules = RuleSet::builtin().unwrap();
    let lines = real(&rules);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let which = (
        0..lines.len(),
        proptest::sample::select(BENDS),
        0_usize..200,
        0_usize..6,
    );
    let result = runner.run(&which, |(index, bend, at, gone)| {
        let line = &lines[index];
        let from = line.text.start as usize + at.min(line.text().len());
        let to = (from + gone).min(line.raw.len());
        let raw = [&line.raw[..from], bend.as_bytes(), &line.raw[to..]].concat();
        let mut reader = Reader::new(Arc::from("test"), dating(TimeZone::Utc), Evidence::default());
        let Taken::Line(bent) = reader.take(&raw, 1) else {
            return Ok(());
        };
        let bent = Arc::new(bent);
        if padded(&bent) {
            return Ok(());
        }
        let mut scratch = Scratch::default();
        let found = rules.event(&bent, &mut scratch);
        let plain = winner(&rules, &bent, &mut scratch);
        let shown = |event: &Option<mailtrail::event::Event>| event.as_ref().map(crate::patterns::shown);
        prop_assert_eq!(shown(&found), shown(&plain));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
