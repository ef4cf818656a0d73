//! The service over servers: what Graylog or an index has got is soon found.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::follow::{Service, stored_here};
use crate::graylog::traditional;
use crate::graylog_server::{Corpus, GraylogServer, Input, MessageIndex, Version, search_server, stamp};

/// Lines of lab/multihop that a server receives now.
fn received_now(version: Version) -> Vec<Value> {
    let mut corpus = Corpus::new(version);
    corpus.send(Input::Syslog, traditional().iter().take(200).map(String::as_str));
    let now = stamp(chrono::Utc::now().timestamp_millis());
    for document in &mut corpus.documents {
        for time in ["timestamp", "gl2_receive_timestamp"] {
            if document.get(time).is_some() {
                document[time] = now.clone().into();
            }
        }
    }
    corpus.documents
}

#[test]
fn a_line_that_a_server_gets_is_found_within_five_seconds() {
    for (version, graylog) in [(Version::V7_0, true), (Version::V6_1, false)] {
        let Some(url) = search_server() else { return };
        let mapping = version.recording("index-mapping");
        let index = Arc::new(MessageIndex::new(&url, "follow", &mapping, &[]));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("password"), "admin\n").unwrap();
        let server = graylog.then(|| GraylogServer::start(version, Arc::clone(&index)));
        let source = match &server {
            Some(server) => format!(
                "graylog: {{url: '{}', user: admin, password_file: password, query: '*'}}",
                server.url
            ),
            None => format!(
                "elasticsearch: {{urls: ['{url}'], like: graylog, index: '{}', query: '*'}}",
                index.name
            ),
        };
        let config = format!("sources:\n  - {source}\n");
        fs::write(folder.path().join("mailtrail.yaml"), config).unwrap();
        let service = Service::start(folder.path(), &["--config", "mailtrail.yaml"]);
        service.says("event=started");
        // It is awake already, and has found nothing.
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(stored_here(folder.path()), 0);
        index.add(&received_now(version));
        let took = service.until("nothing is found", || stored_here(folder.path()) > 0);
        eprintln!("found after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        service.stop();
    }
}
