//! The pattern language: the worked patterns, forged lines, and the promise of linear time.

use std::fmt::Write as _;

use mailtrail::event::Event;
use mailtrail::pattern::{self, PairsShape, Program, Scratch, Slot, Span, Types, UNKNOWN};
use mailtrail::rule::{Case, RuleSet, RuleSource, Verdict};

fn worked() -> RuleSet {
    let mut sources: Vec<RuleSource> = RuleSource::builtin()
        .into_iter()
        .filter(|source| source.file.ends_with("types.yaml"))
        .collect();
    sources.extend(RuleSource::of_folder("tests/data/worked".as_ref()).unwrap());
    RuleSet::of(&sources).unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        )
    })
}

/// A line for each field: name and value.
pub(crate) fn shown(event: &Event) -> String {
    let mut text = format!("{} {} {}\n", event.rule_id(), event.kind.name(), event.severity.name());
    for (field, name, _) in mailtrail::event::FIELDS {
        for value in event.all(*field) {
            let _ = writeln!(text, "  {name}: {}", value.escape_ascii());
        }
    }
    for (name, value) in event.extra() {
        let _ = writeln!(text, "  + {name}: {}", value.escape_ascii());
    }
    text
}

#[test]
fn the_worked_patterns_mean_what_they_meant() {
    let rules = worked();
    let mut text = String::new();
    for Case {
        rule,
        sample,
        verdict,
        event,
    } in rules.cases()
    {
        assert_eq!(verdict, Verdict::Ok, "{}: {sample}", rules.rules()[rule].id());
        if let Some(event) = event {
            let _ = writeln!(text, "{sample}\n{}", shown(&event));
        }
    }
    insta::assert_snapshot!(text);
}

/// A pattern of plain fields, whose slots are numbered in the order of their names' first use.
struct Plain {
    program: Program,
    names: Vec<String>,
}

impl Plain {
    fn new(pattern: &str) -> Self {
        let mut names: Vec<String> = Vec::new();
        let compiled = pattern::compile(pattern, &types(), &mut |name| {
            let index = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            });
            Ok(Slot::try_from(index).unwrap())
        });
        Self {
            program: compiled
                .unwrap_or_else(|faults| panic!("{pattern}: {faults:?}"))
                .program,
            names,
        }
    }

    /// The kept fields as `name=value`, or None if the text does not match.
    fn fields(&self, text: &str) -> Option<Vec<String>> {
        let mut scratch = Scratch::default();
        self.program.matches(text.as_bytes(), &mut scratch).then(|| {
            let value = |span: &Span| &text[span.start as usize..span.end as usize];
            scratch
                .spans()
                .iter()
                .map(|span| format!("{}={}", self.names[span.slot as usize], value(span)))
                .collect()
        })
    }
}

fn types() -> Types {
    let mut types = Types::default();
    types
        .add("peer", "%?(%{host:host}%)[%{ip:ip}]%?(:%{int:port}%)")
        .unwrap();
    types.add("mailbox", "%(<%{addr}>%|%{bare_addr}%)").unwrap();
    let shape = PairsShape {
        between: vec![", ".to_owned(), " ".to_owned()],
        assign: "=".to_owned(),
        first: vec!["to".to_owned()],
        required: vec!["status".to_owned()],
        ..PairsShape::default()
    };
    let keys = [("to", "%{mailbox}"), ("note", "%{text}"), ("status", "%{word}")];
    let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
    types.add_pairs("delivery", shape, &keys).unwrap();
    types
}

#[test]
fn an_abandoned_branch_takes_its_captures_with_it() {
    let relay = Plain::new("relay=%(%{peer:relay}%|%{word:relay}%), delay=%{seconds:delay}");
    assert_eq!(
        relay.fields("relay=dovecot, delay=1").unwrap(),
        ["relay=dovecot", "delay=1"]
    );
    let optional = Plain::new("%?(%{word:a} %{word:b} %)%{rest:c}");
    assert_eq!(optional.fields("one two").unwrap(), ["c=one two"]);
    let open = Plain::new("%{text:a}: %{int:b}");
    assert_eq!(open.fields("x: y: 7").unwrap(), ["a=x: y", "b=7"]);
}

