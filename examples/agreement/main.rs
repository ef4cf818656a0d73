//! Compares documents with the truth of a test log, recipient by recipient, and tells every difference:
//!
//! ```text
//! mailtrail index --store ndjson mail.log > documents.ndjson
//! cargo run --example agreement -- documents.ndjson truth.jsonl
//! ```
//!
//! The truth is one JSON object a line: what the client was told (`message_id`, `envelope_from`, `client_ip`, `queue_id`),
//! and for each of `rcpts` what became of it (`addr`, `final`). Every difference, and everything that the log does not say,
//! is printed with its reason, which `tests/TRUTH.md` holds for the logs of `tests/data/lab`. Ends with 0 where both agree
//! in all, with 1 where not.

mod comparison;
#[path = "../objects/mod.rs"]
mod objects;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use objects::objects;

fn main() -> Result<ExitCode> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [documents, truth] = files.as_slice() else {
        bail!("usage: agreement DOCUMENTS.ndjson TRUTH.jsonl");
    };
    let found = comparison::agreement(&objects(documents)?, &objects(truth)?);
    write!(std::io::stdout(), "{}", found.report())?;
    Ok(if found.remarks.iter().all(|remark| !remark.differs) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
