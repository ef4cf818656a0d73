//! The last 60 minutes every 15 minutes, from Graylog and from an index: in any steps, with runs missed, failed and
//! killed, and with hosts that were cut off, the documents are those of one pass.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mailtrail::line::Moment;
use mailtrail::store::elasticsearch::{Family, Layout};
use serde_json::Value;

use crate::graylog::traditional;
use crate::graylog_server::{Corpus, Fault, GraylogServer, Input, MessageIndex, Version, client, search_server, stamp};
use crate::state::{Dice, Documents, assert_same, plain, stored};
use crate::tool::{Tool, tool};

/// 2026-11-24T02:27:00Z, in front of lab/multihop.
const START: i64 = 1_795_487_220;
/// From a second of the lab to the same second here: its three minutes become two hours.
const STRETCH: i64 = 40;
/// The last minute. The first lines are in minute 34, mx2's last in minute 90.
const END: i64 = 115;

/// A line of lab/multihop, a message of Graylog, with the minute in which it is received.
struct Message {
    document: Value,
    received: i64,
}

/// lab/multihop over two hours. What `host` says from `cut_off.0` to `cut_off.1` it sends in minute `cut_off.1`.
fn messages(version: Version, host: &str, cut_off: (i64, i64)) -> Vec<Message> {
    let lines: Vec<(i64, String)> = traditional().iter().map(|line| stretched(line)).collect();
    let mut corpus = Corpus::new(version);
    corpus.send(Input::Syslog, lines.iter().map(|(_, line)| line.as_str()));
    assert_eq!(corpus.documents.len(), lines.len());
    let received = |(second, line): &(i64, String)| {
        let minute = second / 60;
        let late = line.contains(&format!(" {host} ")) && (cut_off.0..cut_off.1).contains(&minute);
        if late { cut_off.1 } else { minute }
    };
    let with_receipt = |(document, line): (&Value, &(i64, String))| {
        let received = received(line);
        let mut document = document.clone();
        if document.get("gl2_receive_timestamp").is_some() {
            document["gl2_receive_timestamp"] = stamp((START + received * 60 + 59) * 1000).into();
        }
        Message { document, received }
    };
    corpus.documents.iter().zip(&lines).map(with_receipt).collect()
}

/// The line with its time stretched, and its seconds since the start.
fn stretched(line: &str) -> (i64, String) {
    let number = |range: std::ops::Range<usize>| line[range].parse::<i64>().unwrap();
    let (hour, minute, second) = (number(11..13), number(14..16), number(17..19));
    let after = (hour * 3600 + minute * 60 + second - (2 * 3600 + 27 * 60)) * STRETCH;
    let at = (2 * 3600 + 27 * 60) + after;
    let time = format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
    (after, format!("{}{time}{}", &line[..11], &line[19..]))
}

/// Where a site keeps its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Embedded,
    Elasticsearch,
}

/// A server that fills as time goes by, and a folder that reads it.
struct Site {
    folder: tempfile::TempDir,
    index: Arc<MessageIndex>,
    server: Option<GraylogServer>,
    messages: Vec<Message>,
    added: i64,
    keeps: Keeps,
    cluster: Cluster,
}

/// The indices of a site's own documents, removed at its end.
struct Cluster {
    url: String,
    layout: Layout,
}

impl Cluster {
    fn new(url: &str) -> (Self, String) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("mtw{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let cluster = Self {
            url: url.to_owned(),
            layout: Layout::new(&prefix).unwrap(),
        };
        (cluster, prefix)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for family in Family::ALL {
            let name = self.layout.alias(family);
            let ask = |path: &str| {
                client()
                    .get(format!("{}/{path}", self.url))
                    .send()
                    .unwrap()
                    .json::<Value>()
            };
            let indices = ask(&format!("{}/_alias", self.layout.pattern(family))).unwrap();
            let indices = indices.as_object().unwrap().keys();
            let templates = ["_index_template", "_component_template"].map(|kind| format!("{kind}/{name}"));
            for path in indices.cloned().chain(templates) {
                let _ = client().delete(format!("{}/{path}", self.url)).send();
            }
        }
    }
}

