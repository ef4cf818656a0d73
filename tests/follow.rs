//! The service: however its logs are rotated and it is killed, the documents are those of one pass.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::state::{Dice, assert_same, one_pass, stored};
use crate::tool::{lab, tool, unpacked};

/// A service that runs in a folder, and what it says.
pub(crate) struct Service {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Service {
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::of(tool(folder).arg("follow").args(args).command())
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (kept, err) = (Arc::clone(&said), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { child, said }
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said this.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.said().contains(words) {
            assert!(Instant::now() < until, "it never said `{words}`:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it, and tells how long that took.
    #[track_caller]
    pub(crate) fn stop(mut self) -> (Duration, String) {
        let began = Instant::now();
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        let said = self.said();
        assert_eq!(status.code(), Some(0), "{said}");
        (began.elapsed(), said)
    }

    /// The answer to `GET path`, with its head.
    pub(crate) fn get(&self, path: &str) -> String {
        self.says("event=listening");
        let said = self.said();
        let address = said
            .split("address=")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A number of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let answer = self.get("/metrics");
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
    }

    /// Waits until this holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn() -> bool) -> Duration {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(30), "{what}:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        began.elapsed()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A log that is written bit by bit, and rotated in between at whole seconds.
struct Log {
    path: PathBuf,
    text: String,
    at: usize,
    rotated: usize,
}

impl Log {
    fn of(folder: &Path, corpus: &str) -> Self {
        Self {
            path: folder.join(format!("{corpus}.log")),
            text: unpacked(&lab(corpus, "mail.log.gz")),
            at: 0,
            rotated: 0,
        }
    }

    /// Writes up to here: any byte.
    fn write_to(&mut self, end: usize) {
        let end = end.clamp(self.at, self.text.len());
        append(&self.path, &self.text[self.at..end]);
        self.at = end;
    }

    /// Where the next second begins.
    fn next_second(&self) -> usize {
        let line_end = |from: usize| {
            self.text[from..]
                .find('\n')
                .map_or(self.text.len(), |end| from + end + 1)
        };
        let mut at = if self.at == 0 { 0 } else { line_end(self.at - 1) };
        let before = self.text[..at]
            .lines()
            .last()
            .unwrap_or_default()
            .get(..15)
            .unwrap_or_default();
        while self.text[at..].get(..15) == Some(before) {
            at = line_end(at);
        }
        at
    }

    fn rotate(&mut self, how: usize) {
        self.write_to(self.next_second());
        if self.at == 0 {
            return;
        }
        self.rotated += 1;
        let aside = PathBuf::from(format!("{}.{}", self.path.display(), self.rotated));
        match how {
            0 => fs::rename(&self.path, &aside).unwrap(),
            1 => {
                fs::rename(&self.path, &aside).unwrap();
                append(&self.path, "");
                assert!(Command::new("gzip").arg(&aside).status().unwrap().success());
            }
            _ => {
                fs::copy(&self.path, &aside).unwrap();
                File::options().write(true).truncate(true).open(&self.path).unwrap();
            }
        }
    }
}

/// `MAILTRAIL_CRASH_SECONDS` makes it longer: `.ci/run` takes two minutes.
#[test]
fn logs_that_are_written_rotated_and_the_service_killed_at_random_end_with_the_documents_of_one_pass() {
    let seconds: u64 = std::env::var("MAILTRAIL_CRASH_SECONDS").map_or(12, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut logs = [
        Log::of(folder.path(), "postfix-short"),
        Log::of(folder.path(), "sendmail"),
    ];
    let whole: Vec<PathBuf> = logs
        .iter()
        .map(|log| {
            let path = folder.path().join("whole").join(log.path.file_name().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &log.text).unwrap();
            path
        })
        .collect();
    let wanted = one_pass(&whole.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    let patterns: Vec<String> = logs.iter().map(|log| format!("{}*", log.path.display())).collect();
    let mut args = vec!["--commit-every", "1s"];
    args.extend(patterns.iter().map(String::as_str));
    let mut dice = Dice(17);
    let began = Instant::now();
    let length = Duration::from_secs(seconds);
    let mut service = Service::start(folder.path(), &args);
    let (mut killed, mut rotated) = (0, 0);
    while began.elapsed() < length {
        let part = began.elapsed().as_secs_f64() / length.as_secs_f64();
        for log in &mut logs {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss
            )]
            let due = (log.text.len() as f64 * part) as usize;
            log.write_to(due);
            if dice.below(12) == 0 {
                log.rotate(dice.below(3));
                rotated += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(20 + dice.below(300) as u64));
        if dice.below(10) == 0 {
            service.child.kill().unwrap();
            service.child.wait().unwrap();
            service = Service::start(folder.path(), &args);
            killed += 1;
        }
    }
    for log in &mut logs {
        log.write_to(usize::MAX);
    }
    // What it has not read by then it would not read later.
    let ended = Instant::now();
    while stored_here(folder.path()) != wanted.len() && ended.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(2));
    let (took, said) = service.stop();
    eprintln!(
        "killed {killed} times, rotated {rotated} times, {} documents",
        wanted.len()
    );
    assert_same(&stored(folder.path()), &wanted, &said);
    assert!(killed > 0 && rotated > 2, "{killed} {rotated}");
    assert!(took < Duration::from_secs(5), "it took {took:?} to end");
}

/// How many documents there are by now.
pub(crate) fn stored_here(folder: &Path) -> usize {
    use mailtrail::store::Store as _;
    let store = mailtrail::store::embedded::EmbeddedStore::open(&folder.join("data"));
    let page = mailtrail::query::Page::newest(1);
    let query = mailtrail::query::Query::Everything;
    store
        .ok()
        .and_then(|store| store.search(&query, &page).ok())
        .map_or(0, |found| usize::try_from(found.total).unwrap())
}

/// A log whose last lines a site's own rule would know.
const QUOTA: &str = "Nov 24 02:04:04 mx1 postfix/smtpd[277]: 757F89D60C0: quota policy: <ann@site.example> is at 97%\n";
const RULE: &str = "\
- id: site/quota-policy
  program: postfix/smtpd
  pattern: '%{qid:queue_id}: quota policy: <%{addr:to}> is at %{int:extra.percent}%%'
  emits: record
  samples: ['757F89D60C0: quota policy: <ann@site.example> is at 97%']
";

#[test]
fn a_reload_changes_the_rules_without_losing_a_line_and_a_bad_rule_keeps_the_old_ones_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let path = folder.path().join("mail.log");
    fs::write(&path, "").unwrap();
    let rule_folder = rules.display().to_string();
    let args = ["--listen", "127.0.0.1:0", "--rules", &rule_folder, "mail.log"];
    let service = Service::start(folder.path(), &args);
    service.says("event=started");
    let part = lines.len() / 4;
    append(&path, &lines[..part].concat());
    append(&path, QUOTA);
    append(&path, &lines[part..part + 200].concat());
    fs::write(rules.join("site.yaml"), RULE.replace("addr:", "add:")).unwrap();
    service.signal("HUP");
    service.says("event=reload_failed");
    assert!(service.said().contains("did you mean `addr`?"), "{}", service.said());
    assert!(service.get("/healthz").contains("503 Service Unavailable"));
    append(&path, &lines[part + 200..2 * part].concat());
    fs::write(rules.join("site.yaml"), RULE).unwrap();
    service.signal("HUP");
    append(&path, &lines[2 * part..3 * part].concat());
    service.says("event=reloaded");
    append(&path, &lines[3 * part..].concat());
    append(&path, &QUOTA.replace("97%", "98%"));
    let total = f64::from(u32::try_from(lines.len() + 2).unwrap());
    let all = || {
        let outcomes = ["matched", "noise", "joined", "unmatched", "unreadable"];
        let count = |outcome: &&str| service.metric(&format!("mailtrail_lines_total{{outcome=\"{outcome}\"}}"));
        (outcomes.iter().filter_map(count).sum::<f64>() - total).abs() < 0.5
    };
    service.until(&format!("each of {total} lines is counted once"), all);
    assert!(
        service.get("/healthz").starts_with("HTTP/1.1 200 OK"),
        "{}",
        service.get("/healthz")
    );
    service.stop();
    // A rule for the documents changes nothing in the others.
    let found = tool(folder.path())
        .args(["search", "--json", "extra.percent:97"])
        .succeeds();
    assert!(found.contains("757F89D60C0"), "{found}");
    let whole = folder.path().join("whole.log");
    fs::copy(&path, &whole).unwrap();
    let output = tool(folder.path())
        .args(["index", "--store", "ndjson", "--rules", &rule_folder])
        .arg(&whole)
        .succeeds();
    let wanted: crate::state::Documents = output
        .lines()
        .map(|line| crate::state::plain(serde_json::from_str(line).unwrap()))
        .collect();
    let documents = stored(folder.path());
    assert_eq!(documents.len(), wanted.len());
    let id = wanted
        .iter()
        .find(|(_, document)| document["queue_id"] == "757F89D60C0")
        .unwrap()
        .0;
    assert_eq!(documents[id]["line_count"], wanted[id]["line_count"]);
}

#[test]
fn a_new_line_is_found_within_five_seconds_and_the_numbers_tell_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("mailtrail.yaml"),
        "listen: 127.0.0.1:0\nsources:\n  - files: ['logs/*/mail.log*']\n",
    )
    .unwrap();
    let service = Service::start(folder.path(), &["--config", "mailtrail.yaml"]);
    service.says("event=started");
    // A folder that comes later.
    fs::create_dir_all(folder.path().join("logs/mx1")).unwrap();
    let log = unpacked(&lab("postfix-repeated", "mail.log.gz"));
    append(&folder.path().join("logs/mx1/mail.log"), &log);
    let took = service.until("nothing is found", || stored_here(folder.path()) > 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    service.until("counted", || {
        service.metric("mailtrail_store_commit_seconds_count") >= Some(1.0)
    });
    let answer = service.get("/metrics");
    for name in [
        "mailtrail_lines_total{outcome=\"matched\"}",
        "mailtrail_lag_seconds",
        "mailtrail_store_commit_seconds_sum",
        "mailtrail_store_errors_total 0",
        "mailtrail_last_success_timestamp_seconds",
        "mailtrail_source_up{source=\"files\"} 1",
    ] {
        assert!(answer.contains(name), "{name}:\n{answer}");
    }
    service.until("open messages", || {
        service.get("/metrics").contains("mailtrail_open_transactions")
    });
    assert!(service.get("/").starts_with("HTTP/1.1 404"));
    let (_, said) = service.stop();
    for line in said.lines() {
        assert!(
            line.starts_with("ts=2") && line.contains(" level=") && line.contains(" event="),
            "{line}"
        );
    }
}

#[test]
fn a_second_service_is_refused_with_the_name_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mail.log"), "").unwrap();
    let service = Service::start(folder.path(), &["mail.log"]);
    service.says("event=started");
    let (_, said) = tool(folder.path()).args(["follow", "mail.log"]).ends_with(2);
    let name = format!("process {} on ", service.child.id());
    assert!(said.contains(&name) && said.contains(", since 2"), "{said}");
}

/// A journal daemon of its own, which goes and is wiped away with this.
struct Journald {
    namespace: String,
    child: Child,
}

impl Journald {
    /// None where there is none, or where it may not be started.
    fn start(namespace: &str) -> Option<Self> {
        let daemon = Path::new("/usr/lib/systemd/systemd-journald");
        let is_root = Command::new("id")
            .arg("-u")
            .output()
            .is_ok_and(|id| id.stdout == b"0\n");
        let has_reader = Command::new("journalctl").arg("--version").output().is_ok();
        if !daemon.exists() || !is_root || !has_reader {
            return None;
        }
        let child = Command::new(daemon)
            .arg(namespace)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let journald = Self {
            namespace: namespace.to_owned(),
            child,
        };
        let until = Instant::now() + Duration::from_secs(5);
        while !journald.socket().exists() {
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(journald)
    }

    fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/run/systemd/journal.{}/socket", self.namespace))
    }

