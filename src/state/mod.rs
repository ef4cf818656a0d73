//! What survives between runs: how far everything was read.
//!
//! The hard part is the order: a state is saved only after the store has acknowledged everything that was read up to it,
//! so a run that is killed is simply run again; what it had written it writes once more, under the same ids. What a
//! queue id gathers need not be here, since every document holds its lines and is made anew from them; only lines that
//! no document holds yet wait here ([`Waiting`]).
//!
//! In: [`Place`]s, [`Cursor`]s and waiting lines of one run. Out: the same for the next.

mod folder;
mod holder;
mod lines;

pub use folder::{StateFolder, read};
pub use holder::Holder;
pub use lines::Waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::ledger::Saves;
use crate::line::{Digest, Moment};
use crate::source::{JournalPlace, Place};

/// The format of the file. A new one for every change that an older mailtrail cannot read.
pub const FORMAT: u32 = 1;

/// What survives between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Names this state in what it writes to a store: random, made once.
    pub writer: String,
    /// Rises whenever it is saved.
    pub generation: u64,
    /// Which processes saved it.
    #[serde(default, skip_serializing_if = "Saves::is_empty")]
    pub saves: Saves,
    /// When it was saved. None if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_at: Option<Moment>,
    /// When the run began that saved it. None if none did, or an older mailtrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<Moment>,
    /// The fingerprint of the rule set that read last. Another one changes nothing here: positions stay, stored lines
    /// are read again with it as soon as a new line joins them, and so are the waiting ones.
    #[serde(default)]
    pub rules: String,
    /// How far files were read.
    #[serde(default)]
    pub files: Vec<Place>,
    /// How far servers were read, by the name of the source.
    #[serde(default)]
    pub servers: BTreeMap<String, Cursor>,
    /// How far journals were read, by the name of the source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub journals: BTreeMap<String, JournalPlace>,
    /// Lines with a queue id of which no document holds them yet.
    #[serde(default)]
    pub waiting: Vec<Waiting>,
}

/// How far a server was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything before it was read and stored.
    pub watermark: Option<Moment>,
    /// The messages that were read and that a later window can meet again, by their second since 1970 UTC: base64 of 16
    /// bytes each.
    #[serde(default)]
    pub seen: BTreeMap<i64, String>,
}

impl State {
    /// Of a folder in which nothing was read yet.
    pub fn new() -> Self {
        Self {
            writer: random(),
            generation: 0,
            saves: Saves::default(),
            saved_at: None,
            began: None,
            rules: String::new(),
            files: Vec::new(),
            servers: BTreeMap::new(),
            journals: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl Cursor {
    /// The messages that were read, each with its second.
    pub fn seen(&self) -> impl Iterator<Item = (Digest, Moment)> + '_ {
        self.seen.iter().flat_map(|(second, packed)| {
            let bytes = BASE64.decode(packed).unwrap_or_default();
            let (keys, _) = bytes.as_chunks::<16>();
            let digests: Vec<Digest> = keys.iter().map(|key| Digest(u128::from_be_bytes(*key))).collect();
            digests.into_iter().map(|digest| (digest, Moment::from_second(*second)))
        })
    }

    /// How many they are.
    pub fn seen_count(&self) -> usize {
        self.seen().count()
    }

    /// Keeps those of this second or later.
    pub fn keep_seen(&mut self, seen: impl Iterator<Item = (Digest, Moment)>, since: Moment) {
        let mut seconds: BTreeMap<i64, BTreeSet<u128>> = BTreeMap::new();
        for (digest, at) in seen.filter(|(_, at)| at.second() >= since.second()) {
            seconds.entry(at.second()).or_default().insert(digest.0);
        }
        let pack = |keys: BTreeSet<u128>| {
            let bytes: Vec<u8> = keys.into_iter().flat_map(u128::to_be_bytes).collect();
            BASE64.encode(bytes)
        };
        self.seen = seconds.into_iter().map(|(second, keys)| (second, pack(keys))).collect();
    }
}

/// 64 random bits in hexadecimal, from the seed of the hash tables.
pub fn random() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or the folder.
    #[error("cannot {what} {}: {error}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another process reads into the same folder.
    #[error(
        "another mailtrail{} is reading into {}; wait until it is done, or give this one a folder of its own (--data)",
        .holder.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default(), .folder.display()
    )]
    Busy {
        /// The data folder.
        folder: PathBuf,
        /// The other process. None where it did not say.
        holder: Option<Holder>,
    },
    /// A newer mailtrail wrote it.
    #[error(
        "{} was written by a newer mailtrail (format {format}, this one knows {FORMAT}); update this one, or read everything again with --from-scratch",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format in it.
        format: u32,
    },
    /// Neither it nor the one before can be read.
    #[error(
        "{} is damaged, and so is the one before it ({reason}); read everything again with --from-scratch: the documents stay the same",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
