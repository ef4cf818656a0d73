//! A query finds what its plain meaning says.
