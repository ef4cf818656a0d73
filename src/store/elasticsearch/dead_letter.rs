//! Documents that the server refused, set aside with the reason.
//!
//! A file of JSON lines: `{"id", "index", "status", "kind", "reason", "help", "document"}`. It is on disk before the
//! write that set it aside returns, so that nothing is taken for stored that is nowhere.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::StoreError;

/// A document that the server refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The document's id.
    pub id: String,
    /// The index that refused it.
    pub index: String,
    /// The HTTP status of the item.
    pub status: u16,
    /// The server's type of error (`document_parsing_exception`).
    pub kind: String,
    /// In the server's words.
    pub reason: String,
    /// What to do about it.
    pub help: String,
    /// As it was to be stored.
    pub document: Value,
}

/// The file where they are kept.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    path: PathBuf,
}

impl DeadLetters {
    /// In this file, which is made when the first one comes.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds letters; they are on disk when this returns.
    pub(super) fn add(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for letter in letters {
            serde_json::to_writer(&mut lines, letter).map_err(|error| self.error(error.into()))?;
            lines.push(b'\n');
        }
        let append = || -> io::Result<()> {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            // A crash may have left half a line.
            if !ends_with_newline(&self.path)? {
                lines.insert(0, b'\n');
            }
            file.write_all(&lines)?;
            file.sync_data()
        };
        let mut append = append;
        append().map_err(|error| self.error(error))
    }

    /// Moves the letters out of the way for another attempt, together with those of an attempt that was cut off.
    /// Returns the file; delete it when every letter of it is written or set aside again. None if there is no letter.
    pub(super) fn take(&self) -> Result<Option<PathBuf>, StoreError> {
        let taken = self.path.with_extension("retrying");
        let attempt = || -> io::Result<bool> {
            if !self.path.exists() {
                return Ok(taken.exists());
            }
            if taken.exists() {
                let mut all = OpenOptions::new().append(true).open(&taken)?;
                if !ends_with_newline(&taken)? {
                    all.write_all(b"\n")?;
                }
                io::copy(&mut File::open(&self.path)?, &mut all)?;
                all.sync_data()?;
                std::fs::remove_file(&self.path)?;
            } else {
                std::fs::rename(&self.path, &taken)?;
            }
            Ok(true)
        };
        Ok(attempt().map_err(|error| self.error(error))?.then_some(taken))
    }

    fn error(&self, error: io::Error) -> StoreError {
        StoreError::Io {
            what: format!(
                "cannot keep the documents that the server refused in {}",
                self.path.display()
            ),
            error,
        }
    }
}

/// The letters of a file, one by one. A line that is none (half written) is an error that names it.
pub(super) fn read(path: &Path) -> Result<impl Iterator<Item = Result<DeadLetter, StoreError>>, StoreError> {
    let name = path.display().to_string();
    let failed = move |what: String, error: io::Error| StoreError::Io { what, error };
    let file = File::open(path).map_err(|error| failed(format!("cannot read {name}"), error))?;
    Ok(BufReader::new(file)
        .split(b'\n')
        .enumerate()
        .filter(|(_, line)| !matches!(line, Ok(line) if line.is_empty()))
        .map(move |(number, line)| {
            let what = format!("cannot read {name}:{}", number + 1);
            let line = line.map_err(|error| failed(what.clone(), error))?;
            serde_json::from_slice(&line).map_err(|error| failed(what, error.into()))
        }))
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}
