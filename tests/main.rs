//! The claims of mailtrail, on real lines. One binary, one module a subject.
#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.
#![allow(clippy::print_stderr)] // What a test measured is read beside its verdict.

#[path = "../examples/agreement/comparison.rs"]
mod agreement;
mod answers;
mod architecture;
#[path = "../examples/asserted/share.rs"]
mod asserted;
mod asserted_values;
mod author;
mod cause;
mod commands;
mod companions;
mod disk;
mod doctor;
mod elasticsearch;
mod first_rule;
mod follow;
mod follow_events;
mod follow_files;
mod follow_servers;
mod generated;
mod graylog;
mod graylog_faults;
mod graylog_likeness;
mod graylog_server;
mod hostile;
mod hostile_lines;
mod identity;
mod import_grok;
mod inputs;
mod inputs_json;
mod inputs_parts;
mod inputs_zones;
mod joins;
mod journeys;
mod large;
mod laws;
mod ledger;
mod lines;
mod lives;
mod manual;
mod message_index;
mod open;
mod oracle;
mod packaging;
mod patterns;
mod problems;
mod query;

mod records;
mod report;
mod rotation;
mod rules;
mod scrub;
mod sessions;
mod sources;
mod state;
mod state_file;
mod store;
mod store_folder;
mod store_queries;
mod tool;
mod truth;
mod unmatched;
mod who;
mod windows;
mod years;
