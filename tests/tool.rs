//! Runs the binary as its user would, and reads the lab's files.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of the lab's corpora.
pub(crate) fn lab(corpus: &str, file: &str) -> PathBuf {
    data("lab").join(corpus).join(file)
}

/// A file or folder of `tests/data`.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The text of a file, unpacked if it is a .gz.
pub(crate) fn unpacked(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_none_or(|extension| extension != "gz") {
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut text)
        .unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// The binary, with its data in `folder` and nothing of the machine's own settings.
pub(crate) fn tool(folder: &Path) -> Tool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailtrail"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("MAILTRAIL_DATA", folder.join("data"))
        .env("TZ", "UTC");
    Tool(command)
}

/// A run of the binary to be.
pub(crate) struct Tool(Command);

impl Tool {
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(mut self, args: I) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// As it is, to be started by the caller.
    pub(crate) fn command(self) -> Command {
        self.0
    }

    /// What it printed, given that it said all is well.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        self.ends_with(0).0
    }

    /// Standard output and standard error, given this exit code.
    #[track_caller]
    pub(crate) fn ends_with(mut self, code: i32) -> (String, String) {
        let Output { status, stdout, stderr } = self.0.output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert_eq!(status.code(), Some(code), "{:?}\n{stdout}\n{stderr}", self.0);
        (stdout.into_owned(), stderr.into_owned())
    }
}
