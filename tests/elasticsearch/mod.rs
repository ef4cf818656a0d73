//! Elasticsearch and OpenSearch, on a genuine server (see [`place`]).

mod access;
mod agreement;
mod place;
mod relay;
mod setup;
mod writers;
mod writing;
