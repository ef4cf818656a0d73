//! A host's processes and inodes, which are used again and again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::clock::{Micros, long_id, short_id};

/// Processes of one service: each serves one client at a time, and a hundred in its life.
#[derive(Debug)]
pub(super) struct Processes {
    all: Vec<(u64, Micros, u64)>,
    next: u64,
}

impl Processes {
    fn new(first: u64) -> Self {
        Self {
            all: Vec::new(),
            next: first,
        }
    }

    /// One that is free at this time.
    pub(super) fn take(&mut self, at: Micros) -> u64 {
        self.all.retain(|(_, free, uses)| *uses < 100 || *free > at);
        if let Some((pid, free, uses)) = self.all.iter_mut().find(|(_, free, uses)| *free <= at && *uses < 100) {
            *free = Micros::MAX;
            *uses += 1;
            return *pid;
        }
        let pid = self.next;
        self.next += 7;
        self.all.push((pid, Micros::MAX, 1));
        pid
    }

    pub(super) fn give_back(&mut self, pid: u64, at: Micros) {
        if let Some((_, free, _)) = self.all.iter_mut().find(|(known, ..)| *known == pid) {
            *free = at;
        }
    }
}

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) ip: &'static str,
    long: bool,
    inodes: u64,
    free: BinaryHeap<Reverse<(Micros, u64)>>,
    pub(super) smtpd: Processes,
    pub(super) submission: Processes,
    pub(super) smtp: Processes,
    pub(super) policy: Processes,
    pub(super) qmgr: u64,
    pub(super) pickup: u64,
    pub(super) cleanup: u64,
    pub(super) postscreen: u64,
}

impl Host {
    pub(super) fn new(name: &'static str, ip: &'static str, long: bool, pids: u64) -> Self {
        Self {
            name,
            ip,
            long,
            inodes: 0x9d_6000 + pids,
            free: BinaryHeap::new(),
            smtpd: Processes::new(pids + 30),
            submission: Processes::new(pids + 31),
            smtp: Processes::new(pids + 32),
            policy: Processes::new(pids + 33),
            qmgr: pids + 1,
            pickup: pids + 2,
            cleanup: pids + 3,
            postscreen: pids + 4,
        }
    }

    /// A new queue file.
    pub(super) fn queue_id(&mut self, at: Micros) -> String {
        let inode = match self.free.peek() {
            Some(Reverse((free, _))) if *free < at => self.free.pop().map(|Reverse((_, inode))| inode),
            _ => None,
        };
        let inode = inode.unwrap_or_else(|| {
            self.inodes += 1;
            self.inodes
        });
        // No message lives for a day: then another file may have it.
        self.free.push(Reverse((at + 86_400_000_000, inode)));
        if self.long {
            long_id(at, inode)
        } else {
            short_id(at, inode)
        }
    }
}
