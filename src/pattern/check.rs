//! What may follow what: the mistakes that would not fail but match the wrong text, without a word.

use std::ops::Range;

use super::byte_set::ByteSet;
use super::fault::Fault;
use super::open::Reach;
use super::pairs::Pairs;
use super::program::Op;
use super::scan::{SCANNERS, Scanner};

/// Finds fields that touch each other, and closed fields that would eat into the literal after them.
pub(crate) fn neighbours(ops: &[Op], places: &[Range<usize>], pairs: &[Pairs], faults: &mut Vec<Fault>) {
    for (number, op) in ops.iter().enumerate() {
        let place = places.get(number).cloned().unwrap_or_default();
        let after = reachable(ops, number + 1);
        match op {
            Op::Open(open) if open.reach != Reach::MessageId => {
                let touching = after.iter().find(|next| match &ops[**next] {
                    Op::Scan(..) | Op::Open(_) | Op::Rest(_) => true,
                    Op::Pairs(list, _) => pairs.get(*list).is_some_and(|list| list.first == 0),
                    _ => false,
                });
                if let Some(next) = touching {
                    let name = if open.reach == Reach::Shortest { "text" } else { "last" };
                    let end = places[*next].end.max(place.end);
                    faults.push(
                        Fault::new(
                            place.start..end,
                            format!("`{name}` is followed by another field, so its end cannot be found"),
                        )
                        .help("put literal text between the two fields, or use a bounded type such as `word`"),
                    );
                }
            }
            Op::Rest(_) if after.iter().any(|next| !matches!(ops[*next], Op::Accept)) => faults.push(
                Fault::new(place, "`rest` takes everything to the end, but the pattern goes on")
                    .help("use `text` (up to the first place from which the rest matches) or `last` (the last one)"),
            ),
            Op::Scan(scanner, _) => {
                for next in after {
                    if let Op::Literal(literal) = &ops[next] {
                        let (first, _) = follow(ops, pairs, next + 1, None);
                        eats(*scanner, literal, &first, &place, faults);
                    }
                }
            }
            _ => {}
        }
    }
}

/// `%{ip}: ` is fine, since an address gives a lone `:` back; `%{word}.%{word}` is not. `after`: how the text may go on
/// after the literal.
fn eats(scanner: Scanner, literal: &[u8], after: &ByteSet, place: &Range<usize>, faults: &mut Vec<Fault>) {
    let eats = |more: &[u8]| scanner.swallows(&[literal, more].concat());
    let inside = scanner.inside();
    let eaten = if literal.first().is_none_or(|byte| !inside.has(*byte)) {
        false
    } else if literal.iter().any(|byte| !inside.has(*byte)) {
        // Whatever comes after the literal is out of the scanner's reach.
        eats(b"")
    } else if *after == ByteSet::ALL {
        eats(b"a1")
    } else {
        eats(b"") || after.bytes().any(|byte| eats(&[byte]))
    };
    if !eaten {
        return;
    }
    let name = SCANNERS.iter().find(|row| row.0 == scanner).map_or("", |row| row.1);
    let next = String::from_utf8_lossy(literal);
    faults.push(
        Fault::new(
            place.clone(),
            format!("`{name}` would take the `{}` that follows it", next.escape_debug()),
        )
        .help("use a narrower type, or `text`, which ends where the rest of the pattern matches"),
    );
}

/// The steps that take text (or end the pattern) and may come next, in their order.
fn reachable(ops: &[Op], from: usize) -> Vec<usize> {
    // Steps are few: a list that is looked through is quicker than any set.
    let mut found = Vec::new();
    let mut seen: Vec<usize> = Vec::new();
    let mut open = vec![from];
    while let Some(number) = open.pop() {
        match ops.get(number) {
            Some(Op::Split(other, _)) if !seen.contains(&number) => {
                seen.push(number);
                open.extend([number + 1, *other]);
            }
            Some(Op::Jump(to)) if !seen.contains(&number) => {
                seen.push(number);
                open.push(*to);
            }
            None | Some(Op::Split(..) | Op::Jump(_)) => {}
            Some(_) if found.contains(&number) => {}
            Some(_) => found.push(number),
        }
    }
    found.sort_unstable();
    found
}

/// The bytes with which the text may go on at this step, and whether it may end there.
///
/// `after`: what may stand after the pattern; None if the text ends with it.
pub(crate) fn follow(ops: &[Op], pairs: &[Pairs], from: usize, after: Option<&ByteSet>) -> (ByteSet, bool) {
    let mut set = ByteSet::EMPTY;
    let mut may_end = false;
    for number in reachable(ops, from) {
        match &ops[number] {
            Op::Literal(literal) => literal.first().into_iter().for_each(|byte| set.add(*byte)),
            Op::Words(words, _) if words.iter().all(|word| !word.is_empty()) => words
                .iter()
                .filter_map(|word| word.first())
                .for_each(|byte| set.add(*byte)),
            Op::Pairs(list, _) => match pairs.get(*list).filter(|list| list.first != 0) {
                Some(list) => list.first_keys().for_each(|key| {
                    key.first().into_iter().for_each(|byte| set.add(*byte));
                }),
                None => set = ByteSet::ALL,
            },
            Op::Accept => {
                may_end = true;
                if let Some(after) = after {
                    set.join(after);
                }
            }
            Op::Scan(scanner, _) if !scanner.may_be_empty() => set.join(scanner.first_bytes()),
            _ => {
                set = ByteSet::ALL;
                may_end = true;
            }
        }
    }
    (set, may_end)
}
