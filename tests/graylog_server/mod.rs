//! A small server that answers as Graylog does: the same requests, the same answers, the same refusals and the same
//! silences, taken from recordings of genuine servers in `tests/data/graylog`. What it answers comes from a genuine
//! OpenSearch or Elasticsearch that holds the messages. `tests/graylog.rs` replays the recordings against it.

mod corpus;
mod export;
mod http;
mod index;
mod proxy;
mod search;

pub(crate) use corpus::{Corpus, Input, stamp};
pub(crate) use index::{MessageIndex, client, search_server};
pub(crate) use proxy::{Lack, proxy};

use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine;
use http::{Reply, Request};
use serde_json::{Value, json};

/// The versions that were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V4_2,
    V5_1,
    V6_1,
    V7_0,
}

impl Version {
    pub(crate) const ALL: [Self; 4] = [Self::V4_2, Self::V5_1, Self::V6_1, Self::V7_0];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::V4_2 => "4.2.3",
            Self::V5_1 => "5.1.13",
            Self::V6_1 => "6.1.4",
            Self::V7_0 => "7.0.1",
        }
    }

    /// A recorded request with its answer, or what else was recorded.
    pub(crate) fn recording(self, name: &str) -> Value {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/tests/data/graylog/{}/{name}.json", self.folder());
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// The end belongs to the range.
    fn includes_end(self) -> bool {
        self == Self::V4_2
    }

    pub(crate) fn writes_receipt(self) -> bool {
        self >= Self::V6_1
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Status(u16),
    /// 429, and how many seconds to wait.
    Busy(u32),
    Html,
    /// The second half of the body never comes.
    Half,
    /// The connection is closed without an answer.
    Reset,
    /// An export that finds nothing, or may not.
    Silence,
    /// An export that fails after it has begun.
    ErrorRow,
}

/// Settings that a test changes while the server runs.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// A query time range limit, in milliseconds, as an administrator sets it.
    pub(crate) limit: Option<i64>,
    /// For the next requests, one each; a success in between is `None`.
    pub(crate) faults: VecDeque<Option<Fault>>,
    /// For every search that reaches into this moment, in milliseconds since 1970.
    pub(crate) broken_at: Option<(i64, Fault)>,
    /// For every export.
    pub(crate) broken_export: Option<Fault>,
    /// Paths that were asked for.
    pub(crate) asked: Vec<String>,
}

/// The server; it runs until the process ends, but its index is removed with it.
pub(crate) struct GraylogServer {
    pub(crate) version: Version,
    /// `http://127.0.0.1:PORT/api`
    pub(crate) url: String,
    pub(crate) settings: Arc<Mutex<Settings>>,
    pub(crate) index: Arc<MessageIndex>,
}

impl GraylogServer {
    pub(crate) fn start(version: Version, index: Arc<MessageIndex>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            version,
            url: format!("http://{}/api", listener.local_addr().unwrap()),
            settings: Arc::default(),
            index,
        };
        let answering = Answering {
            version,
            index: Arc::clone(&server.index),
            settings: Arc::clone(&server.settings),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, answering) = (stream.unwrap(), answering.clone());
                std::thread::spawn(move || answering.serve(&stream));
            }
        });
        server
    }
}

