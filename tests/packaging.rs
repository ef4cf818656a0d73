//! What is installed beside the binary: units that systemd takes and finds closed, a file that logrotate takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of `packaging/`.
fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

/// None where there is no such program.
fn run(program: &str, args: &[&str]) -> Option<Output> {
    let output = Command::new(program).args(args).output().ok();
    if output.is_none() {
        eprintln!("not tried: {program} is not here");
    }
    output
}

#[test]
fn systemd_takes_the_units_and_finds_them_closed() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "mailtrail-follow.service",
        "mailtrail-index.service",
        "mailtrail-index.timer",
    ] {
        let unit = fs::read_to_string(packaging("systemd").join(name)).unwrap();
        // As it would be installed; there is no manual here.
        let unit = unit
            .replace("/usr/local/bin/mailtrail", env!("CARGO_BIN_EXE_mailtrail"))
            .replace("Documentation=man:mailtrail(1)\n", "");
        fs::write(folder.path().join(name), unit).unwrap();
    }
    for name in [
        "mailtrail-follow.service",
        "mailtrail-index.service",
        "mailtrail-index.timer",
    ] {
        let path = folder.path().join(name).display().to_string();
        let Some(output) = run("systemd-analyze", &["verify", &path]) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{name}: {said}");
        if name.ends_with(".service") {
            // Tenths: see packaging/systemd/README.md.
            let args = ["security", "--offline=true", "--threshold=12", &path];
            let Some(output) = run("systemd-analyze", &args) else {
                return;
            };
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name}: {said}");
        }
    }
}

#[test]
fn logrotate_takes_its_file() {
    let file = packaging("logrotate/mailtrail").display().to_string();
    let Some(output) = run("logrotate", &["-d", &file]) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("error:"), "{said}");
    assert!(said.contains("Handling 2 logs"), "{said}");
}
