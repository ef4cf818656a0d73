//! SIGHUP, SIGTERM and SIGINT, and what systemd wants to know.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::log::{Level, say};

/// A store that does not answer is not waited for longer. What was not saved is read again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was asked for from outside.
#[derive(Clone)]
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// From now on signals do not kill this process, unless it does not heed them in time.
    pub(super) fn catch() -> Result<Self> {
        let signals = Self {
            stop: Arc::default(),
            reload: Arc::default(),
        };
        for signal in [SIGTERM, SIGINT] {
            // The second one ends it at once.
            signal_hook::flag::register_conditional_shutdown(signal, 2, Arc::clone(&signals.stop))?;
            signal_hook::flag::register(signal, Arc::clone(&signals.stop))?;
        }
        signal_hook::flag::register(SIGHUP, Arc::clone(&signals.reload))?;
        let stop = Arc::clone(&signals.stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
            }
            std::thread::sleep(PATIENCE);
            say(
                Level::Error,
                "killed",
                &[(
                    "msg",
                    &"the store did not answer in time; what was not saved will be read again",
                )],
            );
            std::process::exit(2);
        });
        Ok(signals)
    }

    /// Is it to end?
    pub(super) fn is_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Is it to read rules and configuration again? Asked once each time.
    pub(super) fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }

    /// Sleeps, but not when it is to end.
    pub(super) fn sleep(&self, span: Duration) {
        let until = Instant::now() + span;
        while !self.is_stop() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
        }
    }
}

/// Tells systemd (`sd_notify`): `READY=1`, `STATUS=...`. Nothing happens where it does not ask.
pub(super) fn notify(text: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    let path = path.to_string_lossy();
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&*path),
    };
    if let Ok(address) = address {
        // Whoever does not listen misses nothing else.
        let _ = socket.send_to_addr(text.as_bytes(), &address);
    }
}
