//! Why a source could not be read, and the way out.

use std::io;

/// Why a source could not be read. Each text names the source and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("cannot read {name}: there is no such file; check the path, or quote a pattern that matches nothing")]
    Missing {
        /// The source.
        name: String,
    },
    /// It may not be read.
    #[error(
        "cannot read {name}: permission denied; run as root or as a member of the file's group (`ls -l` shows it, often `adm`)"
    )]
    Denied {
        /// The source.
        name: String,
    },
    /// It is a folder.
    #[error("cannot read {name}: it is a folder; name the files in it, for example {name}/mail.log*")]
    Folder {
        /// The source.
        name: String,
    },
    /// The system allows no more open files.
    #[error("cannot read {name}: too many open files; raise the limit (`ulimit -n 65536`) or name fewer files at once")]
    TooMany {
        /// The source.
        name: String,
    },
    /// It is compressed in a way that is not known here.
    #[error("cannot read {name}: it is compressed with {format}; unpack it in a pipe: {tool} {name} | mailtrail ... -")]
    Compressed {
        /// The source.
        name: String,
        /// As it is called.
        format: &'static str,
        /// What unpacks it to standard output.
        tool: &'static str,
    },
    /// A compressed file ends before its end.
    #[error(
        "{name} is truncated: it was read up to line {lines}, what came after is lost; copy it again or name its original"
    )]
    Truncated {
        /// The source.
        name: String,
        /// How many whole lines could be read.
        lines: u64,
    },
    /// A compressed file is damaged.
    #[error(
        "{name} is damaged after line {lines} ({error}); `gzip -t`, `bzip2 -t`, `xz -t` or `zstd -t` tests it, copy it again or name its original"
    )]
    Damaged {
        /// The source.
        name: String,
        /// How many whole lines could be read.
        lines: u64,
        /// What the decompressor said.
        error: io::Error,
    },
    /// `journalctl` could not be started, or gave up.
    #[error("cannot read the journal: {reason}")]
    Journal {
        /// What went wrong, and the way out.
        reason: String,
    },
    /// A server did not give what it was asked for.
    #[error(transparent)]
    Server(#[from] crate::elastic_http::HttpError),
    /// None of its lines is one.
    #[error(
        "{name} is no log that can be read: none of its {lines} lines begins with a time; if they are lines without \
         header, say what they do not: --host mx1 --at '2026-11-24 10:05'"
    )]
    NoLog {
        /// The source.
        name: String,
        /// How many lines it has.
        lines: u64,
    },
    /// It was cut while it was read.
    #[error(
        "{name} was emptied or cut while it was read: {missing} of {size} bytes are missing; if it was rotated by \
         copying, read the copy, too"
    )]
    Shrunk {
        /// The source.
        name: String,
        /// Bytes that it had when it was opened.
        size: u64,
        /// How many of them were not there any more.
        missing: u64,
    },
    /// The system could not read on.
    #[error("cannot read {name} after line {lines}: {error}; run it again, lines that were read before are recognised")]
    Io {
        /// The source.
        name: String,
        /// How many whole lines could be read.
        lines: u64,
        /// What the system said.
        error: io::Error,
    },
}

impl SourceError {
    /// Of an error while opening, or while reading after so many lines. `packed`: the file is compressed.
    pub(super) fn new(name: &str, lines: u64, packed: bool, error: io::Error) -> Self {
        let name = shown(name);
        // EMFILE and ENFILE have no kind of their own.
        if matches!(error.raw_os_error(), Some(23 | 24)) {
            return Self::TooMany { name };
        }
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::PermissionDenied => Self::Denied { name },
            io::ErrorKind::IsADirectory => Self::Folder { name },
            io::ErrorKind::UnexpectedEof if packed => Self::Truncated { name, lines },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other if packed => {
                Self::Damaged { name, lines, error }
            }
            _ => Self::Io { name, lines, error },
        }
    }
}

impl SourceError {
    /// Of a source that has nothing but unreadable lines.
    pub(super) fn no_log(name: &str, lines: u64) -> Self {
        Self::NoLog {
            name: shown(name),
            lines,
        }
    }

    /// Of a file that has fewer bytes than when it was opened.
    pub(super) fn shrunk(name: &str, size: u64, missing: u64) -> Self {
        Self::Shrunk {
            name: shown(name),
            size,
            missing,
        }
    }
}

/// A name in which nothing can steer a terminal.
pub(super) fn shown(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let escape = c.is_control().then(|| c.escape_default());
            let plain = escape.is_none().then_some(c);
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}
