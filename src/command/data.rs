//! Where the embedded index and the state live.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cli::Global;
use crate::config::Config;

/// The flag (or `MAILTRAIL_DATA`), the configuration, `/var/lib/mailtrail` where writable, the user's data folder.
pub(super) fn folder(global: &Global, config: &Config) -> Result<PathBuf> {
    if let Some(folder) = global.data.as_ref().or(config.data.as_ref()) {
        return Ok(folder.clone());
    }
    let system = Path::new("/var/lib/mailtrail");
    if is_writable(system) {
        return Ok(system.to_owned());
    }
    let user = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    match user {
        Some(folder) => Ok(folder.join("mailtrail")),
        None => {
            bail!("no folder for the index: /var/lib/mailtrail is not writable and HOME is not set; use --data DIR")
        }
    }
}

/// Asked by trying: permissions, read-only mounts and quotas all have their say.
fn is_writable(folder: &Path) -> bool {
    let probe = folder.join(format!(".probe-{}", std::process::id()));
    let writable = std::fs::write(&probe, b"").is_ok();
    if writable {
        // A probe that stays is harmless.
        let _ = std::fs::remove_file(&probe);
    }
    writable
}