impl Site {
    /// None without a search server.
    fn new(version: Version, graylog: bool, host: &str, cut_off: (i64, i64)) -> Option<Self> {
        let url = search_server()?;
        let mapping = version.recording("index-mapping");
        let index = Arc::new(MessageIndex::new(&url, "windows", &mapping, &[]));
        let folder = tempfile::tempdir().unwrap();
        let (cluster, prefix) = Cluster::new(&url);
        fs::write(folder.path().join("password"), "admin\n").unwrap();
        let server = graylog.then(|| GraylogServer::start(version, Arc::clone(&index)));
        let source = match &server {
            Some(server) => format!(
                "graylog: {{url: '{}', user: admin, password_file: password, query: '*', received: {}}}",
                server.url,
                version.writes_receipt()
            ),
            None => format!(
                "elasticsearch: {{urls: ['{url}'], like: graylog, index: '{}', query: '*'}}",
                index.name
            ),
        };
        fs::write(
            folder.path().join("mailtrail.yaml"),
            format!("elasticsearch: {{urls: ['{url}'], prefix: {prefix}}}\nsources:\n  - {source}\n"),
        )
        .unwrap();
        Some(Self {
            keeps: Keeps::Embedded,
            cluster,
            folder,
            index,
            server,
            messages: messages(version, host, cut_off),
            added: -1,
        })
    }

    /// Time goes on to the beginning of a minute.
    fn now_is(&mut self, minute: i64) {
        let new = self
            .messages
            .iter()
            .filter(|message| (self.added..minute).contains(&message.received));
        let documents: Vec<Value> = new.map(|message| message.document.clone()).collect();
        self.index.add(&documents);
        self.added = minute;
    }

    fn run(&self, from: i64, to: i64) -> Tool {
        let tool = index(self.folder.path(), self.folder.path(), from, to);
        match self.keeps {
            Keeps::Embedded => tool,
            Keeps::Elasticsearch => tool.args(["--store", "elasticsearch"]),
        }
    }

    /// What it keeps.
    fn documents(&self) -> Documents {
        if self.keeps == Keeps::Embedded {
            return stored(self.folder.path());
        }
        let alias = |family| self.cluster.layout.alias(family);
        let path = format!(
            "{}/{},{}/_search",
            self.cluster.url,
            alias(Family::Transactions),
            alias(Family::Ledger)
        );
        let _ = client().post(path.replace("_search", "_refresh")).send().unwrap();
        let search = |query: &str| {
            let args = [
                "search",
                query,
                "--config",
                "mailtrail.yaml",
                "--store",
                "elasticsearch",
            ];
            tool(self.folder.path())
                .args(args)
                .args(["--json", "--lines", "-n", "10000"])
                .succeeds()
        };
        let (messages, slices) = (search("*"), search("kind:slice"));
        let all = messages.lines().chain(slices.lines());
        let documents = all.map(|line| serde_json::from_str::<Value>(line).unwrap());
        documents
            .filter(|document| document.get("id").is_some())
            .map(plain)
            .collect()
    }

    /// What one pass over everything says.
    fn one_pass(&mut self) -> Documents {
        self.now_is(END);
        let other = tempfile::tempdir().unwrap();
        index(other.path(), self.folder.path(), 0, END).succeeds();
        stored(other.path())
    }
}

fn index(data: &Path, site: &Path, from: i64, to: i64) -> Tool {
    let minute = |minute: i64| Moment::from_second(START + minute * 60).rfc3339();
    let (from, to) = (minute(from), minute(to));
    let args = [
        "index",
        "--config",
        "mailtrail.yaml",
        "--json",
        "--since",
        &from,
        "--until",
        &to,
    ];
    let mut tool = tool(site).args(args);
    tool = tool.arg("--data").arg(data.join("data"));
    tool
}

fn count(output: &str, name: &str) -> u64 {
    serde_json::from_str::<Value>(output).unwrap()["lines"][name]
        .as_u64()
        .unwrap()
}

const NEVER: (i64, i64) = (0, 0);

#[test]
fn sixty_minutes_every_fifteen_end_with_the_documents_of_one_pass() {
    for (version, graylog, keeps) in [
        (Version::V4_2, true, Keeps::Embedded),
        (Version::V7_0, true, Keeps::Elasticsearch),
        (Version::V6_1, false, Keeps::Embedded),
    ] {
        let Some(mut site) = Site::new(version, graylog, "-", NEVER) else {
            return;
        };
        site.keeps = keeps;
        let (mut new, mut seen) = (0, 0);
        for now in (30..END).step_by(15).chain([END]) {
            site.now_is(now);
            let output = site.run(now - 60, now).succeeds();
            new += count(&output, "new");
            seen += count(&output, "seen");
        }
        assert_eq!(new, site.messages.len() as u64, "{version:?}, Graylog: {graylog}");
        assert!(seen > 2 * new, "windows overlap: {seen}");
        let found = site.documents();
        assert_same(&found, &site.one_pass(), &format!("{version:?}, Graylog: {graylog}"));
    }
}

