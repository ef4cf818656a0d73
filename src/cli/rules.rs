//! `mailtrail rules`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Said;

/// `mailtrail rules`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
From a line that no rule knows to a reviewed rule:
  mailtrail unmatched /var/log/mail.log                     what is not known
  mailtrail rules new --template 1 /var/log/mail.log --to /etc/mailtrail/rules/site.yaml
  $EDITOR /etc/mailtrail/rules/site.yaml                    names, and what the line means
  mailtrail rules check /etc/mailtrail/rules                every mistake, with a way out
  mailtrail rules test --accept /etc/mailtrail/rules        what each sample says, kept as its snapshot
  mailtrail rules preview /etc/mailtrail/rules /var/log/mail.log
  mailtrail reindex                                         the messages that are there already")]
pub enum RulesCommand {
    /// Find every mistake in rule files: file, line, column, and a way out
    ///
    /// Also rules that never win, samples that are not matched or that two rules claim, and rules that know no more than
    /// the queue id. Exit code 2: there are mistakes. With --json: `{"rules": n, "problems": [{"file", "line", "column",
    /// "length", "title", "help"}]}`.
    Check {
        /// Folders of rule files, or single ones [default: those of --rules and of the configuration]
        #[arg(value_name = "DIR")]
        folders: Vec<PathBuf>,
    },
    /// Try every sample against its snapshot: ok, missing, noisy, ambiguous, changed
    Test(TestArgs),
    /// Draft a rule for a line, or for a template of `mailtrail unmatched`
    New(NewArgs),
    /// Show how a line is read: its header, the rules that were tried, how far each got, the event
    Explain(ExplainArgs),
    /// List all rules
    ///
    /// With --json one object a line: `id`, `program`, `kind`, `file`, `operator`, `generic`, `fallback`, `samples`.
    List,
    /// Show a rule as its file has it
    Show {
        /// Its id: postfix/removed
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Print the JSON Schema of rule files, for editors
    ///
    /// An editor that knows YAML finds it by the first line of a rule file:
    /// `# yaml-language-server: $schema=schema.json`
    Schema,
    /// Write the built-in rules, their types and the schema into a folder, to read or to begin with
    Export {
        /// A folder that is empty or not there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Show what would change if these rules were used: lines gained, lost, changed, and messages that would differ
    Preview(PreviewArgs),
    /// Show what the rules make of a log: shares by program, generic and ambiguous lines, rules that never fired
    Coverage(CoverageArgs),
    /// Translate grok patterns, and list what could not be translated
    ImportGrok {
        /// A file of grok patterns: `NAME pattern` a line
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The program whose lines the rules are for
        #[arg(long, value_name = "PROGRAM", default_value = "postfix/*")]
        program: String,
    },
}

/// `mailtrail rules test`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail rules test /etc/mailtrail/rules
  mailtrail rules test --filter quota --review /etc/mailtrail/rules
  mailtrail rules test --accept /etc/mailtrail/rules

  ok         matched by its own rule and by no other, fields as in the snapshot
  missing    not matched by its own rule
  noisy      a line under `not:` that the rule matches
  ambiguous  another rule claims it, too
  changed    its fields are not those of the snapshot, or it has none yet

Snapshots are in DIR/snapshots, or in `snapshots` beside a folder called `rules`: the files that `cargo test` of
mailtrail itself uses. Exit code 1: some sample is not ok. With --json one object a sample: `rule`, `sample`, `status`,
`others`, `diff`.")]
pub struct TestArgs {
    /// Folders of rule files [default: those of --rules and of the configuration]
    #[arg(value_name = "DIR")]
    pub folders: Vec<PathBuf>,

    /// Only rules whose id matches this regular expression
    #[arg(long, value_name = "RE")]
    pub filter: Option<String>,

    /// Take what the samples say now as their snapshots
    #[arg(long, conflicts_with = "review")]
    pub accept: bool,

    /// Show each change and ask whether to take it
    #[arg(long)]
    pub review: bool,

    /// Where the snapshots are
    #[arg(long, value_name = "DIR")]
    pub snapshots: Option<PathBuf>,
}

/// `mailtrail rules new`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail rules new --from 'Nov 24 02:04:04 mx1 postfix/smtpd[277]: quota policy: <ann@site.example> is at 97%'
  mailtrail rules new --template 1 /var/log/mail.log
  mailtrail rules new --template 1 --to /etc/mailtrail/rules/site.yaml     of what was indexed, into a file")]
pub struct NewArgs {
    /// A line of a log
    #[arg(
        long,
        value_name = "LINE",
        required_unless_present = "template",
        conflicts_with = "template"
    )]
    pub from: Option<String>,

    /// The number of a template of `mailtrail unmatched` with the same files
    #[arg(long, value_name = "N")]
    pub template: Option<usize>,

    /// Log files [default: what was indexed]
    #[arg(value_name = "FILE", conflicts_with = "from")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// The rule's id [default: site/ and the first words]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// Add the rule to this file, which is made if it is not there, with the schema beside it
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `mailtrail rules explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail rules explain 'Nov 24 02:04:04 mx1 postfix/qmgr[226]: 757F89D60C0: removed'
  mailtrail rules explain --program postfix/qmgr '757F89D60C0: removed'
  tail -1 /var/log/mail.log | mailtrail rules explain -

With --json one object: `header`, `severity`, `tried` (`rule`, `matches`, `stopped`), `winner`, `kind`, `fields`, `document`.")]
pub struct ExplainArgs {
    /// A line of a log, or its message with --program; `-` reads one from standard input
    #[arg(value_name = "LINE")]
    pub line: String,

    /// The program that said it, where the line does not tell
    #[arg(long, value_name = "PROGRAM")]
    pub program: Option<String>,

    /// Show all rules that were tried, not only the ones that came farthest
    #[arg(long)]
    pub all: bool,
}

/// `mailtrail rules preview`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail rules preview /tmp/edited-rules /var/log/mail.log
  mailtrail rules preview /tmp/edited-rules /var/log/mail.log --json | jq .documents

The rules in DIR are compared with those of --rules and of the configuration. With --json one object: `lines`
(`gained`, `lost`, `changed`, each with `count`, `rules`, `examples`), `documents` (`before`, `after`, `gained`, `lost`,
`changed`, `examples`).")]
pub struct PreviewArgs {
    /// The folder of the edited rules
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// Log files, plain or compressed; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,

    /// Show so many examples of each change
    #[arg(short = 'n', long, default_value_t = 3, value_name = "N")]
    pub examples: usize,
}

/// `mailtrail rules coverage`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailtrail rules coverage /var/log/mail.log*

With --json one object: `lines`, `programs` (`program`, `lines`, `matched`, `generic`, `ambiguous`, `unmatched`),
`rules` (`id`, `lines`), `never`, `unknown_keys` (`rule`, `key`, `count`).")]
pub struct CoverageArgs {
    /// Log files, plain or compressed; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// What lines do not tell.
    #[command(flatten)]
    pub said: Said,
}
