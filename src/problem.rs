//! What a person must fix in a file, and how it is shown: the place, a caret under it, and what would help.
//!
//! Problems are collected, so that one run shows all of them. They are plain text; [`Problem::paint`] adds colour.

mod yaml;

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::de::DeserializeOwned;

/// Reads a YAML file; an unknown key or a wrong value comes with its place.
pub fn read_yaml<T: DeserializeOwned>(path: &Path) -> Result<T, Vec<Problem>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![Problem::of_file(&file, format!("cannot read the file: {error}"))])?;
    parse_yaml(&file, &text).map_err(|problem| vec![problem])
}

/// Reads the text of a YAML file.
pub fn parse_yaml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Problem> {
    serde_yaml::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let title = error.to_string();
        let Some(location) = error.location() else {
            return Problem::of_file(file, title);
        };
        // The caret shows the place.
        let place = format!(" at line {}, column {}", location.line(), location.column());
        let at = byte_of(text, location);
        let title = title.replace(&place, "");
        unknown_key(file, text, at, &title).unwrap_or_else(|| match yaml::said(&title) {
            Some(said) => {
                let at = yaml::place(&said, text, at);
                Problem::at(file, text, at..at, said.title).help(said.help)
            }
            None => Problem::at(file, text, at..at, title),
        })
    })
}

/// serde's words for an unknown key, in ours: what was meant, not all that there is.
fn unknown_key(file: &str, text: &str, at: usize, title: &str) -> Option<Problem> {
    let (key, known) = title.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let names = known.strip_prefix("one of ").unwrap_or(known);
    let names: Vec<&str> = names.split([',', ' ']).map(|name| name.trim_matches('`')).collect();
    let names = names.into_iter().filter(|name| !name.is_empty() && *name != "or");
    let help = did_you_mean(key, names.clone())
        .unwrap_or_else(|| format!("known keys are {}", names.collect::<Vec<_>>().join(", ")));
    Some(Problem::at(file, text, at..at + key.len(), format!("unknown key `{key}`")).help(help))
}

/// The nearest of the known names, or None if none is near enough to be meant.
pub fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// `did you mean ...?`, if something near is known.
pub fn did_you_mean<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

/// Where a location begins, in bytes of the file's text.
pub fn byte_of(text: &str, location: serde_yaml::Location) -> usize {
    if let Some(at) = location.span().byte_offset() {
        return floor(text, usize::try_from(at).unwrap_or(text.len()));
    }
    let line = usize::try_from(location.line()).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(1).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    text[start..]
        .char_indices()
        .nth(column)
        .map_or(text.len(), |(offset, _)| start + offset)
}

/// The widest piece of a source line that is shown, in characters.
const MAX_SHOWN: usize = 140;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the person named it; for built-in rules the path in the repository.
    pub file: String,
    /// What is wrong: lower case, no full stop.
    pub title: String,
    /// Where in the file. None if the file as a whole is meant (it cannot be read).
    pub place: Option<Place>,
    /// What to do. None if the title says it all.
    pub help: Option<String>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters of this line are meant, at least 1.
    pub length: usize,
    /// The line's text.
    pub text: String,
}

impl Place {
    /// The place of a byte range of a file's text. A range that ends on another line is cut at its line's end.
    pub fn of(text: &str, span: Range<usize>) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end.max(start));
        let from = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let to = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[from..start].chars().count() + 1,
            length: text[start..end.min(to).max(start)].chars().count().max(1),
            text: text[from..to].trim_end_matches('\r').to_owned(),
        }
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

impl Problem {
    /// A problem of a whole file.
    pub fn of_file(file: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            title: title.into(),
            place: None,
            help: None,
        }
    }

    /// A problem at a byte range of a file's text.
    pub fn at(file: impl Into<String>, text: &str, span: Range<usize>, title: impl Into<String>) -> Self {
        Self {
            place: Some(Place::of(text, span)),
            ..Self::of_file(file, title)
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The problem as it is shown on a terminal, in colour.
    pub fn paint(&self) -> String {
        self.shown(&Paint {
            error: AnsiColor::Red.on_default().bold(),
            frame: AnsiColor::Blue.on_default().bold(),
            title: Style::new().bold(),
        })
    }

    fn shown(&self, paint: &Paint) -> String {
        let mut out = String::new();
        let Paint { error, frame, title } = paint;
        let _ = writeln!(out, "{error}error{error:#}{title}: {}{title:#}", visible(&self.title));
        let width = self.place.as_ref().map_or(1, |place| place.line.to_string().len());
        let gutter = " ".repeat(width);
        match &self.place {
            None => {
                let _ = writeln!(out, "{gutter}{frame}-->{frame:#} {}", visible(&self.file));
            }
            Some(place) => {
                let (text, before) = place.window();
                let carets = "^".repeat(place.length.min(text.chars().count().saturating_sub(before)).max(1));
                let _ = writeln!(
                    out,
                    "{gutter}{frame}-->{frame:#} {}:{}:{}",
                    visible(&self.file),
                    place.line,
                    place.column
                );
                let _ = writeln!(out, "{gutter} {frame}|{frame:#}");
                let line = place.line;
                let _ = writeln!(out, "{frame}{line:>width$} |{frame:#} {text}");
                let _ = writeln!(
                    out,
                    "{gutter} {frame}|{frame:#} {}{error}{carets}{error:#}",
                    " ".repeat(before)
                );
            }
        }
        if let Some(help) = &self.help {
            if self.place.is_some() {
                let _ = writeln!(out, "{gutter} {frame}|{frame:#}");
            }
            let _ = writeln!(
                out,
                "{gutter} {frame}={frame:#} {title}help{title:#}: {}",
                visible(help)
            );
        }
        out
    }
}

/// The colours of a problem; all default for plain text.
#[derive(Default)]
struct Paint {
    error: Style,
    frame: Style,
    title: Style,
}

impl Place {
    /// The part of the line around the place, and how many characters of it stand before the caret.
    fn window(&self) -> (String, usize) {
        let before = self.column - 1;
        let all = visible(&self.text);
        if all.chars().count() <= MAX_SHOWN {
            return (all, before);
        }
        let from = before.saturating_sub(MAX_SHOWN / 2);
        let shown: String = all.chars().skip(from).take(MAX_SHOWN).collect();
        if from == 0 {
            (format!("{shown}..."), before)
        } else {
            (format!("...{shown}..."), before - from + 3)
        }
    }
}

/// Control characters would move the caret, or do worse to a terminal: one blank or mark for each.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(&Paint::default()))
    }
}
