//! How the text of a value is read, by the kind of its field.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::{Bound, Range, RangeInclusive};

use super::field::address;
use super::{FIELDS, Glob, Kind, Piece, Place, Query, QueryError, Test, fold, moments, words};

/// One side of a range: the text, and whether it belongs to the range. None for an open side.
pub(super) type Side<'a> = Option<(&'a str, bool)>;

/// A quoted value: as it stands.
pub(super) fn exactly(place: Place, text: &str, span: Range<usize>) -> Result<Query, QueryError> {
    plain(place, &[Piece::Literal(text.to_owned())], span)
}

/// A value with wildcards or without.
pub(super) fn plain(place: Place, pieces: &[Piece], span: Range<usize>) -> Result<Query, QueryError> {
    if pieces == [Piece::Any] {
        return Ok(Query::Term {
            place,
            test: Test::Exists,
        });
    }
    let test = match (place.kind(), literal(pieces)) {
        (Kind::Keyword, Some(whole)) => Test::Is(fold(unbracketed(&whole))),
        (Kind::Keyword, None) => Test::Like(Glob::new(unbracketed_pieces(pieces))),
        (Kind::Words, Some(whole)) => Test::Phrase(words(&whole).collect()),
        (Kind::Words, None) => Test::Like(Glob::new(pieces.iter().cloned())),
        (Kind::Ip, _) => Test::Ip(network(&written(pieces), span)?),
        (Kind::Integer | Kind::Decimal, _) => {
            let number = number(&place, &written(pieces), span)?;
            Test::Number(Bound::Included(number), Bound::Included(number))
        }
        (Kind::Date, _) => {
            let covered = date(&written(pieces), span)?;
            Test::Date(Some(covered.start), Some(covered.end))
        }
        // An absent `leg` is a false one, so false is asked for as "not true".
        (Kind::Bool, _) => {
            let yes = truth(&written(pieces), span)?;
            let test = Test::Bool(true);
            let query = Query::Term { place, test };
            return Ok(if yes { query } else { query.negated() });
        }
    };
    Ok(Query::Term { place, test })
}

/// A range. A written moment covers its whole day, hour, minute: `<2026-11-24` ends before that day, `<=` with it.
pub(super) fn range(place: Place, from: Side<'_>, to: Side<'_>, span: Range<usize>) -> Result<Query, QueryError> {
    let test = match place.kind() {
        Kind::Keyword => Test::Within(
            bound(from, |text| Ok(fold(unbracketed(text))))?,
            bound(to, |text| Ok(fold(unbracketed(text))))?,
        ),
        Kind::Integer | Kind::Decimal => Test::Number(
            bound(from, |text| number(&place, text, span.clone()))?,
            bound(to, |text| number(&place, text, span.clone()))?,
        ),
        Kind::Date => {
            let start = from.map(|(text, included)| {
                date(text, span.clone()).map(|covered| if included { covered.start } else { covered.end })
            });
            let end = to.map(|(text, included)| {
                date(text, span.clone()).map(|covered| if included { covered.end } else { covered.start })
            });
            Test::Date(start.transpose()?, end.transpose()?)
        }
        Kind::Ip => Test::Ip(addresses(from, to, &span)?),
        Kind::Words | Kind::Bool => {
            let path = place.path();
            return Err(QueryError::new(format!("`{path}` has no order"), span)
                .help("ranges are for numbers, moments, addresses and whole values"));
        }
    };
    Ok(match (from, to) {
        (None, None) => Query::Term {
            place,
            test: Test::Exists,
        },
        _ => Query::Term { place, test },
    })
}

fn bound<T>(side: Side<'_>, read: impl Fn(&str) -> Result<T, QueryError>) -> Result<Bound<T>, QueryError> {
    Ok(match side {
        None => Bound::Unbounded,
        Some((text, true)) => Bound::Included(read(text)?),
        Some((text, false)) => Bound::Excluded(read(text)?),
    })
}

fn addresses(from: Side<'_>, to: Side<'_>, span: &Range<usize>) -> Result<RangeInclusive<Ipv6Addr>, QueryError> {
    let (mut low, mut high) = (0, u128::MAX);
    let mut empty = false;
    if let Some((text, included)) = from {
        let covered = network(text, span.clone())?;
        low = u128::from(*if included { covered.start() } else { covered.end() });
        empty |= !included && low == u128::MAX;
        low = low.saturating_add(u128::from(!included));
    }
    if let Some((text, included)) = to {
        let covered = network(text, span.clone())?;
        high = u128::from(*if included { covered.end() } else { covered.start() });
        empty |= !included && high == 0;
        high = high.saturating_sub(u128::from(!included));
    }
    if empty {
        (low, high) = (1, 0);
    }
    Ok(Ipv6Addr::from(low)..=Ipv6Addr::from(high))
}

/// `192.0.2.1`, `192.0.2.0/24`, `192.0.2.*`, `2001:db8::/32`, with or without `[]`.
pub(super) fn network(text: &str, span: Range<usize>) -> Result<RangeInclusive<Ipv6Addr>, QueryError> {
    read_network(text).ok_or_else(|| {
        QueryError::new(format!("`{text}` is no IP address"), span)
            .help("an address (192.0.2.1, 2001:db8::1), a network (192.0.2.0/24, 192.0.2.*) or a range ([192.0.2.1 TO 192.0.2.9])")
    })
}

