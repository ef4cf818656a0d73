//! What rules and configuration say, read at the start and on SIGHUP.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::cli::{FollowArgs, Global};
use crate::command::input::dating;
use crate::command::inputs::Inputs;
use crate::command::keeper::Keeper;
use crate::command::{Problems, config, data, queue_lifetime, rules};
use crate::config::{Config, StoreKind};
use crate::line::Dating;
use crate::rule::RuleSet;

use super::log::{Level, connection, say};

/// Rules and configuration.
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) rules: RuleSet,
    pub(super) dating: Dating,
    pub(super) kind: StoreKind,
    /// Patterns of files.
    pub(super) files: Vec<PathBuf>,
    /// Sources of the configuration that are read; None where files were named.
    only: Option<Vec<String>>,
}

impl Setup {
    /// Reads them. An error: something in them must be put right.
    pub(super) fn load(global: &Global, args: &FollowArgs) -> Result<Self> {
        let config = config(global)?;
        let rules = rules::load(global, &config)?;
        let dating = dating(&args.said, &config)?;
        let kind = global.store.flatten().unwrap_or(config.store);
        if kind == StoreKind::Ndjson {
            bail!("the store `ndjson` keeps no state: follow with `--store embedded` or `--store elasticsearch`");
        }
        queue_lifetime(&config)?;
        let only = args.files.is_empty().then(|| args.source.clone());
        let files = match &only {
            Some(only) => Inputs::to_follow(only, &config, dating, connection)?.0,
            None => args.files.clone(),
        };
        if files.iter().any(|file| file.as_os_str() == "-") {
            bail!("standard input is not followed: use `mailtrail index -`");
        }
        Ok(Self {
            config,
            rules,
            dating,
            kind,
            files,
            only,
        })
    }

    /// Where it is to answer `/metrics` and `/healthz`.
    pub(super) fn listen<'a>(&'a self, args: &'a FollowArgs) -> Option<&'a String> {
        args.listen.as_ref().or(self.config.listen.as_ref())
    }

    /// Takes back, and says, what a running service cannot change: its data folder and where it listens.
    pub(super) fn hold_back(
        &mut self,
        global: &Global,
        args: &FollowArgs,
        keeper: &Keeper,
        listening: Option<&String>,
    ) -> Result<()> {
        let tell = |key: &str, now: &dyn Display, wanted: &dyn Display| {
            let msg = "it stays as it was until mailtrail is started again";
            let fields: [(&str, &dyn Display); 4] = [("key", &key), ("now", now), ("wanted", wanted), ("msg", &msg)];
            say(Level::Warn, "restart_needed", &fields);
        };
        let folder = data::folder(global, &self.config)?;
        if folder != keeper.folder() {
            tell("data", &keeper.folder().display(), &folder.display());
        }
        self.config.data = Some(keeper.folder().to_owned());
        let wanted = self.listen(args);
        if wanted != listening {
            let nowhere = "nowhere".to_owned();
            tell("listen", listening.unwrap_or(&nowhere), wanted.unwrap_or(&nowhere));
        }
        Ok(())
    }

    /// What is read beside files, made anew.
    pub(super) fn inputs(&self) -> Result<Inputs> {
        match &self.only {
            Some(only) => Ok(Inputs::to_follow(only, &self.config, self.dating, connection)?.1),
            None => Ok(Inputs::default()),
        }
    }
}

/// Says in the log what must be put right, each mistake a line.
pub(super) fn shout(error: &anyhow::Error) {
    match error.downcast_ref::<Problems>() {
        Some(Problems(problems)) => {
            for problem in problems {
                say(Level::Error, "problem", &[("msg", &problem.to_string().trim())]);
            }
        }
        None => say(Level::Error, "problem", &[("msg", &format!("{error:#}"))]),
    }
}
