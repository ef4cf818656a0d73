//! To come.

/// A query.
#[derive(Debug, Clone)]
pub struct Query;

/// Which part of what matches.
#[derive(Debug, Clone)]
pub struct Page;
