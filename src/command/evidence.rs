//! `mailtrail trace --evidence FILE`: a pack that can be given away.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::answer::evidence::{Evidence, sha256};
use crate::answer::{self, Ask, Story};
use crate::assemble::Locality;
use crate::assemble::evidence::remembered;
use crate::cause::Causes;
use crate::config::Config;
use crate::line::Line;
use crate::query::journey::{Journey, Lookup};
use crate::query::{Query, matches};
use crate::rule::RuleSet;
use crate::scrub::{Pseudonyms, Scrubber};
use crate::store::Store;
use crate::store::sink::Sink;
use crate::transaction::{Document, Transaction};

use super::escape::escape;
use super::intake::Intake;
use super::{looked, story};

/// More lines than any story has.
const MAX_OPEN: usize = 100_000;

/// What a pack is made with.
pub(super) struct Maker<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) rules: &'a RuleSet,
    pub(super) causes: &'a Causes,
    pub(super) config: &'a Config,
    pub(super) ask: Ask,
}

impl Maker<'_> {
    /// The evidence of a story; with a key, of the same story with pseudonyms.
    pub(super) fn make(&self, story: &Story, key: Option<&str>) -> Result<Evidence> {
        let mut pack = answer::evidence(self.store, story, self.rules.fingerprint(), self.ask.now)?;
        let Some(key) = key else { return Ok(pack) };
        let pseudonyms = Pseudonyms::new(key);
        let host = |host: &str| String::from_utf8_lossy(&pseudonyms.host(host.as_bytes())).into_owned();
        let coverage = &mut pack.coverage;
        coverage
            .hosts
            .iter_mut()
            .for_each(|lines| lines.host = host(&lines.host));
        coverage.gaps.iter_mut().for_each(|gap| gap.host = host(&gap.host));
        let again = self.scrubbed(story, &pseudonyms)?;
        let told = answer::evidence(self.store, &again, self.rules.fingerprint(), self.ask.now)?;
        Ok(Evidence {
            scrubbed: true,
            story: told.story,
            documents: told.documents,
            ..pack
        })
    }

    /// The story told anew from its scrubbed lines: so nothing of the old one is left in any field.
    fn scrubbed(&self, story: &Story, pseudonyms: &Pseudonyms) -> Result<Story> {
        let old = story.hops.iter().chain(&story.notices).flat_map(remembered);
        let lines: Vec<Arc<Line>> = old
            .filter_map(|line| Line::again(&line.raw, line.at, line.ordinal).map(Arc::new))
            .collect();
        let mut scrubber = Scrubber::new(self.rules, pseudonyms.clone());
        for line in &lines {
            scrubber.learn(line);
        }
        let mut documents: Vec<Transaction> = Vec::new();
        let mut sink = Sink(|document: Document| {
            if let Document::Transaction(transaction) = document {
                documents.push(*transaction);
            }
        });
        let filters = self.config.filters.iter();
        let locality = Locality {
            filters: filters
                .map(|filter| String::from_utf8_lossy(&pseudonyms.host(filter.as_bytes())).into_owned())
                .collect(),
        };
        let mut intake = Intake::new(self.rules, &mut sink, locality, MAX_OPEN);
        for line in &lines {
            let shown = scrubber.scrub(line);
            if let Some(line) = Line::again(&shown.line, line.at, line.ordinal) {
                intake.line(line)?;
            }
        }
        intake.commit()?;
        drop(intake);
        let first = story.hops.first().and_then(|hop| hop.queue_id.as_ref());
        let start = documents.iter().find(|one| one.queue_id.as_ref() == first);
        let Some(start) = start.or(documents.first()).cloned() else {
            bail!("no line of this message could be read again");
        };
        let journey = Journey::of(start, &mut |lookup| {
            let query = match lookup {
                Lookup::QueueId(id) => Query::is("qid", id)?,
                Lookup::MessageId(id) => Query::is("msgid", id)?,
            };
            let fits = |one: &&Transaction| matches(&query, &Document::Transaction(Box::new((*one).clone())));
            Ok::<_, answer::AnswerError>(documents.iter().filter(fits).cloned().collect())
        })?;
        Ok(Story::of(journey, self.causes, false))
    }
}

/// Writes packs into a new file: as JSON if it is called so, else as text.
pub(super) fn write(packs: &[Evidence], file: &Path) -> Result<()> {
    let mut text = Vec::new();
    if file.extension().is_some_and(|end| end == "json") {
        for pack in packs {
            serde_json::to_writer(&mut text, pack)?;
            text.push(b'\n');
        }
    } else {
        for pack in packs {
            tell(pack, &mut anstream::StripStream::new(&mut text))?;
        }
        let seal = sha256(&text);
        writeln!(text, "seal: {seal}")?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Whom mail went to is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file).with_context(|| {
        format!(
            "cannot make {} (a pack never replaces a file that is there)",
            file.display()
        )
    })?;
    out.write_all(&text)
        .with_context(|| format!("cannot write {}", file.display()))
}

fn tell(pack: &Evidence, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Evidence of one message, version {}", pack.evidence)?;
    writeln!(out, "made:     {} by {}", pack.made, pack.by)?;
    let scrubbed = if pack.scrubbed {
        "yes: names, hosts and addresses are pseudonyms; times, queue ids and what happened are as they were"
    } else {
        "no"
    };
    writeln!(out, "scrubbed: {scrubbed}")?;
    writeln!(
        out,
        "check:    the last line of this file is the SHA-256 of all before it: head -n -1 FILE | sha256sum\n\n\
         == What happened\n"
    )?;
    story::print(&pack.story, out)?;
    let hashes = if pack.scrubbed {
        "of the lines as they stand here"
    } else {
        "of the lines as they were read"
    };
    writeln!(
        out,
        "\n== The lines, each behind its SHA-256 ({hashes}, without line end): printf %s 'LINE' | sha256sum"
    )?;
    for document in &pack.documents {
        let queue_id = document.queue_id.as_deref().unwrap_or("no queue id");
        writeln!(
            out,
            "\n{} {}: {} lines, document {}, read with the rules {}",
            escape(&document.host),
            escape(queue_id),
            document.line_count,
            document.id,
            document.rules
        )?;
        for line in &document.lines {
            let shown = escape(&line.line);
            let mark = if shown != line.line || line.base64.is_some() {
                "  (not all of its bytes can be shown; a pack called FILE.json has them)"
            } else {
                ""
            };
            writeln!(out, "{}  {shown}{mark}", line.sha256)?;
        }
    }
    writeln!(out, "\n== The rules\n")?;
    let same = pack.documents.iter().all(|document| document.rules == pack.rules);
    let note = if same {
        "all lines above were read with these"
    } else {
        "some lines above were read with others; `mailtrail reindex` reads them with these"
    };
    writeln!(out, "today's rules have the fingerprint {}: {note}", pack.rules)?;
    let (from, until) = (pack.around.from, pack.around.until);
    let (from, until) = (from.unwrap_or_default(), until.unwrap_or_default());
    writeln!(out, "\n== What was read from {from} to {until}\n")?;
    for host in &pack.coverage.hosts {
        writeln!(
            out,
            "{}: {} lines from {} to {}, {}",
            escape(&host.host),
            host.lines,
            host.first,
            host.last,
            looked::understood(host.unmatched)
        )?;
    }
    let silences = looked::silences(&pack.coverage.gaps, usize::MAX);
    let silences = silences.trim_start_matches('\n');
    if silences.is_empty() {
        writeln!(out, "No host was silent for ten minutes.")?;
    } else {
        writeln!(out, "{silences}")?;
    }
    writeln!(out)
}
