//! A message is the set of its lines: any split, order and repetition of real lines ends with the same documents.
//!
//! What fails is made small: proptest gives the fewest lines and parts that still differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use mailtrail::assemble::evidence::remembered;
use mailtrail::assemble::mention::{leading_queue_id, queue_ids};
use mailtrail::assemble::{self, Locality, Mention, Mentions};
use mailtrail::line::{Digest, Evidence, Line, Reader, Taken, TimeZone};
use mailtrail::pattern::Scratch;
use mailtrail::rule::RuleSet;
use mailtrail::transaction::Transaction;
use proptest::prelude::*;

use crate::lines::dating;
use crate::state::{Documents, assert_same, index, stored};
use crate::tool::{lab, unpacked};

static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::builtin().unwrap());

/// The lines of one queue id of one host.
#[derive(Debug, Clone)]
struct Group {
    host: Arc<str>,
    queue_id: Arc<str>,
    lines: Vec<(Digest, Mention)>,
}

fn mention(line: Line, scratch: &mut Scratch) -> (Digest, Mention) {
    let line = Arc::new(line);
    let digest = line.digest();
    match RULES.event(&line, scratch) {
        Some(event) => (digest, Mention::Event(event)),
        None => (digest, Mention::Unmatched(line)),
    }
}

/// Host and queue id.
type Key = (Arc<str>, Arc<str>);

fn groups(log: &str) -> Vec<Group> {
    let mut reader = Reader::new(Arc::from("test"), dating(TimeZone::Utc), Evidence::default());
    let mut scratch = Scratch::default();
    let mut all: BTreeMap<Key, Vec<(Digest, Mention)>> = BTreeMap::new();
    for (number, raw) in (1..).zip(log.lines()) {
        let taken = reader.take(raw.as_bytes(), number);
        let mut lines: Vec<Line> = std::iter::from_fn(|| reader.pending()).collect();
        if let Taken::Line(line) = taken {
            lines.insert(0, line);
        }
        for line in lines {
            let (digest, mention) = mention(line, &mut scratch);
            let ids: Vec<Arc<str>> = match &mention {
                Mention::Event(event) => queue_ids(event, &Locality::default())
                    .into_iter()
                    .map(Arc::from)
                    .collect(),
                Mention::Unmatched(line) => leading_queue_id(line).into_iter().map(Arc::from).collect(),
            };
            for id in ids {
                let key = (mention.line().host.clone(), id);
                all.entry(key).or_default().push((digest, mention.clone()));
            }
        }
    }
    all.into_iter()
        .map(|((host, queue_id), lines)| Group { host, queue_id, lines })
        .collect()
}

/// Every message of the lab, and the hard ones: an id that comes back, equal lines in one second, more lines than a
/// document shows and more recipients than it lists.
static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for (corpus, file) in [
        ("postfix-short", "mail.log.gz"),
        ("postfix-repeated", "mail.log.gz"),
        ("sendmail", "mail.rfc3339.log.gz"),
        ("multihop", "mail.rfc3339.log.gz"),
    ] {
        all.extend(groups(&unpacked(&lab(corpus, file))));
    }
    all.extend(hard());
    all
});

