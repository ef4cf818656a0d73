//! Is there something to read, can it be read, and do its clock and zone tell the truth?

use std::path::Path;

use crate::cli::{DoctorArgs, Global, Said};
use crate::command::input::{dating, zone_words};
use crate::command::inputs::Inputs;
use crate::command::notice;
use crate::command::servers::Server;
use crate::command::when;
use crate::config::Config;
use crate::line::{Dating, Moment};
use crate::source::{FileSource, JournalSource, Read, Source, Window, matching_paths};

use super::Findings;

/// So many lines of a file are read.
const LINES: usize = 20_000;
/// A stamp so much after now is wrong, in milliseconds.
const AHEAD_MS: i64 = 5 * 60 * 1000;
/// Mail servers that say nothing for so long are gone, in milliseconds.
const SILENT_MS: i64 = 24 * 3600 * 1000;
/// No more files of one pattern are read, the newest ones.
const MOST_FILES: usize = 20;

pub(super) fn look(_global: &Global, args: &DoctorArgs, config: &Config, findings: &mut Findings) {
    let said = Said {
        year: None,
        timezone: None,
        host: None,
        at: None,
        program: None,
    };
    let dating = match dating(&said, config) {
        Ok(dating) => dating,
        Err(error) => {
            let todo = "write `timezone: Europe/Berlin`, UTC, local or +01:00";
            return findings.error("zone", "timezone", format!("{error:#}"), todo);
        }
    };
    if config.sources.is_empty() {
        let todo = "list logs or servers under `sources:` in mailtrail.yaml, or name files on the command line";
        return findings.warn("sources", "", "the configuration names no source", todo);
    }
    for pattern in config.sources.iter().flat_map(|source| &source.files) {
        look_at_pattern(pattern, dating, findings);
    }
    match Inputs::to_follow(&[], config, dating, |_| notice::to_person()) {
        Ok((_, inputs)) => {
            for server in inputs.servers.iter().filter(|_| !args.offline) {
                look_at_server(server, findings);
            }
            for (name, query) in &inputs.journals {
                let read = || JournalSource::open(query, None, dating, false)?.next();
                match read() {
                    Ok(Some(_)) => findings.ok("sources", &**name, "the journal can be read"),
                    Ok(None) => {
                        let todo = "check `matches` and `namespace`; `journalctl SYSLOG_FACILITY=2` shows the same";
                        findings.warn("sources", &**name, "the journal has no such message", todo);
                    }
                    Err(error) => findings.error("sources", &**name, error.to_string(), "let the user read it"),
                }
            }
        }
        Err(error) => findings.error("sources", "", format!("{error:#}"), "put it right in mailtrail.yaml"),
    }
}

fn look_at_server(server: &Server, findings: &mut Findings) {
    let mut source = server.said(Window::last(5, when::now()), crate::source::Seen::default());
    match source.next() {
        Ok(Some(_)) => findings.ok("sources", &*server.name, "it answers"),
        Ok(None) => {
            let todo = "if mail was handled since, check `query`, `streams` and `index`";
            findings.warn(
                "sources",
                &*server.name,
                "it answers, but has nothing of the last 5 minutes",
                todo,
            );
        }
        Err(error) => {
            let todo = "check its address, the network and the rights of the key";
            findings.error("sources", &*server.name, error.to_string(), todo);
        }
    }
}

fn look_at_pattern(pattern: &Path, dating: Dating, findings: &mut Findings) {
    let about = pattern.display().to_string();
    let mut paths = matching_paths(pattern);
    if paths.is_empty() {
        let todo = "check the path; is the syslog daemon writing to another file?";
        return findings.error("sources", about, "no file matches", todo);
    }
    let written = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    paths.sort_by_key(|path| std::cmp::Reverse(written(path)));
    let newest = paths.first().and_then(|path| written(path));
    let silent = newest.and_then(|at| at.elapsed().ok()).map(|age| age.as_secs());
    for path in paths.iter().take(MOST_FILES) {
        look_at_file(path, dating, findings);
    }
    if let Some(age) = silent.filter(|age| i64::try_from(*age).is_ok_and(|age| age * 1000 > SILENT_MS)) {
        let says = format!("nothing was written for {} hours", age / 3600);
        let todo =
            "does the mail server run, and does its syslog daemon write here? `logger -p mail.info test` must appear";
        findings.warn("sources", about, says, todo);
    }
}

fn look_at_file(path: &Path, dating: Dating, findings: &mut Findings) {
    let about = path.display().to_string();
    let mut source = match FileSource::open(path, dating) {
        Ok(source) => source,
        Err(error) => {
            return findings.error(
                "sources",
                about,
                error.to_string(),
                "put it right, or name another file",
            );
        }
    };
    let (mut lines, mut newest) = (0, None::<Moment>);
    while lines < LINES {
        match source.next() {
            Ok(Some(Read::Line(line))) => {
                lines += 1;
                newest = newest.max(Some(line.at));
            }
            Ok(Some(Read::Unreadable { .. })) => lines += 1,
            Ok(None) => break,
            Err(error) => {
                findings.error(
                    "sources",
                    about,
                    error.to_string(),
                    "put it right, or name another file",
                );
                return;
            }
        }
    }
    findings.ok("sources", &*about, format!("can be read ({lines} lines were)"));
    let zone = zone_words(source.tally());
    let is_zone = zone.is_some();
    if let Some(words) = zone {
        let todo = "set `timezone:` in mailtrail.yaml, then `mailtrail index --from-scratch`";
        findings.error("zone", &*about, words, todo);
    }
    if let Some(newest) = newest.filter(|newest| !is_zone && newest.0 > when::now().0 + AHEAD_MS) {
        let says = format!("it has lines of {newest}, but it is {} here", when::now());
        let todo = "set this machine's clock, or the mail server's (NTP); or the zone of the stamps (`timezone:`)";
        findings.error("clock", about, says, todo);
    }
}
