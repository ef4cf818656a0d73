//! The rules that are built in. A new file gets a line here; a test compares the list with the folder.

/// Path in the repository and text of every built-in rule file, in the order in which their rules are tried.
pub const BUILTIN: &[(&str, &str)] = &[("rules/types.yaml", include_str!("../../rules/types.yaml"))];