impl Drop for GraylogServer {
    fn drop(&mut self) {
        // The threads that answer keep their hold of it.
        self.index.remove();
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    /// Everything.
    Admin,
    /// No stream.
    Reader,
    /// The default stream.
    Streamer,
}

/// The one stream.
const STREAM: &str = "000000000000000000000001";

#[derive(Clone)]
struct Answering {
    version: Version,
    index: Arc<MessageIndex>,
    settings: Arc<Mutex<Settings>>,
}

impl Answering {
    fn serve(&self, stream: &std::net::TcpStream) {
        let Some(request) = Request::read(stream) else {
            return;
        };
        let fault = {
            let mut settings = self.settings.lock().unwrap();
            settings.asked.push(request.path.clone());
            let broken = settings.broken_at.filter(|(at, _)| reaches(&request, *at));
            let export = settings.broken_export.filter(|_| request.method == "POST");
            let broken = broken.map(|(_, fault)| fault).or(export);
            settings.faults.pop_front().flatten().or(broken)
        };
        let page = "<!DOCTYPE html><html><title>Graylog Web Interface</title></html>";
        let reply = match fault {
            None | Some(Fault::Half) => self.answer(&request),
            Some(Fault::Status(500)) => Reply::refusal(500, "Unable to perform search query"),
            Some(Fault::Status(status)) => Reply::new(status, "text/html", "<html>from a proxy</html>"),
            Some(Fault::Busy(seconds)) => {
                let mut reply = Reply::new(429, "", "");
                reply.headers.push(("Retry-After", seconds.to_string()));
                reply
            }
            Some(Fault::Html) => Reply::new(200, "text/html", page),
            Some(Fault::Silence) => Reply::new(200, "text/csv", ""),
            Some(Fault::ErrorRow) => {
                let mut reply = self.answer(&request);
                let rows = String::from_utf8(reply.body).unwrap();
                let rows: Vec<&str> = rows.split_inclusive('\n').take(2000).collect();
                reply.body = (rows.concat() + "\"OpenSearchException[all shards failed]\"\n").into_bytes();
                reply
            }
            Some(Fault::Reset) => return,
        };
        reply.write(stream, fault == Some(Fault::Half));
    }

    fn answer(&self, request: &Request) -> Reply {
        if request.method != "GET" && request.header("x-requested-by").is_empty() {
            return Reply::refusal(
                400,
                "CSRF protection header is missing. Please add a \"X-Requested-By\" header to your request.",
            );
        }
        let known = user(request.header("authorization"));
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/") => Reply::json(200, &self.version.recording("root")["body"]),
            ("GET", "/api/search/universal/absolute" | "/api/search/universal/absolute/export")
            | ("POST", "/api/views/search/messages") => {
                let Some(user) = known else {
                    let mut reply = Reply::new(401, "", "");
                    reply
                        .headers
                        .push(("WWW-Authenticate", "Basic realm=\"Graylog Server\"".into()));
                    return reply;
                };
                if request.method == "POST" {
                    self.export(request, user)
                } else {
                    self.search(request, user)
                }
            }
            _ if self.version == Version::V4_2 => Reply::refusal(404, "HTTP 404 Not Found"),
            _ => {
                let root = env!("CARGO_MANIFEST_DIR");
                let page = std::fs::read(format!("{root}/tests/data/graylog/6.1.4/wrong-base-html.body"));
                Reply::new(200, "text/html", page.unwrap())
            }
        }
    }

    /// Asks the search server: its answer, or its refusal.
    fn ask(&self, body: &Value) -> Result<Value, String> {
        let (status, answer) = self.index.ask("POST", "/_search", body);
        if status == 200 {
            return Ok(answer);
        }
        Err(answer["error"]["root_cause"][0]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }
}

fn reaches(request: &Request, at: i64) -> bool {
    let bound = |name| {
        let text = request.parameter(name).unwrap_or_default();
        search::time(text)
    };
    matches!((bound("from"), bound("to")), (Some(from), Some(to)) if from <= at && at < to)
}

/// The condition of a search.
fn condition(query: &str, from: i64, to: i64, includes_end: bool, stream: Option<&str>) -> Value {
    let end = if includes_end { "lte" } else { "lt" };
    let mut filter = vec![json!({ "range": { "timestamp": { "gte": stamp(from), end: stamp(to) } } })];
    if let Some(stream) = stream {
        filter.push(json!({ "term": { "streams": stream } }));
    }
    let query = match query {
        "*" => json!({ "match_all": {} }),
        query => json!({ "query_string": { "query": query, "allow_leading_wildcard": false } }),
    };
    json!({ "bool": { "must": [query], "filter": filter } })
}

fn user(authorization: &str) -> Option<User> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let plain = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    match String::from_utf8(plain).unwrap().as_str() {
        "admin:admin" | "1f0tok3n:token" => Some(User::Admin),
        "ro:passw0rd!" => Some(User::Reader),
        "mt:passw0rd!" => Some(User::Streamer),
        _ => None,
    }
}
