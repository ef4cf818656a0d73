//! Elasticsearch and OpenSearch, on a genuine server (see [`place`]).

// What was skipped, and which server it was, is said on standard error.
#![allow(clippy::print_stderr)]

mod access;
mod agreement;
mod answers;
mod corpora;
mod dashboards;
mod faults;
mod place;
mod relay;
mod setup;
mod writers;
mod writing;
