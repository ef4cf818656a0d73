#![no_main]

#[allow(dead_code)] // Each target makes one of the claims.
#[path = "../claims.rs"]
mod claims;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| claims::rule_file(bytes));
