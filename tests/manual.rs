//! Completions and the manual page come from the same source as `--help`, so they know every command.

use crate::tool::tool;

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let help = tool(folder.path()).arg("--help").succeeds();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let commands = commands();
    for command in ["index", "follow", "doctor", "search", "trace"] {
        assert!(commands.iter().any(|known| known == command), "{commands:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = tool(folder.path()).args(["completions", shell]).succeeds();
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell} does not know {command}");
        }
        assert!(
            script.contains("commit-every"),
            "{shell} does not know the flags of follow"
        );
    }
    let page = tool(folder.path()).arg("man").succeeds().replace("\\-", "-");
    for command in commands.iter().filter(|command| *command != "help") {
        assert!(
            page.contains(&format!("mailtrail-{command}")),
            "the manual does not know {command}"
        );
    }
    for words in ["--commit-every", "--min-free", "127.0.0.1:9797"] {
        assert!(page.contains(words), "the manual does not know {words}");
    }
}