#[test]
fn text_ends_first_and_last_ends_last() {
    assert_eq!(
        Plain::new("%{text:a} b%{rest:c}").fields("x b y b z").unwrap(),
        ["a=x", "c= y b z"]
    );
    assert_eq!(
        Plain::new("%{last:a} b%{rest:c}").fields("x b y b z").unwrap(),
        ["a=x b y", "c= z"]
    );
}

#[test]
fn a_pattern_is_anchored_at_both_ends() {
    let removed = Plain::new("%{qid:id}: removed");
    assert!(removed.fields("4104E3D: removed").is_some());
    assert!(removed.fields("4104E3D: removed.").is_none());
    assert!(removed.fields(" 4104E3D: removed").is_none());
}

#[test]
fn an_address_takes_its_quotes_with_it() {
    let to = Plain::new("to=<%{addr:to}>, %{rest:more}");
    let cases = [
        (r#"to=<"a> b, status=sent"@x>, y"#, r#""a> b, status=sent"@x"#),
        (r#"to=<"a\"> b"@x>, y"#, r#""a\"> b"@x"#),
        (r"to=<>, y", ""),
        (r#"to=<a"b@x>, y"#, r#"a"b@x"#),
        (r#"to=<"@x>, said "no"#, r#""@x"#),
        (r"to=<ok odd@x>, y", "ok odd@x"),
    ];
    for (line, address) in cases {
        let fields = to.fields(line).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(fields[0], format!("to={address}"), "{line}");
    }
    // sendmail logs every backslash twice.
    let slashed = Plain::new("to=<%{slashed_addr:to}>, y");
    assert_eq!(slashed.fields(r#"to=<"a\\"> b"@x>, y"#).unwrap(), [r#"to="a\\"> b"@x"#]);
}

#[test]
fn closed_types_know_their_end() {
    let cases = [
        ("ip", "192.0.2.1", ": x"),
        ("ip", "2001:db8::1", ": x"),
        ("ip", "fe80::1%eth0", "]"),
        ("ip4", "192.0.2.1", "."),
        ("host", "mx.good.example", " x"),
        ("word", "force-expired", ". x"),
        ("seconds", "5.2e-05", "/"),
        ("number", "-1.5", " "),
        ("clock", "2+15:56:56", ","),
        ("dsn", "5.1.10", " "),
        ("counter", "0/1", " "),
        ("token", "a/b=c", ", "),
        ("qid", "4jYRVX2ky8z1Wg27", ":"),
        ("path", "private/dovecot-lmtp", "]"),
        ("msgid", "<a b>", " x"),
    ];
    for (name, value, after) in cases {
        let after_text = after.trim_end();
        let pattern = Plain::new(&format!("%{{{name}:v}}{after}"));
        let text = format!("{value}{after}");
        let kept = value.trim_matches(['<', '>']);
        assert_eq!(
            pattern.fields(&text).unwrap_or_default(),
            [format!("v={kept}")],
            "{name} {after_text:?}"
        );
    }
    for (name, text) in [
        ("ip4", "192.0.2.256"),
        ("qid", "NOQUEUE"),
        ("ip6", "12:34"),
        ("dsn", "5.1"),
        ("qid", "abc12"),
        ("clock", "1:2"),
        ("int", "-"),
    ] {
        assert!(
            Plain::new(&format!("%{{{name}:v}}")).fields(text).is_none(),
            "{name} {text}"
        );
    }
}

#[test]
fn an_unknown_key_is_kept_and_an_empty_value_is_none() {
    let list = Plain::new("%{delivery}");
    let mut scratch = Scratch::default();
    let line = "to=<a@b>, note=, odd=<c, status=d>, more=1 2, status=sent";
    assert!(list.program.matches(line.as_bytes(), &mut scratch));
    let shown: Vec<(bool, &str)> = scratch
        .spans()
        .iter()
        .map(|span| (span.slot == UNKNOWN, &line[span.start as usize..span.end as usize]))
        .collect();
    assert_eq!(
        shown,
        [
            (false, "a@b"),
            (true, "odd"),
            (true, "<c, status=d>"),
            (true, "more"),
            (true, "1 2"),
            (false, "sent"),
        ]
    );
}

#[test]
fn a_repeated_key_is_counted_and_the_first_one_stands() {
    let list = Plain::new("%{delivery}");
    let mut scratch = Scratch::default();
    let line = b"to=<a@b>, to=<evil@b>, status=sent, status=bounced";
    assert!(list.program.matches(line, &mut scratch));
    assert_eq!(scratch.repeated_keys(), 2);
    assert_eq!(
        list.fields("to=<a@b>, to=<evil@b>, status=sent").unwrap(),
        ["to=a@b", "status=sent"]
    );
}

/// Steps for a text that is `piece` repeated up to `length` bytes between `head` and `tail`.
fn steps(pattern: &Plain, head: &str, piece: &str, tail: &str, length: usize) -> u64 {
    let text = [head, &piece.repeat(length / piece.len()), tail].concat();
    let mut scratch = Scratch::default();
    pattern.program.matches(text.as_bytes(), &mut scratch);
    scratch.steps()
}

#[test]
fn a_hostile_line_takes_linear_time() {
    let cases = [
        ("%{text:a} x %{text:b} y %{text:c} z", "", " x  y ", ""),
        ("%{last:a} x %{last:b} y %{last:c} z", "", " x  y ", ""),
        ("%{text:a}, %{last:b}, %{text:c}; %{last:d}.", "", ", ; ", ""),
        ("%?(a%)%?(a%)%?(a%)%?(a%)%?(a%)%?(a%)%{text:t}b", "", "a", ""),
        ("%{list(mailbox):to}, end", "", "<a@b>,", ""),
        ("<%{msgid:id}>, %{text:a} x>", "<", ">, x", ""),
        ("%{text:a}; %{delivery}", "", "; to=<a@b> x=", ""),
        ("%{text:a}; %{delivery}", "", "; to=<\"a@b> note=1 ", ""),
        ("%{delivery}", "to=<a>", ", k=v", ""),
        (
            "%{text:a} from %{peer:b}: %{text:c}; %{delivery}",
            "",
            " from a[::1]: ; to=<",
            "",
        ),
    ];
    for (pattern, head, piece, tail) in cases {
        let compiled = Plain::new(pattern);
        let short = steps(&compiled, head, piece, tail, 8 << 10);
        let long = steps(&compiled, head, piece, tail, 32 << 10);
        assert!(short < 40 * (8 << 10), "{pattern}: {short} steps for 8 KiB");
        assert!(
            long < 6 * short.max(1000),
            "{pattern}: {short} steps for 8 KiB, {long} for 32 KiB"
        );
    }
}

#[test]
fn no_bytes_make_a_pattern_panic() {
    let patterns = [
        "%{qid:id}: %{delivery}%?( (%{last:reply})%)",
        "%{text:a} from %{peer:b}: %{last:c}; %{rest:d}",
        "%{list(mailbox):to}%?( %{msgid:id}%)",
        "%{quoted:a}%{bracketed:b}%{clock:c}%{number:d}",
    ];
    let compiled = patterns.map(Plain::new);
    proptest::proptest!(|(bytes in proptest::collection::vec(
        proptest::prop_oneof![proptest::sample::select(b"<>\"\\, =:;[]()a1.%\xc3".to_vec()), proptest::num::u8::ANY],
        0..80,
    ))| {
        let mut scratch = Scratch::default();
        for pattern in &compiled {
            if pattern.program.matches(&bytes, &mut scratch) {
                for span in scratch.spans() {
                    proptest::prop_assert!(span.start <= span.end && span.end as usize <= bytes.len());
                }
            }
        }
    });
}

/// Without the standard library's parser, which takes the time of a dozen other fields.
#[test]
fn an_ip4_is_what_the_standard_library_takes_for_one() {
    use proptest::prelude::*;
    let pieces = &[
        "0", "1", "9", "10", "25", "255", "256", "01", ".", ".", ".", "..", ":", "::", " ", "a",
    ];
    let texts = proptest::collection::vec(proptest::sample::select(pieces), 0..12);
    let config = ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&texts, |pieces| {
        let text = pieces.concat();
        let run = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let plain = text[..run].strip_suffix('.').unwrap_or(&text[..run]);
        let is_address = plain.parse::<std::net::Ipv4Addr>().is_ok() && !text[plain.len()..].starts_with("::");
        let taken = pattern::take("ip4", text.as_bytes(), 0);
        prop_assert_eq!(taken, is_address.then_some((0..plain.len(), plain.len())), "{:?}", text);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
