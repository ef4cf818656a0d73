//! Documents that are sent while the next ones are read, one batch at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::bulk::{self, Operation, Written};
use crate::elastic_http::ElasticHttp;
use crate::store::StoreError;

/// Batches whose answers nobody has heard, the oldest first.
#[derive(Default)]
pub(super) struct UnderWay {
    batches: VecDeque<Batch>,
    /// Held by the one that is being sent.
    turn: Arc<Mutex<()>>,
}

struct Batch {
    created: usize,
    sending: Sending,
}

enum Sending {
    Now(JoinHandle<Result<Written, StoreError>>),
    Done(Result<Written, StoreError>),
}

impl UnderWay {
    /// Sends them as soon as nothing else is being sent.
    pub(super) fn send(&mut self, http: &Arc<ElasticHttp>, operations: Vec<Operation>) {
        let (http, turn) = (Arc::clone(http), Arc::clone(&self.turn));
        self.batches.push_back(Batch {
            created: bulk::created(&operations),
            sending: Sending::Now(std::thread::spawn(move || {
                let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                bulk::send(&http, operations)
            })),
        });
    }

    /// Waits for the answer to the oldest batch: how many documents it was to create, and what became of them. None if
    /// there is none.
    pub(super) fn answer(&mut self) -> Option<(usize, Result<Written, StoreError>)> {
        let Batch { created, sending } = self.batches.pop_front()?;
        Some((created, sending.end()))
    }

    /// Waits until the server has answered for all; the answers are still to be heard.
    pub(super) fn wait(&mut self) {
        for batch in std::mem::take(&mut self.batches) {
            self.batches.push_back(Batch {
                sending: Sending::Done(batch.sending.end()),
                ..batch
            });
        }
    }
}

impl Sending {
    fn end(self) -> Result<Written, StoreError> {
        match self {
            Self::Now(sender) => sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Self::Done(written) => written,
        }
    }
}
