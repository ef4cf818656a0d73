//! Are secrets where they are said to be, and only there?

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::config::Config;

use super::Findings;

pub(super) fn look(config: &Config, findings: &mut Findings) {
    for path in files(config) {
        let about = path.display().to_string();
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.mode() & 0o007 != 0 => {
                let says = format!(
                    "everybody on this machine may read this secret (mode {:o})",
                    metadata.mode() & 0o777
                );
                findings.error("permissions", &*about, says, format!("chmod 640 {about}"));
            }
            Ok(_) => findings.ok("permissions", about, "a secret that others cannot read"),
            Err(error) => {
                let todo = "write the secret into its first line, and let the user of the service read it";
                findings.error(
                    "permissions",
                    about,
                    format!("the secret cannot be read: {error}"),
                    todo,
                );
            }
        }
    }
}

fn files(config: &Config) -> Vec<PathBuf> {
    let cluster = &config.elasticsearch;
    let mut files = vec![&cluster.api_key_file, &cluster.password_file, &cluster.token_file];
    for source in &config.sources {
        if let Some(graylog) = &source.graylog {
            files.extend([&graylog.token_file, &graylog.password_file]);
        }
        if let Some(index) = &source.elasticsearch {
            files.extend([&index.api_key_file, &index.password_file, &index.token_file]);
        }
    }
    files.into_iter().flatten().cloned().collect()
}
