//! The store's folder: whose it is, in which format, and which process may write.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// Says that the folder is a store of ours, and in which format.
const MARKER: &str = "store.json";
/// Held by the process that writes, with its number inside.
const LOCK: &str = "writer.lock";
/// The format of the indexes. A new one for every change that an older mailtrail, or an older tantivy, cannot read.
const FORMAT: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Marker {
    /// Always `mailtrail`.
    store: String,
    format: u32,
}

/// Checks that there is a store in the folder that this version can read.
pub(super) fn check(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(MARKER);
    match fs::read(&path) {
        Ok(bytes) => {
            let marker: Option<Marker> = serde_json::from_slice(&bytes).ok();
            match marker.filter(|marker| marker.store == "mailtrail") {
                Some(marker) if marker.format == FORMAT => Ok(()),
                Some(marker) => Err(StoreError::Foreign(format!(
                    "{} was made by another version of mailtrail (format {}, this one has {FORMAT}); give another folder, or move it away and index again",
                    folder.display(),
                    marker.format
                ))),
                None => Err(StoreError::Foreign(format!(
                    "{} is not a marker of mailtrail; give another folder",
                    path.display()
                ))),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(absent(folder)),
        Err(error) => Err(io("read", &path, error)),
    }
}

fn absent(folder: &Path) -> StoreError {
    match periods(folder) {
        Ok(periods) if !periods.is_empty() => StoreError::Foreign(format!(
            "{} has folders like a store's but no {MARKER}: it is not a store of mailtrail, or not whole; give another folder",
            folder.display()
        )),
        _ => StoreError::Absent(format!(
            "nothing is indexed yet in {}; run `mailtrail index FILE...`",
            folder.display()
        )),
    }
}

/// Makes the folder a store, or checks the one that is there.
pub(super) fn create(folder: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(|error| io("create", folder, error))?;
    match check(folder) {
        Err(StoreError::Absent(_)) => {}
        other => return other,
    }
    let marker = Marker {
        store: "mailtrail".to_owned(),
        format: FORMAT,
    };
    let (path, new) = (folder.join(MARKER), folder.join("store.json.new"));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&new)?;
        serde_json::to_writer(&mut file, &marker)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| io("write", &path, error))
}

/// The right to write, as long as it lives. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct WriteLock {
    _file: File,
}

impl WriteLock {
    /// Fails at once if another process has it, and says which one.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(LOCK);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| io("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is, is only told where it can be read.
                let _ = file.take(100).read_to_string(&mut holder);
                let holder = holder
                    .trim()
                    .parse::<u32>()
                    .map_or(String::new(), |pid| format!(" (process {pid})"));
                return Err(StoreError::Busy(format!(
                    "another mailtrail{holder} is writing to {}; wait for it, or give another folder",
                    folder.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(io("lock", &path, error)),
        }
        let note = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        let mut note = note;
        note().map_err(|error| io("write", &path, error))?;
        Ok(Self { _file: file })
    }
}

/// The periods (`202611`) that have a folder, and the folders; the oldest first.
pub(super) fn periods(folder: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("read", folder, error)),
    };
    let mut periods = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| io("read", folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(period) = period_of_folder(&name) {
            periods.push((period, path));
        }
    }
    periods.sort();
    Ok(periods)
}

/// `tx-2026.11` of `202611`
pub(super) fn period_folder(folder: &Path, period: &str) -> PathBuf {
    let (year, month) = period.split_at_checked(4).unwrap_or((period, ""));
    folder.join(format!("tx-{year}.{month}"))
}

fn period_of_folder(name: &str) -> Option<String> {
    let (year, month) = name.strip_prefix("tx-")?.split_once('.')?;
    let shaped =
        year.len() == 4 && month.len() == 2 && (year.bytes().chain(month.bytes())).all(|byte| byte.is_ascii_digit());
    shaped.then(|| format!("{year}{month}"))
}

pub(super) fn io(what: &str, path: &Path, error: std::io::Error) -> StoreError {
    StoreError::Io {
        what: format!("cannot {what} {}", path.display()),
        error,
    }
}
