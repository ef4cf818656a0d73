//! Translates one regular expression of a grok pattern, as far as it has a translation.

use std::collections::BTreeSet;

use crate::event::FIELDS;
use crate::pattern::Types;

/// The pattern that says the same; `own` are the patterns of the same file. What has no translation is an error.
pub(super) fn translated(body: &str, own: &BTreeSet<String>) -> Result<String, String> {
    let mut reader = Reader { text: body, at: 0, own };
    let pattern = reader.branches(false)?;
    if reader.at < body.len() {
        return Err("a `)` closes no group".to_owned());
    }
    Ok(pattern)
}

/// Reads a regular expression as far as it has a translation.
struct Reader<'r> {
    text: &'r str,
    at: usize,
    /// Patterns of the same file.
    own: &'r BTreeSet<String>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// `a|b|c` up to the end or a `)`.
    fn branches(&mut self, inside: bool) -> Result<String, String> {
        let mut branches = vec![self.sequence()?];
        while self.rest().starts_with('|') {
            self.at += 1;
            branches.push(self.sequence()?);
        }
        Ok(if branches.len() == 1 {
            branches.remove(0)
        } else if inside {
            branches.join("%|")
        } else {
            format!("%({}%)", branches.join("%|"))
        })
    }

    fn sequence(&mut self) -> Result<String, String> {
        let mut out = String::new();
        while let Some(c) = self.rest().chars().next() {
            if matches!(c, '|' | ')') {
                break;
            }
            out.push_str(&self.item(c)?);
        }
        Ok(out)
    }

    fn item(&mut self, first: char) -> Result<String, String> {
        let rest = self.rest();
        if rest.starts_with("%{") {
            let field = self.field()?;
            return self.repeated(&field);
        }
        match first {
            '^' | '$' => {
                self.at += 1;
                Ok(String::new())
            }
            '(' => self.group(),
            '.' => self.any(),
            '[' => self.class(),
            '\\' => self.escape(),
            '*' | '+' | '?' | '{' => Err(format!(
                "the `{first}` at {} repeats something that has no translation",
                self.at + 1
            )),
            c => {
                self.at += c.len_utf8();
                let literal = if c == '%' { "%%".to_owned() } else { c.to_string() };
                self.repeated(&literal)
            }
        }
    }

    /// What was read, if a `?` follows as a part that may be absent. Other repetitions have no translation.
    fn repeated(&mut self, item: &str) -> Result<String, String> {
        match self.rest().chars().next() {
            Some('?') => {
                self.at += 1;
                Ok(format!("%?({item}%)"))
            }
            Some('*' | '+') if item == " " => {
                self.at += 1;
                Ok(item.to_owned())
            }
            Some(c @ ('*' | '+' | '{')) => Err(format!(
                "`{c}` repeats `{item}`, and only lists repeat here: `%{{list(type):name}}`"
            )),
            _ => Ok(item.to_owned()),
        }
    }

    /// `%{NAME:field:type}`
    fn field(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let Some(end) = rest.find('}') else {
            return Err("a `%{` is not closed".to_owned());
        };
        let inner = rest[2..end].to_owned();
        self.at += end + 1;
        let mut parts = inner.splitn(3, ':');
        let type_name = parts.next().unwrap_or_default();
        let name = parts.next().filter(|name| !name.is_empty());
        let type_name = self.type_of(type_name)?;
        let at_end = matches!(self.rest(), "" | "$" | ")" | ")$" | ")?" | ")?$");
        let type_name = if type_name == "rest" && !at_end {
            "text".to_owned()
        } else {
            type_name
        };
        Ok(match name {
            Some(name) => format!("%{{{type_name}:{}}}", field_name(name)),
            None => format!("%{{{type_name}}}"),
        })
    }

    fn type_of(&self, name: &str) -> Result<String, String> {
        if self.own.contains(name) {
            return Ok(name.to_lowercase());
        }
        let known = match name {
            "GREEDYDATA" => "rest",
            "DATA" => "text",
            "SPACE" => return Err("`%{SPACE}` is a blank here: write it".to_owned()),
            "EMAILADDRESS" | "MAILADDR" => "bare_addr",
            "USERNAME" | "USER" | "NOTSPACE" | "PROG" | "URI" => "token",
            "HOSTPORT" => return Err("`%{HOSTPORT}` is `%{host:name}:%{int:port}` here".to_owned()),
            "BASE16NUM" | "UUID" => "word",
            "TIME" => "clock",
            other if Types::is_built_in(other) => other,
            other => return Err(format!("`%{{{other}}}` is neither in the file nor known here")),
        };
        Ok(known.to_owned())
    }

    /// `( … )`, `(?: … )`, `(?<name> … )`, with a `?` behind it or not.
    fn group(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let mut name = None;
        if let Some(inner) = rest.strip_prefix("(?:") {
            self.at = self.text.len() - inner.len();
        } else if let Some(inner) = rest.strip_prefix("(?<").or_else(|| rest.strip_prefix("(?P<")) {
            if inner.starts_with(['=', '!']) {
                return Err("look-behind has no translation".to_owned());
            }
            let Some((own, inner)) = inner.split_once('>') else {
                return Err("a group's name is not closed".to_owned());
            };
            name = Some(own.to_owned());
            self.at = self.text.len() - inner.len();
        } else if rest.starts_with("(?") {
            return Err("look-ahead and flags have no translation".to_owned());
        } else {
            self.at += 1;
        }
        let inner = self.branches(true)?;
        if !self.rest().starts_with(')') {
            return Err("a group is not closed".to_owned());
        }
        self.at += 1;
        let optional = self.rest().starts_with('?');
        if optional {
            self.at += 1;
        } else if let Some(c) = self.rest().chars().next().filter(|c| matches!(c, '*' | '+' | '{')) {
            return Err(format!(
                "a group repeats (`{c}`), and only lists repeat here: `%{{list(type):name}}`"
            ));
        }
        let inner = match name {
            None => inner,
            Some(name) => named(&inner, &field_name(&name))?,
        };
        Ok(match (optional, inner.contains("%|") && is_choice(&inner)) {
            (true, _) => format!("%?({inner}%)"),
            (false, true) => format!("%({inner}%)"),
            (false, false) => inner,
        })
    }

    /// `.*`, `.+`, with `?` or not.
    fn any(&mut self) -> Result<String, String> {
        self.at += 1;
        if !self.rest().starts_with(['*', '+']) {
            return Err("a `.` that stands for one character has no translation; write the character".to_owned());
        }
        self.at += 1;
        let lazy = self.rest().starts_with('?');
        self.at += usize::from(lazy);
        let at_end =
            matches!(self.rest(), "" | "$") || self.rest().trim_start_matches(')').trim_matches(['?', '$']).is_empty();
        Ok(if at_end { "%{rest}" } else { "%{text}" }.to_owned())
    }

    /// `[^ ]+` and the like, and classes of word characters and digits.
    fn class(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let Some(end) = rest[1..].find(']').map(|end| end + 1) else {
            return Err("a `[` is not closed".to_owned());
        };
        let class = rest[..=end].to_owned();
        let after = rest[end + 1..].chars().next();
        self.at += end + 1;
        let many = matches!(after, Some('+' | '*'));
        if many {
            self.at += 1;
            let lazy = self.rest().starts_with('?');
            self.at += usize::from(lazy);
        }
        let next = self.rest().chars().next();
        let inner = &class[1..class.len() - 1];
        match (inner, many) {
            ("0-9" | r"\d", true) => Ok("%{int}".to_owned()),
            (r"^ " | r"^\s", true) => Ok("%{token}".to_owned()),
            (r"\w" | "a-zA-Z" | "A-Za-z" | "a-zA-Z0-9" | "A-Za-z0-9" | "a-z" | "A-Z" | r"\w-" | r"\w.-", true) => {
                Ok("%{word}".to_owned())
            }
            (inner, true) if inner.starts_with('^') && next.is_some_and(|next| inner[1..].contains(next)) => {
                Ok("%{text}".to_owned())
            }
            (inner, true) if inner.starts_with('^') && next.is_none() => Ok("%{rest}".to_owned()),
            _ => Err(format!("the class `{class}` has no translation; name a type")),
        }
    }

    fn escape(&mut self) -> Result<String, String> {
        let Some(c) = self.rest().chars().nth(1) else {
            return Err("a `\\` ends the pattern".to_owned());
        };
        self.at += 1 + c.len_utf8();
        let many = self.rest().starts_with(['+', '*']);
        let take = |reader: &mut Self| {
            reader.at += 1;
            let lazy = reader.rest().starts_with('?');
            reader.at += usize::from(lazy);
        };
        match (c, many) {
            ('d', true) => {
                take(self);
                Ok("%{int}".to_owned())
            }
            ('S', true) => {
                take(self);
                Ok("%{token}".to_owned())
            }
            ('w', true) => {
                take(self);
                Ok("%{word}".to_owned())
            }
            ('s', _) => {
                if many {
                    take(self);
                }
                self.repeated(" ")
            }
            ('b' | 'A' | 'z' | 'Z', false) => Ok(String::new()),
            (c, _) if c.is_ascii_alphanumeric() => Err(format!("`\\{c}` has no translation; name a type")),
            (c, _) => {
                let literal = if c == '%' { "%%".to_owned() } else { c.to_string() };
                self.repeated(&literal)
            }
        }
    }
}

