//! `doctor` finds what is wrong, each fault planted alone, and says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::tool::{lab, tool, unpacked};

/// A site where all is well.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = unpacked(&lab("postfix-repeated", "mail.log.gz"));
    fs::write(folder.path().join("mail.log"), log).unwrap();
    configure(folder.path(), "sources:\n  - files: [mail.log]\n");
    tool(folder.path())
        .args(["index", "--config", "mailtrail.yaml"])
        .succeeds();
    folder
}

fn configure(folder: &Path, text: &str) {
    fs::write(folder.join("mailtrail.yaml"), text).unwrap();
}

/// What it finds that is not well: check, level, what it says, what to do.
fn ills(folder: &Path, args: &[&str]) -> Vec<(String, String, String, String)> {
    let mut command = tool(folder)
        .args(["doctor", "--json", "--config", "mailtrail.yaml"])
        .args(args)
        .command();
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ills: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|finding| finding["level"] != "ok")
        .map(|finding| {
            let word = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            let about = format!("{} {}", word("about"), word("says"));
            (word("check"), word("level"), about, word("do"))
        })
        .collect();
    let code = i32::from(ills.iter().any(|(_, level, _, _)| level == "error"));
    assert_eq!(output.status.code(), Some(code), "{text}");
    ills
}

/// It finds this, and nothing else.
#[track_caller]
fn finds(folder: &Path, args: &[&str], check: &str, level: &str, words: &str) {
    let ills = ills(folder, args);
    assert_eq!(ills.len(), 1, "{ills:?}");
    let (found_check, found_level, says, todo) = &ills[0];
    assert_eq!((found_check.as_str(), found_level.as_str()), (check, level), "{ills:?}");
    assert!(says.contains(words), "{ills:?}");
    assert!(!todo.is_empty(), "it must say what to do: {ills:?}");
}

#[test]
fn where_all_is_well_it_says_so() {
    let site = site();
    assert_eq!(ills(site.path(), &[]), []);
    let told = tool(site.path())
        .args(["doctor", "--config", "mailtrail.yaml"])
        .succeeds();
    assert!(told.contains("0 to be put right, 0 to be looked at"), "{told}");
}

#[test]
fn it_finds_each_of_ten_planted_faults_and_more() {
    // 1: a mistake in the configuration.
    let site = self::site();
    configure(site.path(), "sorces: []\n");
    let found = ills(site.path(), &[]);
    assert!(found[0].2.contains("sorces") && found[0].0 == "config", "{found:?}");

    // 2: a mistake in a rule.
    let site = self::site();
    fs::create_dir(site.path().join("rules")).unwrap();
    fs::write(
        site.path().join("rules/site.yaml"),
        "- {id: site/a, program: postfix/smtpd, pattern: 'a %{add:to}', emits: noise, samples: ['a b@c.example']}\n",
    )
    .unwrap();
    finds(
        site.path(),
        &["--rules", "rules"],
        "rules",
        "error",
        "unknown type `add`",
    );

    // 3: a log that is nowhere.
    let site = self::site();
    configure(site.path(), "sources:\n  - files: ['maillog*']\n");
    finds(site.path(), &[], "sources", "error", "no file matches");

    // 4: a file that is no log.
    let site = self::site();
    configure(site.path(), "sources:\n  - files: [mailtrail.yaml]\n");
    finds(site.path(), &[], "sources", "error", "no log that can be read");

    // 5: stamps in another zone than is believed; the queue ids tell.
    let site = self::site();
    fs::write(site.path().join("mail.log"), unpacked(&lab("sendmail", "mail.log.gz"))).unwrap();
    configure(site.path(), "timezone: Asia/Tokyo\nsources:\n  - files: [mail.log]\n");
    finds(site.path(), &[], "zone", "error", "wrong by 9 hours");

    // 6: a clock that is ahead.
    let site = self::site();
    fs::write(
        site.path().join("mail.log"),
        "2124-11-24T02:04:04+00:00 mx1 postfix/qmgr[1]: 757F89D60C0: removed\n",
    )
    .unwrap();
    finds(site.path(), &[], "clock", "error", "2124-11-24");

    // 7: a damaged state, and no whole one before it.
    let site = self::site();
    fs::write(
        site.path().join("data/state.json"),
        "{\"format\": 1, \"digest\": \"x\"}\n{}\n",
    )
    .unwrap();
    let _ = fs::remove_file(site.path().join("data/state.json.prev"));
    finds(site.path(), &[], "state", "error", "is damaged");

    // 8: a secret that everybody may read.
    let site = self::site();
    fs::write(site.path().join("key"), "secret\n").unwrap();
    fs::set_permissions(site.path().join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    configure(
        site.path(),
        "elasticsearch: {api_key_file: key}\nsources:\n  - files: [mail.log]\n",
    );
    finds(
        site.path(),
        &[],
        "permissions",
        "error",
        "everybody on this machine may read",
    );

    // 9: a server that does not answer.
    let site = self::site();
    fs::set_permissions(site.path().join("mailtrail.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    fs::write(site.path().join("token"), "secret\n").unwrap();
    fs::set_permissions(site.path().join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    let server = format!("sources:\n  - graylog: {{url: 'http://{closed}/api', token_file: token, timeout_s: 1}}\n");
    configure(site.path(), &server);
    finds(site.path(), &[], "sources", "error", &closed.to_string());
    assert_eq!(ills(site.path(), &["--offline"]), []);

    // 10: a disk that is nearly full.
    let site = self::site();
    finds(
        site.path(),
        &["--min-free", "1000000000"],
        "disk",
        "error",
        "MB are free",
    );

    // 11: a packed log that was not copied to its end.
    let site = self::site();
    let packed = fs::read(lab("sendmail", "mail.log.gz")).unwrap();
    fs::write(site.path().join("mail.log"), &packed[..packed.len() / 2]).unwrap();
    finds(site.path(), &[], "sources", "error", "is truncated");

    // 12: a data folder that is none.
    let site = self::site();
    fs::remove_dir_all(site.path().join("data")).unwrap();
    fs::write(site.path().join("data"), "").unwrap();
    finds(site.path(), &[], "permissions", "error", "cannot be written to");

    // 13: a log that nobody writes to any more.
    let site = self::site();
    let log = fs::File::options()
        .append(true)
        .open(site.path().join("mail.log"))
        .unwrap();
    let days = std::time::Duration::from_secs(3 * 24 * 3600);
    log.set_modified(std::time::SystemTime::now() - days).unwrap();
    finds(
        site.path(),
        &[],
        "sources",
        "warning",
        "nothing was written for 72 hours",
    );
}