    /// What a syslog line says, as a program would say it to the journal.
    fn says(&self, line: &str) {
        let (header, text) = line.split_once("]: ").unwrap();
        let (program, pid) = header.rsplit(' ').next().unwrap().split_once('[').unwrap();
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        socket.connect(self.socket()).unwrap();
        let fields = format!("SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER={program}\nSYSLOG_PID={pid}\nMESSAGE={text}\n");
        socket.send(fields.as_bytes()).unwrap();
    }
}

impl Drop for Journald {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(format!("/run/systemd/journal.{}", self.namespace));
        let ending = format!(".{}", self.namespace);
        for place in ["/var/log/journal", "/run/log/journal"] {
            for folder in fs::read_dir(place).into_iter().flatten().flatten() {
                if folder.file_name().to_string_lossy().ends_with(&ending) {
                    let _ = fs::remove_dir_all(folder.path());
                }
            }
        }
    }
}

/// With a real journal daemon and a real `journalctl`: on a machine that has them, for root.
#[test]
fn a_journal_is_followed_through_a_kill_and_read_once() {
    let namespace = format!("mailtrailtest{}", std::process::id());
    let Some(journald) = Journald::start(&namespace) else {
        eprintln!("not tried: no journal daemon can be started here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = format!("sources:\n  - journal: {{namespace: {namespace}}}\n");
    fs::write(folder.path().join("mailtrail.yaml"), config).unwrap();
    let log = unpacked(&lab("postfix-repeated", "mail.log.gz"));
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("]: ")).collect();
    let args = ["--config", "mailtrail.yaml", "--commit-every", "1s"];
    let mut service = Service::start(folder.path(), &args);
    let (first, rest) = lines.split_at(lines.len() / 3);
    for line in first {
        journald.says(line);
    }
    service.says("event=committed");
    let (second, rest) = rest.split_at(rest.len() / 2);
    for line in second {
        journald.says(line);
    }
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    for line in rest {
        journald.says(line);
    }
    let export = Command::new("journalctl")
        .args(["-o", "json", "--all", "--quiet", "--no-pager"])
        .arg(format!("--namespace={namespace}"))
        .arg("SYSLOG_FACILITY=2")
        .output()
        .unwrap();
    let path = folder.path().join("journal.json");
    fs::write(&path, export.stdout).unwrap();
    let wanted = one_pass(&[&path]);
    let service = Service::start(folder.path(), &args);
    service.until("the rest is read", || stored_here(folder.path()) == wanted.len());
    let (_, said) = service.stop();
    assert_same(&stored(folder.path()), &wanted, &said);
    // Once more, all at once, changes nothing.
    tool(folder.path())
        .args(["index", "--config", "mailtrail.yaml"])
        .succeeds();
    assert_same(&stored(folder.path()), &wanted, "again");
}
