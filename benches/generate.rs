//! Writes a big mail log: `generate postfix 1000000 > mail.log`.
//!
//! Needs nothing but the standard library, so that `rustc -O` makes it in seconds (`benches/compare` does).

mod generated;

use std::io::{BufWriter, Write as _};
use std::process::ExitCode;

use generated::{Form, Mta, generate};

const USAGE: &str = "usage: generate postfix|sendmail LINES [--seed N] [--rfc3339]\n\
    \n\
    Writes a log of at least LINES lines to standard output, and what it holds as JSON to standard error.\n\
    The same arguments give the same bytes, on any machine.\n";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((mta, lines, seed, form)) = asked(&args) else {
        let _ = std::io::stderr().write_all(USAGE.as_bytes());
        return ExitCode::from(2);
    };
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout());
    match generate(&mut out, mta, lines, seed, form).and_then(|told| out.flush().map(|()| told)) {
        Ok(told) => {
            let _ = writeln!(std::io::stderr(), "{told}");
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn asked(args: &[String]) -> Option<(Mta, u64, u64, Form)> {
    let (mut mta, mut lines, mut seed, mut form) = (None, None, 1, Form::Rfc3164);
    let mut args = args.iter().filter(|arg| *arg != "--bench");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "postfix" => mta = Some(Mta::Postfix),
            "sendmail" => mta = Some(Mta::Sendmail),
            "--seed" => seed = args.next()?.parse().ok()?,
            "--rfc3339" => form = Form::Rfc3339,
            number => lines = Some(number.replace('_', "").parse().ok()?),
        }
    }
    Some((mta?, lines?, seed, form))
}
