//! The claims of mailtrail, on real lines. One binary, one module a subject.
#![allow(clippy::unwrap_used)] // A test that cannot go on should say where.

mod architecture;
mod lines;
mod patterns;
mod query;
mod store;
mod agreement;
mod truth;
mod tool;