/// As [`network`]; None if it is none.
pub(super) fn read_network(text: &str) -> Option<RangeInclusive<Ipv6Addr>> {
    let text = text.trim();
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Some(dotted) = text.strip_suffix(".*") {
        let octets = dotted.trim_end_matches(".*");
        let known = octets.split('.').count();
        let stars = (text.len() - octets.len()) / 2;
        let padded = format!("{octets}{}", ".0".repeat(4_usize.checked_sub(known)?));
        padded.parse::<std::net::Ipv4Addr>().ok()?;
        let bits = (known < 4 && stars <= 4 - known).then_some(known * 8)?;
        return read_network(&format!("{padded}/{bits}"));
    }
    let Some((base, bits)) = text.split_once('/') else {
        return address(text).map(|address| address..=address);
    };
    let given = base.parse::<IpAddr>().ok()?;
    let bits: u32 = bits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| bits.parse().ok())??;
    let bits = match given {
        IpAddr::V4(_) => (bits <= 32).then_some(bits + 96)?,
        IpAddr::V6(_) => (bits <= 128).then_some(bits)?,
    };
    let host = u128::MAX.checked_shr(bits).unwrap_or(0);
    let base = u128::from(address(base)?);
    Some(Ipv6Addr::from(base & !host)..=Ipv6Addr::from(base | host))
}

/// A number; for seconds also `90s`, `5m`, `2h`, `3d`.
fn number(place: &Place, text: &str, span: Range<usize>) -> Result<f64, QueryError> {
    let text = text.trim();
    let (digits, factor) = match text.char_indices().last() {
        Some((at, unit)) if place.path().ends_with("_s") => match unit {
            's' => (&text[..at], 1.0),
            'm' => (&text[..at], 60.0),
            'h' => (&text[..at], 3_600.0),
            'd' => (&text[..at], 86_400.0),
            _ => (text, 1.0),
        },
        _ => (text, 1.0),
    };
    let plain = digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    digits
        .parse::<f64>()
        .ok()
        .filter(|number| plain && number.is_finite())
        .map(|number| number * factor)
        .ok_or_else(|| {
            QueryError::new(format!("`{text}` is no number"), span)
                .help(format!("`{0}:90`, `{0}:>90` or `{0}:[10 TO 90]`", short(place)))
        })
}

fn date(text: &str, span: Range<usize>) -> Result<Range<i64>, QueryError> {
    moments(text).ok_or_else(|| {
        QueryError::new(format!("`{text}` is no moment"), span)
            .help("2026-11-24, \"2026-11-24 10:05\" or 2026-11-24T10:05:00Z, in UTC unless an offset is written")
    })
}

fn truth(text: &str, span: Range<usize>) -> Result<bool, QueryError> {
    match fold(text).as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(QueryError::new(format!("`{text}` is neither true nor false"), span)),
    }
}

/// The name that people write.
fn short(place: &Place) -> String {
    match place {
        Place::Field(field) => (*field.names.first().unwrap_or(&field.path)).to_owned(),
        Place::Extra(_) => place.path(),
    }
}

/// The text, if there is no wildcard in it.
fn literal(pieces: &[Piece]) -> Option<String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The text with its wildcards as they were written.
pub(super) fn written(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::One => "?",
            Piece::Any => "*",
        })
        .collect()
}

/// Addresses and message ids are kept without `<>`, and may be asked for with them.
fn unbracketed(text: &str) -> &str {
    text.strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .unwrap_or(text)
}

fn unbracketed_pieces(pieces: &[Piece]) -> Vec<Piece> {
    let mut pieces = pieces.to_vec();
    let opens = matches!(pieces.first(), Some(Piece::Literal(text)) if text.starts_with('<'));
    let closes = matches!(pieces.last(), Some(Piece::Literal(text)) if text.ends_with('>'));
    if opens && closes {
        if let Some(Piece::Literal(text)) = pieces.first_mut() {
            text.remove(0);
        }
        if let Some(Piece::Literal(text)) = pieces.last_mut() {
            text.pop();
        }
    }
    pieces
}

/// What people call a field elsewhere, and its name here.
const OTHER_WORDS: &[(&[&str], &str)] = &[
    (&["recipient", "rcpt", "rcpt_to"], "to"),
    (&["sender", "mail_from", "author"], "from"),
    (&["orig_to", "original_to"], "orig"),
    (&["queue", "queueid"], "qid"),
    (&["messageid", "message-id", "mid"], "msgid"),
    (&["date", "time", "timestamp"], "@timestamp"),
    (&["domain"], "to_domain"),
    (&["server", "nexthop"], "relay"),
    (&["login", "sasl_username", "username"], "user"),
];

/// The error for a field that is not in the table.
pub(super) fn unknown(name: &str, span: Range<usize>) -> QueryError {
    let asked = fold(name);
    if let Some((_, meant)) = OTHER_WORDS.iter().find(|(words, _)| words.contains(&asked.as_str())) {
        return QueryError::new(format!("unknown field `{name}`"), span).help(format!("did you mean `{meant}`?"));
    }
    let known = FIELDS
        .iter()
        .flat_map(|field| field.names.iter().copied().chain([field.path]));
    let near = known
        .map(|known| (strsim::damerau_levenshtein(known, &asked), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
    let help = match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("a field of the rules' own is written `extra.{name}`; text with a colon is written in quotes"),
    };
    QueryError::new(format!("unknown field `{name}`"), span).help(help)
}
