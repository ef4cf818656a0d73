//! What the service says, and how it heeds signals, whatever its sources do.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::follow::{Service, append, stored_here};
use crate::tool::{lab, tool, unpacked};

/// A server that takes every request and says this, or nothing for ever.
fn server(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            match answer {
                Some(answer) => {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => silent.push(stream),
            }
        }
    });
    address
}

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[track_caller]
fn assert_events(said: &str) {
    for line in said.lines() {
        let is_event = line.starts_with("ts=2") && line.contains(" level=") && line.contains(" event=");
        assert!(is_event, "{line}");
    }
}

#[test]
fn what_a_connection_has_to_say_is_an_event_too() {
    let folder = tempfile::tempdir().unwrap();
    let address = server(Some(BUSY));
    fs::write(folder.path().join("password"), "admin\n").unwrap();
    let config = format!(
        "sources:\n\
         \x20 - graylog: {{url: 'http://{address}/api', user: admin, password_file: password}}\n\
         \x20 - name: raw\n\
         \x20   elasticsearch: {{urls: ['http://{address}']}}\n"
    );
    fs::write(folder.path().join("mailtrail.yaml"), config).unwrap();
    let service = Service::start(folder.path(), &["--config", "mailtrail.yaml"]);
    service.says("event=connection source=graylog msg=");
    service.says("source=raw msg=");
    let (took, said) = service.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_events(&said);
}

#[test]
fn why_it_does_not_begin_is_an_event_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("mailtrail.yaml"),
        "sources:\n  - file: [mail.log]\nlisten: 5\n",
    )
    .unwrap();
    let (out, said) = tool(folder.path())
        .args(["follow", "--config", "mailtrail.yaml"])
        .ends_with(2);
    assert!(out.is_empty(), "{out}");
    assert!(
        said.contains("event=problem msg=") && said.contains("mailtrail.yaml"),
        "{said}"
    );
    assert!(said.contains("event=failed"), "{said}");
    assert_events(&said);
}

#[test]
fn a_server_that_never_answers_delays_neither_the_other_sources_nor_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let address = server(None);
    fs::write(folder.path().join("password"), "admin\n").unwrap();
    let config = format!(
        "sources:\n\
         \x20 - graylog: {{url: 'http://{address}/api', user: admin, password_file: password}}\n\
         \x20 - elasticsearch: {{urls: ['http://{address}']}}\n\
         \x20 - files: [mail.log]\n"
    );
    fs::write(folder.path().join("mailtrail.yaml"), config).unwrap();
    let service = Service::start(folder.path(), &["--config", "mailtrail.yaml"]);
    service.says("event=started");
    append(
        &folder.path().join("mail.log"),
        &unpacked(&lab("postfix-repeated", "mail.log.gz")),
    );
    let took = service.until("nothing is found", || stored_here(folder.path()) > 0);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (took, said) = service.stop();
    assert!(took < Duration::from_secs(5), "{took:?}\n{said}");
    assert!(said.contains("event=stopped"), "{said}");
}

#[test]
fn sigterm_in_the_middle_of_much_to_read_saves_and_ends_within_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let log = unpacked(&lab("postfix-short", "mail.log.gz"));
    fs::write(folder.path().join("mail.log"), &log).unwrap();
    // Before all is read and before anything would be saved.
    let service = Service::start(folder.path(), &["--commit-every", "1h", "mail.log"]);
    service.says("event=started");
    std::thread::sleep(Duration::from_millis(300));
    let (took, said) = service.stop();
    assert!(took < Duration::from_secs(5), "{took:?}");
    let taken = said.split("event=stopped lines=").nth(1).unwrap().trim();
    // What it took is kept, and the rest is read by the next.
    let output = tool(folder.path()).args(["index", "--json", "mail.log"]).succeeds();
    let summary: serde_json::Value = serde_json::from_str(&output).unwrap();
    let rest = summary["lines"]["new"].as_u64().unwrap();
    assert_eq!(taken.parse::<u64>().unwrap() + rest, log.lines().count() as u64);
}

#[test]
fn a_reload_says_what_only_a_new_start_changes_and_changes_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = |data: &str, listen: &str, files: &str| {
        let text = format!("data: {data}\nlisten: {listen}\nsources:\n  - files: [{files}]\n");
        fs::write(path("mailtrail.yaml"), text).unwrap();
    };
    config("here", "127.0.0.1:0", "mail.log");
    let mut command = tool(folder.path())
        .args(["follow", "--config", "mailtrail.yaml"])
        .command();
    command.env_remove("MAILTRAIL_DATA");
    let service = Service::of(command);
    service.says("event=started");
    config("there", "127.0.0.1:9", "mail.log, other.log");
    service.signal("HUP");
    service.says("event=restart_needed key=listen now=127.0.0.1:0 wanted=127.0.0.1:9 msg=");
    service.says("event=restart_needed key=data now=here wanted=there msg=");
    service.says("event=reloaded");
    append(&path("other.log"), &unpacked(&lab("postfix-repeated", "mail.log.gz")));
    service.says("event=committed");
    let (_, said) = service.stop();
    assert!(path("here").exists() && !path("there").exists(), "{said}");
    assert_events(&said);
}
