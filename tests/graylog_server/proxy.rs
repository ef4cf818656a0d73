//! Stands before a genuine search server, and takes something away from it.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::client;
use super::http::{Reply, Request};

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// It has no point in time, as before OpenSearch 2.4 and without x-pack.
    PointInTime,
    /// It forgets a point in time at every thirteenth page.
    Patience,
}

/// Starts one; its URL.
pub(crate) fn proxy(server: &str, lack: Lack) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = server.to_owned();
    let pages = Arc::new(Mutex::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            if let Some(request) = Request::read(&stream) {
                answer(&server, &request, lack, &pages).write(&stream, false);
            }
        }
    });
    url
}

fn answer(server: &str, request: &Request, lack: Lack, pages: &Mutex<u32>) -> Reply {
    let opens = request.path.ends_with("/point_in_time") || request.path.ends_with("/_pit");
    if lack == Lack::PointInTime && opens && request.method == "POST" {
        let text = format!("no handler found for uri [{}] and method [POST]", request.path);
        return Reply::json(400, &serde_json::json!({ "error": text }));
    }
    let body: Value = serde_json::from_slice(&request.plain()).unwrap_or(Value::Null);
    let pit = body["pit"]["id"].as_str();
    if let (Lack::Patience, Some(pit)) = (lack, pit) {
        let mut pages = pages.lock().unwrap();
        *pages += 1;
        if pages.is_multiple_of(13) {
            forget(server, pit);
        }
    }
    forward(server, request)
}

/// Either server's way to close a point in time.
fn forget(server: &str, pit: &str) {
    let both = [
        ("/_search/point_in_time", serde_json::json!({ "pit_id": [pit] })),
        ("/_pit", serde_json::json!({ "id": pit })),
    ];
    for (path, body) in both {
        let _ = client().delete(format!("{server}{path}")).json(&body).send();
    }
}

fn forward(server: &str, request: &Request) -> Reply {
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap();
    let mut url = reqwest::Url::parse(&format!("{server}{}", request.path)).unwrap();
    url.query_pairs_mut().extend_pairs(&request.query);
    let mut forwarded = client().request(method, url).body(request.plain());
    if !request.body.is_empty() {
        forwarded = forwarded.header("content-type", request.header("content-type"));
    }
    let answer = forwarded.send().unwrap();
    let mut reply = Reply::new(answer.status().as_u16(), "application/json", "");
    for name in ["x-opensearch-version", "x-elastic-product"] {
        if let Some(value) = answer.headers().get(name) {
            reply.headers.push((name, value.to_str().unwrap().to_owned()));
        }
    }
    reply.body = answer.bytes().unwrap().to_vec();
    reply
}