/// Are there branches at the outermost level?
fn is_choice(inner: &str) -> bool {
    let mut depth = 0_i32;
    let mut rest = inner;
    while let Some(at) = rest.find('%') {
        rest = &rest[at..];
        if rest.starts_with("%(") || rest.starts_with("%?(") {
            depth += 1;
        } else if rest.starts_with("%)") {
            depth -= 1;
        } else if rest.starts_with("%|") && depth == 0 {
            return true;
        }
        rest = rest.get(2..).unwrap_or_default();
    }
    false
}

/// A named group: its one field takes the name, or its words do.
fn named(inner: &str, name: &str) -> Result<String, String> {
    if let Some(type_name) = inner.strip_prefix("%{").and_then(|rest| rest.strip_suffix('}'))
        && !type_name.contains(['{', ':'])
    {
        return Ok(format!("%{{{type_name}:{name}}}"));
    }
    let words: Vec<&str> = inner.split("%|").collect();
    if words.iter().all(|word| !word.contains(['%', '\'']) && !word.is_empty()) {
        let words: Vec<String> = words
            .iter()
            .map(|word| {
                if word.contains(['(', ')', '|', ',']) {
                    format!("'{word}'")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        return Ok(format!("%{{one({}):{name}}}", words.join("|")));
    }
    Err(format!("the group `{name}` holds more than one field or text"))
}

/// Names of fields that grok users give, in ours; others are fields of one's own.
fn field_name(name: &str) -> String {
    let name = name.trim_matches(['[', ']']).replace("][", ".");
    let bare = name.strip_prefix("postfix_").unwrap_or(&name);
    let known = match bare {
        "queueid" => "queue_id",
        "message-id" => "message_id",
        "sasl_username" => "sasl_user",
        "client_hostname" => "client_host",
        "relay_hostname" => "relay_host",
        "delay_before_qmgr" => "before_queue",
        "delay_in_qmgr" => "in_queue",
        "delay_conn_setup" => "connect",
        "delay_transmission" => "transmit",
        "status_code_enhanced" => "dsn",
        other => other,
    };
    if FIELDS.iter().any(|row| row.1 == known) {
        return known.to_owned();
    }
    let own: String = bare
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    format!("extra.{own}")
}