/// Made of real lines of lab/postfix-short.
fn hard() -> Vec<Group> {
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let of = |id: &str| {
        log.lines()
            .filter(|line| line.contains(id))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (first, second) = (of("757F89D60C0"), of("7A5129D60C1"));
    assert!(first.len() > 5 && second.len() > 5);
    let mut logs = Vec::new();
    // The id comes back an hour later, and once more in the second in which it was removed.
    let again = second.iter().map(|line| line.replace("7A5129D60C1", "757F89D60C0"));
    let later = again.clone().map(|line| line.replace("Nov 24 02:", "Nov 24 03:"));
    logs.push(first.iter().cloned().chain(later).collect::<Vec<_>>().join("\n"));
    logs.push(first.iter().cloned().chain(again).collect::<Vec<_>>().join("\n"));
    // Each line twice: the second one is another event of the same second.
    logs.push(
        first
            .iter()
            .flat_map(|line| [line.clone(), line.clone()])
            .collect::<Vec<_>>()
            .join("\n"),
    );
    // More than a document shows of its lines, or lists of its recipients.
    for count in [70, 2_100] {
        let mut log = String::new();
        for line in &first {
            if !line.contains(": to=<") {
                let _ = writeln!(log, "{line}");
                continue;
            }
            for n in 0..count / first.iter().filter(|line| line.contains(": to=<")).count() {
                let _ = writeln!(log, "{}", line.replace(": to=<", &format!(": to=<n{n}.")));
            }
        }
        logs.push(log);
    }
    logs.iter()
        .flat_map(|log| groups(log))
        .filter(|group| &*group.queue_id == "757F89D60C0")
        .collect()
}

impl Group {
    fn empty(&self) -> Mentions {
        Mentions::new(self.host.clone(), self.queue_id.clone())
    }

    fn of(&self, lines: impl IntoIterator<Item = usize>) -> Mentions {
        let mut mentions = self.empty();
        for index in lines {
            let (digest, mention) = &self.lines[index];
            mentions.insert(*digest, mention.clone());
        }
        mentions
    }

    /// What a store's documents remember, read again.
    fn again(&self, documents: &[Transaction]) -> Mentions {
        let mut scratch = Scratch::default();
        let mut mentions = self.empty();
        for document in documents {
            for old in remembered(document) {
                let mut line = Line::again(&old.raw, old.at, old.ordinal).unwrap();
                line.host = self.host.clone();
                let (digest, mention) = mention(line, &mut scratch);
                mentions.insert(digest, mention);
            }
        }
        mentions
    }
}

fn documents(mentions: &Mentions) -> Vec<Transaction> {
    let mut documents = assemble::documents(mentions, &Locality::default());
    documents.sort_by(|a, b| a.id.cmp(&b.id));
    documents
}

/// A group, and per line the runs that read it: one of four or several.
fn split() -> impl Strategy<Value = (usize, Vec<u8>, Vec<usize>)> {
    (0..GROUPS.len()).prop_flat_map(|index| {
        let lines = GROUPS[index].lines.len();
        (
            Just(index),
            proptest::collection::vec(1_u8..16, lines),
            Just((0..4).collect::<Vec<usize>>()).prop_shuffle(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Four runs in any order, each with any of the lines, one after the other into what the run before left: as one run.
    #[test]
    fn runs_in_any_order_over_any_lines_end_with_the_documents_of_one((index, runs, order) in split()) {
        let group = &GROUPS[index];
        let wanted = documents(&group.of(0..group.lines.len()));
        let mut stored: Vec<Transaction> = Vec::new();
        // Lines of which no rule knows any wait in the state.
        let mut waiting = group.empty();
        for run in order {
            let read = runs.iter().enumerate().filter(|(_, of)| *of & (1 << run) != 0).map(|(index, _)| index);
            let mut mentions = group.of(read);
            mentions.merge(group.again(&stored));
            mentions.merge(std::mem::replace(&mut waiting, group.empty()));
            stored = documents(&mentions);
            if stored.is_empty() {
                waiting = mentions;
            }
        }
        prop_assert_eq!(stored, wanted, "{} on {}", &group.queue_id, &group.host);
    }

    /// Union is commutative, associative and idempotent.
    #[test]
    fn sets_of_lines_are_united_in_any_way((index, runs, order) in split()) {
        let group = &GROUPS[index];
        let wanted = documents(&group.of(0..group.lines.len()));
        let part = |run: usize| {
            group.of(runs.iter().enumerate().filter(|(_, of)| *of & (1 << run) != 0).map(|(index, _)| index))
        };
        let mut left = group.empty();
        for run in &order {
            left.merge(part(*run));
        }
        let mut right = part(order[3]);
        let (mut middle, last) = (part(order[2]), part(order[1]));
        middle.merge(last);
        right.merge(middle);
        right.merge(part(order[0]));
        right.merge(left.clone());
        prop_assert_eq!(&documents(&left), &wanted);
        prop_assert_eq!(&documents(&right), &wanted);
    }
}

/// Without the ledger: a line that stands in two files was read twice.
fn messages(documents: Documents) -> Documents {
    let told = |document: &serde_json::Value| document["kind"] != "slice";
    documents.into_iter().filter(|(_, document)| told(document)).collect()
}

/// A stretch of a real log, cut into whole seconds. It begins anew behind the last one.
fn seconds(corpus: &str, from: usize) -> Vec<String> {
    let log = unpacked(&lab(corpus, "mail.rfc3339.log.gz"));
    let mut seconds: Vec<String> = Vec::new();
    let mut last = "";
    let stretches = log.lines().count() - 160;
    for line in log.lines().skip(from % stretches).take(160) {
        if line[..19] != *last {
            seconds.push(String::new());
        }
        last = &line[..19];
        if let Some(second) = seconds.last_mut() {
            let _ = writeln!(second, "{line}");
        }
    }
    seconds
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Runs without sessions: of scattered seconds nobody can tell where a client's session ends. What cuts at one place do
    /// to sessions is claimed in `sessions.rs`.
    ///
    /// The whole tool: three runs in any order, each over any of the seconds of a log, into one store.
    #[test]
    fn three_indexings_of_any_seconds_end_with_the_store_of_one(
        corpus in proptest::sample::select(vec!["postfix-short", "sendmail", "multihop"]),
        from in 0_usize..1_500,
        runs in proptest::collection::vec(1_u8..8, 160),
        order in Just(vec![0, 1, 2]).prop_shuffle(),
    ) {
        let seconds = seconds(corpus, from);
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole.log");
        std::fs::write(&whole, seconds.concat()).unwrap();
        let other = tempfile::tempdir().unwrap();
        for place in [&folder, &other] {
            let config = place.path().join(".config/mailtrail");
            std::fs::create_dir_all(&config).unwrap();
            std::fs::write(config.join("mailtrail.yaml"), "sessions: false\n").unwrap();
        }
        index(other.path(), std::slice::from_ref(&whole));
        let wanted = messages(stored(other.path()));
        for run in order {
            let log: String = seconds.iter().zip(&runs).filter(|(_, of)| *of & (1 << run) != 0).map(|(text, _)| text.as_str()).collect();
            if !log.is_empty() {
                let path = folder.path().join(format!("{run}.log"));
                std::fs::write(&path, log).unwrap();
                index(folder.path(), &[path]);
            }
        }
        assert_same(&messages(stored(folder.path())), &wanted, corpus);
    }
}
