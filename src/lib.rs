//! mailtrail answers "where is my mail?" from the logs of Postfix and sendmail.
//!
//! # The flow
//!
//! ```text
//! source -> line -> rule -> event -> assemble -> transaction -> store -> query
//! ```
//!
//! * [`source`]: where do the bytes come from? Files, standard input.
//! * [`line`]: when, on which host, by which program was this said?
//! * [`pattern`]: how does "the line with holes" match, and where are the holes? Knows no YAML.
//! * [`rule`]: which rule claims a line, and what do its fields mean? Compiled from `rules/**/*.yaml`.
//! * [`event`]: what does one line say? A closed set of kinds with named fields.
//! * [`assemble`]: which lines belong together, and what do they say as a whole?
//! * [`transaction`]: the documents: one per life of a queue id, one per refusal.
//! * [`ledger`]: how many lines were read, of which host and program, and where are some missing?
//! * [`scrub`]: who and where in a line, and other names for them.
//! * [`unmatched`]: what did no rule know, and which rule would?
//! * [`state`]: how far was everything read, so that the next run goes on there?
//! * [`store`]: where are documents kept and found? tantivy, or plain JSON lines.
//! * [`query`]: what does a person ask, and which hops does a message take?
//! * [`cause`]: why did a delivery end so, in plain language, and what next?
//! * [`answer`]: what do people ask of a store? Each question a function with a typed result.
//! * [`report`]: what was a stretch of time like?
//! * [`command`]: one file a subcommand, the only place that joins the stages.
//!
//! Who may use whom is a table in `tests/architecture.rs`, and a test.

pub mod answer;
pub mod assemble;
pub mod cause;
pub mod cli;
pub mod command;
pub mod config;
pub mod elastic_http;
pub mod event;
pub mod ledger;
pub mod line;
pub mod pattern;
pub mod problem;
pub mod query;
pub mod report;
pub mod rule;
pub mod scrub;
pub mod source;
pub mod state;
pub mod store;
pub mod transaction;
pub mod unmatched;
