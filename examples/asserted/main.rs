//! Measures the rules against the values that another project asserts of its own sample lines:
//!
//! ```text
//! mailtrail parse --json --host h --at 2026-11-24 lines.log > parsed.ndjson
//! cargo run --example asserted -- parsed.ndjson expected.jsonl
//! ```
//!
//! The expected values are one JSON object a line: `line_no`, and in `expected.fields` the values by their names there. A
//! value counts as found where it is a whole value of one of our fields, under whatever name. Tells each one that is
//! not. Ends with 0 at 97 % and more, with 1 below.

#[path = "../objects/mod.rs"]
mod objects;
mod share;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use objects::objects;

/// What must be found, in percent.
const ENOUGH: f64 = 97.0;

fn main() -> Result<ExitCode> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [parsed, expected] = files.as_slice() else {
        bail!("usage: asserted PARSED.ndjson EXPECTED.jsonl");
    };
    let found = share::share(&objects(parsed)?, &objects(expected)?);
    write!(std::io::stdout(), "{}", found.report())?;
    Ok(if found.percent() >= ENOUGH {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
