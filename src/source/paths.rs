//! The paths that a pattern means: `/var/log/mail.log*`, `/srv/logs/*/mail.log`.
//!
//! Only `*` (anything but `/`) and `?` (one character) mean more than themselves. A name with a leading dot must be named
//! with it, as in a shell.

use std::fs;
use std::path::{Path, PathBuf};

/// No pattern means more paths than this.
const MOST: usize = 100_000;

/// In the order of names. Without `*` and `?` the path itself, whether it is there or not.
pub fn matching_paths(pattern: &Path) -> Vec<PathBuf> {
    let text = pattern.to_string_lossy();
    if !text.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let part = component.as_os_str().to_string_lossy();
        found = if part.contains(['*', '?']) {
            found
                .iter()
                .flat_map(|folder| inside(folder, &part))
                .take(MOST)
                .collect()
        } else {
            found.into_iter().map(|folder| folder.join(component)).collect()
        };
    }
    found.retain(|path| path.exists());
    found
}

fn inside(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    // A folder that cannot be read has nothing that can be.
    let entries = fs::read_dir(here).into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name());
    let mut paths: Vec<PathBuf> = names
        .filter(|name| is_like(name.to_string_lossy().as_bytes(), pattern.as_bytes()))
        .map(|name| folder.join(name))
        .collect();
    paths.sort();
    paths
}

/// Goes back to the last `*` only: linear in the name for each `*`.
fn is_like(name: &[u8], pattern: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut at, mut in_pattern) = (0, 0);
    let mut star = None;
    while at < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(wanted) if *wanted == b'?' || Some(wanted) == name.get(at) => {
                at += 1;
                in_pattern += 1;
            }
            _ => match &mut star {
                Some((place, reached)) => {
                    *reached += 1;
                    (in_pattern, at) = (*place + 1, *reached);
                }
                None => return false,
            },
        }
    }
    pattern
        .get(in_pattern..)
        .unwrap_or_default()
        .iter()
        .all(|byte| *byte == b'*')
}
