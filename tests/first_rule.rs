//! The page "Your first rule", followed word by word: its files are written, its commands run, their output compared.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Where the page is.
const PAGE: &str = "rules/FIRST-RULE.md";

/// A fenced block: what stands behind its first fence, and its lines.
struct Block {
    sort: String,
    file: Option<String>,
    text: String,
}

/// The page as prose and blocks; a block's fences belong to it.
fn blocks(page: &str) -> Vec<Result<Block, String>> {
    let mut parts = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            parts.push(Err(line.to_owned()));
            continue;
        };
        let mut words = info.split(' ').map(str::to_owned);
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        parts.push(Ok(Block {
            sort: words.next().unwrap_or_default(),
            file: words.next(),
            text: body.iter().map(|line| [line, "\n"].concat()).collect(),
        }));
    }
    parts
}

/// What a shell prints, standard error with it, times left out.
fn said(folder: &Path, command: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_mailtrail")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", binary.display());
    let Output { stdout, .. } = Command::new("/bin/sh")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("MAILTRAIL_DATA", folder.join("data"))
        .env("TZ", "UTC")
        .output()
        .unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let times = regex::Regex::new(r"in \d+\.\d s").unwrap();
    // How many rules are built in changes with every new one.
    let counts = regex::Regex::new(r"(?m)^\d+ rules").unwrap();
    let text = times.replace_all(&text, "in 0.1 s");
    counts.replace_all(&text, "400 rules").into_owned()
}

/// The page with the output that its commands have today.
fn followed(page: &str, folder: &Path) -> String {
    let mut out = String::new();
    for part in blocks(page) {
        let block = match part {
            Ok(block) => block,
            Err(prose) => {
                out.extend([prose.as_str(), "\n"]);
                continue;
            }
        };
        let file = block.file.as_ref().map(|file| format!(" {file}")).unwrap_or_default();
        out.extend(["```", &block.sort, &file, "\n"]);
        if block.sort == "console" {
            for command in block.text.lines().filter_map(|line| line.strip_prefix("$ ")) {
                out.extend(["$ ", command, "\n"]);
                out.push_str(&said(folder, command));
            }
        } else {
            out.push_str(&block.text);
        }
        out.push_str("```\n");
        if let Some(file) = block.file {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, block.text).unwrap();
        }
    }
    out
}

#[test]
fn the_page_can_be_followed_word_by_word() {
    let page = fs::read_to_string(PAGE).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let followed = followed(&page, folder.path());
    if std::env::var_os("INSTA_UPDATE").is_some() {
        fs::write(PAGE, &followed).unwrap();
        return;
    }
    for (number, (written, real)) in (1..).zip(page.lines().zip(followed.lines())) {
        assert_eq!(written, real, "{PAGE}:{number}");
    }
    assert_eq!(page, followed);
}