#[test]
fn any_steps_with_missed_and_killed_runs_end_with_the_documents_of_one_pass() {
    for (seed, graylog, keeps) in [(1, true, Keeps::Embedded), (2, false, Keeps::Elasticsearch)] {
        let Some(mut site) = Site::new(Version::V6_1, graylog, "-", NEVER) else {
            return;
        };
        site.keeps = keeps;
        let mut dice = Dice(seed);
        let mut now = 30;
        // Whoever reads for the first time has no earlier run to go on from.
        site.run(now - 5, now).succeeds();
        while now < END {
            // Up to three quarters of an hour later, which a frame of five minutes does not reach back to.
            now = (now + 1 + i64::try_from(dice.below(45)).unwrap()).min(END);
            site.now_is(now);
            for _ in 0..dice.below(3) {
                let mut command = site.run(now - 5, now).args(["--save-every", "0s"]).command();
                let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(Duration::from_millis(300 + dice.below(1_200) as u64));
                child.kill().unwrap();
                child.wait().unwrap();
            }
            site.run(now - 5, now).succeeds();
        }
        let found = site.documents();
        assert_same(&found, &site.one_pass(), &format!("seed {seed}"));
    }
}

#[test]
fn what_a_host_sends_when_it_is_back_is_read_long_after_its_frame() {
    // Graylog 7 tells when it received a message; 4.2 and the index do not, and the ledger shows the silence.
    for (version, graylog) in [(Version::V7_0, true), (Version::V4_2, true), (Version::V6_1, false)] {
        let Some(mut site) = Site::new(version, graylog, "mx2", (40, 80)) else {
            return;
        };
        for now in (30..END).step_by(15).chain([END]) {
            site.now_is(now);
            site.run(now - 20, now).succeeds();
        }
        let mut found = site.documents();
        let mut wanted = site.one_pass();
        if !(graylog && version.writes_receipt()) {
            // The lines of a silence's first and last second cannot be told from those that were counted.
            for documents in [&mut found, &mut wanted] {
                documents.retain(|_, document| document["kind"] != "slice");
            }
        }
        assert_same(&found, &wanted, &format!("{version:?}, Graylog: {graylog}"));
    }
}

#[test]
fn a_run_that_fails_moves_no_further_than_it_read_and_the_next_one_catches_up() {
    let Some(mut site) = Site::new(Version::V4_2, true, "-", NEVER) else {
        return;
    };
    site.now_is(END);
    let broken = START + 60 * 60;
    let server = site.server.as_ref().unwrap();
    server.settings.lock().unwrap().limit = Some(600_000);
    for fault in [Fault::Status(403), Fault::Html, Fault::Half] {
        server.settings.lock().unwrap().broken_at = Some((broken * 1000, fault));
        let (_, said) = site.run(0, END).ends_with(2);
        assert!(said.contains("source `graylog`: ") && said.contains("help: "), "{said}");
        let state = tool(site.folder.path()).args(["state", "--json"]).succeeds();
        let state: Value = serde_json::from_str(&state).unwrap();
        let watermark = state["servers"]["graylog"]["watermark"].as_str().unwrap().to_owned();
        assert!(
            *watermark > *Moment::from_second(broken - 900).rfc3339(),
            "{fault:?}: {watermark}"
        );
        assert!(
            *watermark <= *Moment::from_second(broken).rfc3339(),
            "{fault:?}: {watermark}"
        );
    }
    server.settings.lock().unwrap().broken_at = None;
    // Though only the last five minutes are asked for.
    site.run(END - 5, END).succeeds();
    let found = site.documents();
    assert_same(&found, &site.one_pass(), "caught up");
}

#[test]
fn a_frame_behind_the_watermark_is_read_from_the_watermark_on_and_one_in_the_past_does_not_move_it() {
    let Some(mut site) = Site::new(Version::V6_1, false, "-", NEVER) else {
        return;
    };
    site.now_is(END);
    let watermark = |site: &Site| {
        let state = tool(site.folder.path()).args(["state", "--json"]).succeeds();
        serde_json::from_str::<Value>(&state).unwrap()["servers"]["elasticsearch"]["watermark"].clone()
    };
    let minute = |minute: i64| Value::from(Moment::from_second(START + minute * 60).rfc3339());
    let first = count(&site.run(0, 45).succeeds(), "new");
    assert!(first > 0);
    assert_eq!(watermark(&site), minute(45));
    let second = count(&site.run(100, END).succeeds(), "new");
    assert_eq!(first + second, site.messages.len() as u64);
    assert_eq!(watermark(&site), minute(END));
    site.run(0, 10).succeeds();
    assert_eq!(watermark(&site), minute(END));
    let text = tool(site.folder.path()).arg("state").succeeds();
    assert!(text.contains("elasticsearch: everything until"), "{text}");
}
