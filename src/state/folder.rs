//! The state on the disk: `state.json`, the one before it, and a lock.
//!
//! A file is written beside, forced to the disk and renamed, so there is always a whole one; a digest in its first
//! line tells one that is not, whatever the disk did, and then the one before is used: what came since is read again.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{FORMAT, Holder, State, StateError};
use crate::line::{Digest, Moment};

const FILE: &str = "state.json";
const PREVIOUS: &str = "state.json.prev";
const NEW: &str = "state.json.tmp";
/// Held by the process that reads into the folder, with its name inside.
const LOCK: &str = "state.lock";

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
    /// Of the rest. A newer format may have another one.
    #[serde(default)]
    digest: String,
}

/// A folder whose state this process may change.
#[derive(Debug)]
pub struct StateFolder {
    folder: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// Takes the folder, which is made if there is none. [`StateError::Busy`] where another process has it.
    pub fn take(folder: &Path) -> Result<Self, StateError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |error| StateError::Io { what, path, error }
        };
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let path = folder.join(LOCK);
        let mut options = File::options();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut lock = opened.map_err(failed("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Without it the message is still true.
                let _ = (&lock).take(Holder::MOST_BYTES).read_to_string(&mut text);
                return Err(StateError::Busy {
                    folder: folder.to_owned(),
                    holder: Holder::read(&text),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        let write = |lock: &mut File| -> io::Result<()> {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", Holder::this_process().written())
        };
        write(&mut lock).map_err(failed("write", &path))?;
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Saves the state as the next generation: when this returns, it outlives a power cut.
    pub fn save(&self, state: &mut State, now: Moment) -> Result<(), StateError> {
        state.generation += 1;
        state.saved_at = Some(now);
        let path = self.folder.join(FILE);
        self.write(state).map_err(|error| StateError::Io {
            what: "save",
            path,
            error,
        })
    }

    fn write(&self, state: &State) -> io::Result<()> {
        let body = serde_json::to_string(state)?;
        let head = Head {
            format: FORMAT,
            digest: digest(body.as_bytes()),
        };
        let (path, new) = (self.folder.join(FILE), self.folder.join(NEW));
        let mut file = File::create(&new)?;
        writeln!(file, "{}", serde_json::to_string(&head)?)?;
        writeln!(file, "{body}")?;
        file.sync_all()?;
        // A damaged one must not take the place of a whole one.
        if decode(&path).is_ok() {
            fs::rename(&path, self.folder.join(PREVIOUS))?;
        }
        fs::rename(&new, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// The state of a folder, and what a person should know about it. A new one where there is none.
pub fn read(folder: &Path) -> Result<(State, Option<String>), StateError> {
    let (path, previous) = (folder.join(FILE), folder.join(PREVIOUS));
    let reason = match decode(&path) {
        Ok(state) => return Ok((state, None)),
        Err(Unread::Newer(format)) => return Err(StateError::Newer { path, format }),
        Err(Unread::Missing) => "it is missing".to_owned(),
        Err(Unread::Io(error)) => {
            return Err(StateError::Io {
                what: "read",
                path,
                error,
            });
        }
        Err(Unread::Damaged(reason)) => reason,
    };
    match decode(&previous) {
        Ok(state) => {
            let warning = format!(
                "warning: {} cannot be used ({reason}); the one before it is, and what came since is read again",
                path.display()
            );
            Ok((state, Some(warning)))
        }
        Err(Unread::Newer(format)) => Err(StateError::Newer { path: previous, format }),
        Err(Unread::Missing) if !path.exists() => Ok((State::new(), None)),
        Err(_) => Err(StateError::Damaged { path, reason }),
    }
}

enum Unread {
    Missing,
    Newer(u32),
    Damaged(String),
    Io(io::Error),
}

fn decode(path: &Path) -> Result<State, Unread> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unread::Missing,
        _ => Unread::Io(error),
    })?;
    let damaged = |reason: &str| Unread::Damaged(reason.to_owned());
    let end = memchr::memchr(b'\n', &bytes).ok_or_else(|| damaged("it ends in its first line"))?;
    let (head, body) = bytes.split_at(end);
    let head: Head = serde_json::from_slice(head).map_err(|_| damaged("its first line cannot be read"))?;
    if head.format > FORMAT {
        return Err(Unread::Newer(head.format));
    }
    let body = body.trim_ascii();
    if digest(body) != head.digest {
        return Err(damaged("its digest is not that of its content"));
    }
    serde_json::from_slice(body).map_err(|error| Unread::Damaged(error.to_string()))
}

fn digest(body: &[u8]) -> String {
    Digest::of_parts(&[b"state", body]).to_string()
}
