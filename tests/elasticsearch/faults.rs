//! Whatever happens to the cluster in the middle of a run: the run ends with the index of an undisturbed one, with no
//! document lost and none doubled; or it says that it could not, and the next one does.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mailtrail::elastic_http::{Access, ElasticHttp, Flavour};
use mailtrail::store::elasticsearch::Family;
use serde_json::{Value, json};

use super::corpora::{assert_same, lab, one_pass, program_at, stored};
use super::place::Place;
use super::relay::{self, Request, Verdict};

const LOG: &str = "postfix-short/mail.rfc3339.log.gz";

/// A verdict by the number of the bulk request; everything else passes.
fn bulks(mut verdict: impl FnMut(u32) -> Verdict + Send + 'static) -> impl FnMut(&Request) -> Verdict + Send + 'static {
    let mut number = 0;
    move |request| {
        if !request.line.starts_with("POST /_bulk") {
            return Verdict::Pass;
        }
        number += 1;
        verdict(number)
    }
}

/// A run of the program over a real log, in small steps: many bulk requests to disturb.
struct Run {
    process: Child,
    said: PathBuf,
}

impl Run {
    fn start(place: &Place, urls: &[String], more: &str) -> Self {
        let mut command = program_at(place, urls, more, &["index", "--max-open", "40"]);
        Self::of(place, command.arg(lab(LOG)))
    }

    fn of(place: &Place, command: &mut Command) -> Self {
        let said = place.folder.path().join("said");
        let process = command
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        Self { process, said }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    /// Waits until it says this.
    fn says(&mut self, words: &str) {
        let begun = Instant::now();
        while !self.said().contains(words) {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "it ended and never said `{words}`: {}", self.said());
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "it does not say `{words}`: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Its end: the index of an undisturbed run. Returns what it said.
    fn ends_as_undisturbed(mut self, place: &Place) -> String {
        let status = self.process.wait().unwrap();
        let said = self.said();
        assert!(status.success(), "{said}");
        assert_same(&stored(place), &one_pass(&[&lab(LOG)]));
        assert!(!place.folder.path().join("data/refused.ndjson").exists());
        said
    }
}

/// The real block that a full disk makes, on every index of the place.
fn block(place: &Place, on: Option<bool>) {
    let setting = json!({"index.blocks.read_only_allow_delete": on});
    for family in Family::ALL {
        let path = format!("/{}/_settings", place.layout.pattern(family));
        let answer = place.http().put(&path, &setting).unwrap();
        // There is no index of this family yet.
        if answer.status != 404 {
            answer.success().unwrap();
        }
    }
}

/// Blocks the indices with the third bulk request.
fn blocking(place: &Arc<Place>) -> String {
    let there = place.clone();
    relay::start(
        &place.url,
        bulks(move |number| {
            if number == 3 {
                block(&there, Some(true));
            }
            Verdict::Pass
        }),
    )
}

#[test]
fn storms_of_429_on_requests_and_on_documents_are_waited_for() {
    let Some(place) = Place::new() else { return };
    let url = relay::start(
        &place.url,
        bulks(|number| match number {
            2..=5 => Verdict::Answer(
                "429 Too Many Requests",
                r#"{"error": {"type": "es_rejected_execution_exception", "reason": "rejected execution of coordinating operation"}, "status": 429}"#,
            ),
            7..=10 => Verdict::RefuseSome,
            _ => Verdict::Pass,
        }),
    );
    let said = Run::start(&place, &[url], "  compress: true\n").ends_as_undisturbed(&place);
    assert!(said.contains("429") && said.contains("; waiting, "), "{said}");
    assert!(said.contains("goes on after"), "{said}");
}

#[test]
fn answers_cut_short_or_lost_and_connections_that_break_lose_and_double_nothing() {
    let Some(place) = Place::new() else { return };
    let url = relay::start(
        &place.url,
        bulks(|number| match number % 12 {
            1 => Verdict::Short,
            3 => Verdict::Reset,
            5 => Verdict::Lose,
            7 => Verdict::Cut,
            9 => Verdict::Die(3),
            _ => Verdict::Pass,
        }),
    );
    Run::start(&place, &[url], "").ends_as_undisturbed(&place);
}

#[test]
fn a_slow_node_is_left_for_another() {
    let Some(place) = Place::new() else { return };
    let slow = relay::start(&place.url, bulks(|_| Verdict::Slow(Duration::from_secs(4))));
    let other = relay::start(&place.url, |_| Verdict::Pass);
    Run::start(&place, &[slow, other], "  timeout_s: 2\n").ends_as_undisturbed(&place);
}

#[test]
fn the_block_of_a_full_disk_is_waited_for_and_nothing_is_read_meanwhile() {
    let Some(place) = Place::new().map(Arc::new) else {
        return;
    };
    let mut run = Run::start(&place, &[blocking(&place)], "");
    run.says("; waiting, ");
    assert!(run.said().contains("read-only"), "{}", run.said());
    let before = run.resident_kib();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(
        run.process.try_wait().unwrap().is_none(),
        "it does not wait: {}",
        run.said()
    );
    let grown = run.resident_kib().saturating_sub(before);
    assert!(grown < 2048, "{grown} KiB more while it waits");
    block(&place, None);
    run.ends_as_undisturbed(&place);
}

#[test]
fn a_block_that_outlasts_the_patience_ends_the_run_and_the_next_one_completes_it() {
    let Some(place) = Place::new().map(Arc::new) else {
        return;
    };
    let mut run = Run::start(&place, &[blocking(&place)], "  wait_s: 1\n");
    assert_eq!(run.process.wait().unwrap().code(), Some(2));
    let said = run.said();
    assert!(said.contains("nothing is lost, run the command again"), "{said}");
    assert!(said.contains("free space"), "{said}");
    block(&place, None);
    Run::start(&place, std::slice::from_ref(&place.url), "").ends_as_undisturbed(&place);
}

#[test]
fn a_certificate_that_expires_in_the_middle_is_said_and_its_renewal_waited_for() {
    let Some(place) = Place::new() else { return };
    let shown = Arc::new(Mutex::new(relay::tls("server.pem", None)));
    let there = shown.clone();
    let url = relay::start_shown(
        &place.url,
        &shown,
        bulks(move |number| {
            if number == 3 {
                *there.lock().unwrap() = relay::tls("expired.pem", None);
            }
            Verdict::Pass
        }),
    );
    let ca = format!("  ca: {}/tests/data/tls/ca.pem\n", env!("CARGO_MANIFEST_DIR"));
    let mut run = Run::start(&place, std::slice::from_ref(&url), &ca);
    run.says("its certificate has expired; waiting, ");
    *shown.lock().unwrap() = relay::tls("server.pem", None);
    run.ends_as_undisturbed(&place);

    // Where another node has a good one, nobody waits.
    let Some(place) = Place::new() else { return };
    let expired = relay::start_tls(&place.url, "expired.pem", None);
    let good = relay::start_tls(&place.url, "server.pem", None);
    let said = Run::start(&place, &[expired, good], &ca).ends_as_undisturbed(&place);
    assert!(!said.contains("waiting"), "{said}");
}

/// A server of this test alone, of the version that the others are tested with: it is killed and started again.
struct Mortal {
    folder: String,
}

impl Mortal {
    fn script(arguments: &[&str]) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server.sh");
        let output = Command::new(script).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn like(url: &str) -> (String, Self) {
        let http = ElasticHttp::new(&Access::to(&[url])).unwrap();
        let flavour = match http.server().unwrap().flavour {
            Flavour::Elasticsearch => "elasticsearch",
            Flavour::OpenSearch => "opensearch",
        };
        let nodes = http
            .get("/_nodes/_local?filter_path=nodes.*.version")
            .unwrap()
            .success()
            .unwrap();
        let node: &Value = nodes["nodes"].as_object().unwrap().values().next().unwrap();
        let output = Self::script(&["start", flavour, node["version"].as_str().unwrap()]);
        let text = String::from_utf8(output.stdout).unwrap();
        let parts: Vec<&str> = text.split_whitespace().collect();
        let folder = parts[2].to_owned();
        (parts[0].to_owned(), Self { folder })
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        Self::script(&["stop", &self.folder]);
    }
}

#[test]
fn a_server_that_dies_in_the_middle_and_comes_back_has_everything_once() {
    let Some(url) = super::place::server() else { return };
    let (url, server) = Mortal::like(&url);
    let place = Place::at(url);
    let dead = Arc::new(AtomicBool::new(false));
    let killer = || {
        let (dead, folder) = (dead.clone(), server.folder.clone());
        bulks(move |number| {
            if number == 4 && !dead.swap(true, Ordering::Relaxed) {
                let folder = folder.clone();
                // While this request and those after it are under way.
                std::thread::spawn(move || Mortal::script(&["kill", &folder]));
            }
            Verdict::Pass
        })
    };
    let nodes = [relay::start(&place.url, killer()), relay::start(&place.url, killer())];
    let mut run = Run::start(&place, &nodes, "  timeout_s: 20\n");
    run.says("; waiting, ");
    Mortal::script(&["again", &server.folder]);
    run.ends_as_undisturbed(&place);
    drop(place);
}
