//! Can what was read be kept: folder, state, store, disk?

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::cli::{DoctorArgs, Global};
use crate::command::{cluster, when};
use crate::config::Config;
use crate::state::{self, StateError, StateFolder};
use crate::store::StoreError;
use crate::store::embedded::EmbeddedStore;

use super::Findings;

/// A state that was not saved for so long may mean that nobody reads, in milliseconds.
const OLD_MS: i64 = 3600 * 1000;

pub(super) fn look(args: &DoctorArgs, folder: &Path, findings: &mut Findings) {
    let about = folder.display().to_string();
    if !folder.exists() {
        let todo = "`mailtrail index` or `mailtrail follow` makes it; its parent must be writable for the user";
        findings.warn("permissions", &*about, "the data folder is not there yet", todo);
        return look_at_disk(args, folder.ancestors().find(|path| path.exists()), findings);
    }
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    match File::create(&probe) {
        Ok(_) => {
            // It is empty; whoever cannot remove it has other problems.
            let _ = fs::remove_file(&probe);
            findings.ok("permissions", &*about, "the data folder is writable");
        }
        Err(error) => {
            let says = format!("the data folder cannot be written to: {error}");
            let todo =
                "run this as the service's user; `chown -R mailtrail:` it, or name another one (`data:`, --data)";
            findings.error("permissions", &*about, says, todo);
            return;
        }
    }
    look_at_state(folder, &about, findings);
    match EmbeddedStore::open(folder) {
        Ok(_) => findings.ok("store", &*about, "can be opened"),
        Err(StoreError::Absent(_)) => findings.ok("store", &*about, "nothing was written yet"),
        Err(error) => {
            let todo = "move the folder away and read everything again (`mailtrail index --from-scratch`), or name another one";
            findings.error("store", &*about, error.to_string(), todo);
        }
    }
    look_at_disk(args, Some(folder), findings);
}

fn look_at_state(folder: &Path, about: &str, findings: &mut Findings) {
    let reading = match StateFolder::take(folder) {
        Ok(_) => false,
        Err(StateError::Busy { holder, .. }) => {
            let who = holder.map_or_else(|| "another mailtrail".to_owned(), |holder| holder.to_string());
            findings.ok("state", about, format!("{who} is reading into it"));
            true
        }
        Err(error) => {
            findings.error(
                "state",
                about,
                error.to_string(),
                "let the user of the service write there",
            );
            return;
        }
    };
    match state::read(folder) {
        Ok((_, Some(warning))) => {
            let todo = "nothing: it is read again; look for a full or failing disk if it happens again";
            findings.warn("state", about, warning, todo);
        }
        Ok((state, None)) => match state.saved_at {
            None => findings.ok("state", about, "nothing was read yet"),
            Some(at) if !reading && when::now().0 - at.0 > OLD_MS => {
                let todo = "`systemctl status mailtrail-follow mailtrail-index.timer`: does one of them run?";
                findings.warn(
                    "state",
                    about,
                    format!("nothing was read since {at}, and nobody is reading"),
                    todo,
                );
            }
            Some(at) => findings.ok("state", about, format!("saved {at}")),
        },
        Err(error) => {
            let todo = "`mailtrail index --from-scratch` reads everything again; the documents stay the same";
            findings.error("state", about, error.to_string(), todo);
        }
    }
}

fn look_at_disk(args: &DoctorArgs, folder: Option<&Path>, findings: &mut Findings) {
    let Some(folder) = folder else { return };
    let about = folder.display().to_string();
    // POSIX's format: the fourth number of the last line is what is free, in kilobytes.
    let answer = Command::new("df").arg("-Pk").arg(folder).env("LC_ALL", "C").output();
    let free = answer.ok().and_then(|answer| {
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        text.lines().last()?.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free.map(|kib| kib / 1024) {
        None => findings.warn(
            "disk",
            about,
            "nobody knows how much is free",
            "`df` is missing: look yourself",
        ),
        Some(free) if free < args.min_free => {
            let todo = "make room, or move the data folder (`data:`); `retention_days` drops old months of a cluster";
            findings.error("disk", about, format!("only {free} MB are free"), todo);
        }
        Some(free) => findings.ok("disk", about, format!("{free} MB are free")),
    }
}

pub(super) fn look_at_cluster(global: &Global, config: &Config, findings: &mut Findings) {
    match cluster::store(global, config) {
        Ok(_) => findings.ok("store", "elasticsearch", "the cluster answers"),
        Err(error) => {
            let todo =
                "check `elasticsearch.urls`, the network, the certificate and the key; `mailtrail setup` prepares it";
            findings.error("store", "elasticsearch", format!("{error:#}"), todo);
        }
    }
}
