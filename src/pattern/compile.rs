//! Makes a [`Program`] of a pattern's tree: types are looked up and composite ones written out in place, fields get
//! their slots.
//!
//! The hard part is naming: a composite type that is used with a name gives it to what is in it
//! (`%{peer:client}` keeps `client_host`), and an unnamed field inside takes the name itself.
//!
//! In: a pattern's text, the [`Types`], a [`Resolve`]. Out: [`Compiled`], or every [`Fault`] at once.

use std::ops::Range;

use memchr::memmem::{Finder, FinderRev};

use super::byte_set::ByteSet;
use super::check;
use super::fault::Fault;
use super::guard::Guard;
use super::kept::Kept;
use super::keys::{Key, Keys, MAX_KNOWN};
use super::open::{Open, Reach};
use super::pairs::Pairs;
use super::program::{Follow, Op, Program, Slot, UNKEPT};
use super::scan::Scanner;
use super::syntax::{self, FieldItem, Item};
use super::types::{Composite, PairsTree, Types, grok};
use crate::problem::did_you_mean;

/// Gives a field's name its slot, or says that there is no such field and perhaps what was meant.
pub type Resolve<'r> = dyn FnMut(&str) -> Result<Slot, Option<String>> + 'r;

/// A pattern that may run.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What runs.
    pub program: Program,
    /// Which fields it keeps.
    pub kept: Kept,
}

/// Compiles a pattern.
pub fn compile(text: &str, types: &Types, resolve: &mut Resolve<'_>) -> Result<Compiled, Vec<Fault>> {
    let items = syntax::parse(text).map_err(|fault| vec![fault])?;
    compile_items(&items, types, resolve)
}

/// Checks a composite type on its own: what it names must be there and must not lead back to it.
pub fn check_type(name: &str, types: &Types) -> Vec<(Option<usize>, Fault)> {
    let mut resolve = |_: &str| Ok(0);
    match types.composite.get(name) {
        None => Vec::new(),
        Some(Composite::Pattern(items)) => {
            let mut maker = Maker::new(types, &mut resolve);
            maker.using.push(name.to_owned());
            maker.items(items, &Naming::plain(None));
            maker
                .finish(None)
                .err()
                .unwrap_or_default()
                .into_iter()
                .map(|fault| (None, fault))
                .collect()
        }
        Some(Composite::Pairs(tree)) => {
            let mut faults = Vec::new();
            let separators = tree.shape.separators();
            for (number, (key, items)) in tree.keys.iter().enumerate() {
                let mut maker = Maker::new(types, &mut resolve);
                maker.using.push(name.to_owned());
                maker.in_pairs = true;
                maker.items(items, &Naming::plain(Some(key)));
                faults.extend(
                    maker
                        .finish(Some(&separators))
                        .err()
                        .unwrap_or_default()
                        .into_iter()
                        .map(|fault| (Some(number), fault)),
                );
            }
            faults
        }
    }
}

fn compile_items(items: &[Item], types: &Types, resolve: &mut Resolve<'_>) -> Result<Compiled, Vec<Fault>> {
    let mut maker = Maker::new(types, resolve);
    let kept = maker.items(items, &Naming::plain(None));
    maker.kept_twice(&kept);
    let program = maker.finish(None)?;
    Ok(Compiled { program, kept })
}

/// How fields are called at this depth.
#[derive(Debug, Clone, Default)]
struct Naming {
    /// Goes before every name, with a `_`.
    prefix: Option<String>,
    /// What an unnamed field is called. None: it is not kept.
    unnamed: Option<String>,
    /// Mistakes inside a composite type are shown where it is used.
    shown_at: Option<Range<usize>>,
    /// Names that are no fields are only checked: `%{peer}` without a name.
    lenient: bool,
    /// Nothing is kept: `%{peer:_}`.
    mute: bool,
}

impl Naming {
    fn plain(unnamed: Option<&str>) -> Self {
        Self {
            unnamed: unnamed.map(str::to_owned),
            ..Self::default()
        }
    }

    fn name(&self, field: &FieldItem) -> Option<String> {
        match &field.name {
            _ if self.mute => None,
            None => self.unnamed.clone(),
            Some(name) if name == "_" => None,
            Some(name) => Some(match &self.prefix {
                Some(prefix) => format!("{prefix}_{}", name.strip_prefix("extra.").unwrap_or(name)),
                None => name.clone(),
            }),
        }
    }

    fn place(&self, span: &Range<usize>) -> Range<usize> {
        self.shown_at.clone().unwrap_or_else(|| span.clone())
    }
}

struct Maker<'m, 'r> {
    types: &'m Types,
    resolve: &'m mut Resolve<'r>,
    ops: Vec<Op>,
    /// Where each step stands in the pattern.
    places: Vec<Range<usize>>,
    pairs: Vec<Pairs>,
    opens: usize,
    splits: usize,
    faults: Vec<Fault>,
    /// The composite types that are being written out.
    using: Vec<String>,
    in_pairs: bool,
}

impl<'m, 'r> Maker<'m, 'r> {
    fn new(types: &'m Types, resolve: &'m mut Resolve<'r>) -> Self {
        Self {
            types,
            resolve,
            ops: Vec::new(),
            places: Vec::new(),
            pairs: Vec::new(),
            opens: 0,
            splits: 0,
            faults: Vec::new(),
            using: Vec::new(),
            in_pairs: false,
        }
    }

    /// Ends the program: at the end of the text, or, for a value of a list, where one of these bytes may stand.
    fn finish(mut self, after: Option<&ByteSet>) -> Result<Program, Vec<Fault>> {
        self.push(Op::Accept, 0..0);
        check::neighbours(&self.ops, &self.places, &self.pairs, &mut self.faults);
        if !self.faults.is_empty() {
            self.faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
            self.faults.dedup();
            return Err(self.faults);
        }
        for number in 0..self.ops.len() {
            if !matches!(self.ops[number], Op::Open(_) | Op::Pairs(..)) {
                continue;
            }
            let (first, may_end) = check::follow(&self.ops, &self.pairs, number + 1, after);
            let literal = match self.ops.get(number + 1) {
                Some(Op::Literal(literal)) => literal.clone(),
                _ => Box::default(),
            };
            let follow = Follow {
                literal,
                first,
                may_end,
            };
            match self.ops.get_mut(number) {
                Some(Op::Open(open)) => {
                    let literal = &follow.literal[..];
                    open.next = (!literal.is_empty())
                        .then(|| (Finder::new(literal).into_owned(), FinderRev::new(literal).into_owned()));
                    open.follow = follow;
                }
                Some(Op::Pairs(_, after)) => **after = follow,
                _ => {}
            }
        }
        // What follows a value of a list is told by the list, not by the value.
        let behind = after.map(|_| &ByteSet::ALL);
        let guards = self.ops.iter().enumerate().filter_map(|(at, op)| match op {
            // Numbers are given in the order of the steps.
            Op::Split(other, _) => Some(Guard::of(&self.ops, &self.pairs, at, *other, behind)),
            _ => None,
        });
        Ok(Program {
            guards: guards.collect(),
            ops: self.ops.into(),
            pairs: self.pairs.into(),
            opens: self.opens,
        })
    }

    fn push(&mut self, op: Op, place: Range<usize>) -> usize {
        self.ops.push(op);
        self.places.push(place);
        self.ops.len() - 1
    }

    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// One fault for each place, whatever it keeps twice.
    fn kept_twice(&mut self, kept: &Kept) {
        let mut places: Vec<(Range<usize>, Vec<String>)> = Vec::new();
        for (name, place) in kept.twice() {
            match places.iter_mut().find(|(other, _)| *other == place) {
                Some((_, names)) => names.push(format!("`{name}`")),
                None => places.push((place, vec![format!("`{name}`")])),
            }
        }
        for (place, names) in places {
            let title = match names.as_slice() {
                [name] => format!("the field {name} is kept twice"),
                names => format!("the fields {} are kept twice", names.join(", ")),
            };
            self.fault(
                Fault::new(place, title).help("give one of them another name, or leave the name out to only check it"),
            );
        }
    }

    fn items(&mut self, items: &[Item], naming: &Naming) -> Kept {
        let mut kept = Kept::default();
        for item in items {
            match item {
                Item::Literal(text) => {
                    self.push(Op::Literal(text.as_bytes().into()), naming.place(&(0..0)));
                }
                Item::Field(field) => kept.and(self.field(field, naming)),
                Item::Optional(inner) => {
                    let split = self.split(naming);
                    let inner = self.items(inner, naming);
                    self.join(split);
                    kept.and(inner.perhaps());
                }
                Item::Choice(branches) => kept.and(self.choice(branches, naming)),
            }
        }
        kept
    }

    fn split(&mut self, naming: &Naming) -> usize {
        self.splits += 1;
        let number = self.splits - 1;
        self.push(Op::Split(0, number), naming.place(&(0..0)))
    }

    /// Lets a split go on here.
    fn join(&mut self, split: usize) {
        let here = self.ops.len();
        match self.ops.get_mut(split) {
            Some(Op::Split(other, _)) => *other = here,
            Some(Op::Jump(to)) => *to = here,
            _ => {}
        }
    }

    fn choice(&mut self, branches: &[Vec<Item>], naming: &Naming) -> Kept {
        let mut jumps = Vec::new();
        let mut kept: Option<Kept> = None;
        for (number, branch) in branches.iter().enumerate() {
            let more = number + 1 < branches.len();
            let split = more.then(|| self.split(naming));
            let branch = self.items(branch, naming);
            kept = Some(match kept.take() {
                Some(before) => before.or(branch),
                None => branch,
            });
            if let Some(split) = split {
                jumps.push(self.push(Op::Jump(0), naming.place(&(0..0))));
                self.join(split);
            }
        }
        for jump in jumps {
            self.join(jump);
        }
        kept.unwrap_or_default()
    }

    fn slot(&mut self, name: Option<&str>, field: &FieldItem, naming: &Naming) -> (Slot, Kept) {
        let Some(name) = name else {
            return (UNKEPT, Kept::default());
        };
        match (self.resolve)(name) {
            Ok(slot) => (slot, Kept::one(name, naming.place(&field.span))),
            Err(_) if naming.lenient => (UNKEPT, Kept::default()),
            Err(suggestion) => {
                let title = if naming.shown_at.is_some() {
                    format!("the type keeps `{name}`, which is no field")
                } else {
                    format!("unknown field `{name}`")
                };
                let span = naming.place(&field.name_span);
                let help = suggestion.map_or_else(
                    || format!("a field of your own is written `extra.{name}`"),
                    |near| format!("did you mean `{near}`? A field of your own is written `extra.{name}`"),
                );
                self.fault(Fault::new(span, title).help(help));
                (UNKEPT, Kept::default())
            }
        }
    }

    fn field(&mut self, field: &FieldItem, naming: &Naming) -> Kept {
        let name = naming.name(field);
        let place = naming.place(&field.span);
        let type_name = grok(&field.type_name);
        if !field.args.is_empty() && !matches!(type_name, "one" | "list") {
            self.fault(
                Fault::new(
                    naming.place(&field.type_span),
                    format!("the type `{type_name}` takes no arguments"),
                )
                .help("only `one(a|b)` and `list(type)` take them"),
            );
            return Kept::default();
        }
        let open = |reach| {
            Some(Box::new(Open {
                slot: UNKEPT,
                reach,
                number: 0,
                next: None,
                follow: Follow::UNKNOWN(),
            }))
        };
        let opened = match type_name {
            "text" => open(Reach::Shortest),
            "last" => open(Reach::Longest),
            "msgid" => open(Reach::MessageId),
            _ => None,
        };
        if let Some(mut open) = opened {
            let (slot, kept) = self.slot(name.as_deref(), field, naming);
            open.slot = slot;
            open.number = self.opens;
            self.opens += 1;
            self.push(Op::Open(open), place);
            return kept;
        }
        match type_name {
            "rest" => {
                let (slot, kept) = self.slot(name.as_deref(), field, naming);
                self.push(Op::Rest(slot), place);
                kept
            }
            "one" => {
                let (slot, kept) = self.slot(name.as_deref(), field, naming);
                if field.args.is_empty() {
                    self.fault(
                        Fault::new(place.clone(), "`one` without words").help("write `%{one(sender|postmaster):who}`"),
                    );
                }
                let mut words: Vec<Box<[u8]>> = field.args.iter().map(|word| word.as_bytes().into()).collect();
                words.sort_by_key(|word| std::cmp::Reverse(word.len()));
                self.push(Op::Words(words.into(), slot), place);
                kept
            }
            "list" => self.list(field, name, naming),
            _ => match Scanner::named(type_name) {
                Some(scanner) => {
                    let (slot, kept) = self.slot(name.as_deref(), field, naming);
                    self.push(Op::Scan(scanner, slot), place);
                    kept
                }
                None => self.composite(field, type_name, name, naming),
            },
        }
    }

    /// `%{list(type, 'separator'):name}`: the type, then the separator and the type again as often as it goes.
    fn list(&mut self, field: &FieldItem, name: Option<String>, naming: &Naming) -> Kept {
        let place = naming.place(&field.span);
        let (type_name, separator) = match field.args.as_slice() {
            [type_name] => (type_name.clone(), ",".to_owned()),
            [type_name, separator] if !separator.is_empty() => (type_name.clone(), separator.clone()),
            _ => {
                self.fault(
                    Fault::new(place, "`list` takes a type and perhaps a separator")
                        .help("write `%{list(mailbox):to}` or `%{list(mailbox, ' '):to}`"),
                );
                return Kept::default();
            }
        };
        if matches!(grok(&type_name), "text" | "last" | "rest" | "list" | "one") {
            self.fault(
                Fault::new(place, format!("a list of `{type_name}` has no ends"))
                    .help("use a bounded type such as `mailbox`, `word` or `host`"),
            );
            return Kept::default();
        }
        let element = FieldItem {
            type_name,
            args: Vec::new(),
            name: None,
            ..field.clone()
        };
        let inner = Naming {
            unnamed: name,
            ..naming.clone()
        };
        let again = self.ops.len();
        let kept = self.field(&element, &inner);
        let split = self.split(naming);
        self.push(Op::Literal(separator.as_bytes().into()), place.clone());
        self.push(Op::Jump(again), place);
        self.join(split);
        kept
    }

    fn composite(&mut self, field: &FieldItem, type_name: &str, name: Option<String>, naming: &Naming) -> Kept {
        let types = self.types;
        let Some(composite) = types.composite.get(type_name) else {
            let mut fault = Fault::new(naming.place(&field.type_span), format!("unknown type `{type_name}`"));
            fault.help =
                did_you_mean(type_name, types.all().map(|(name, _)| name)).or_else(|| Some(known_types(type_name)));
            self.fault(fault);
            return Kept::default();
        };
        if let Some(from) = self.using.iter().position(|used| used == type_name) {
            let mut way: Vec<&str> = self.using[from..].iter().map(String::as_str).collect();
            way.push(type_name);
            let title = format!("the type `{type_name}` is made of itself: {}", way.join(" -> "));
            self.fault(
                Fault::new(naming.place(&field.type_span), title)
                    .help("write one of them out, without naming the other"),
            );
            return Kept::default();
        }
        let prefix = name.clone().or_else(|| naming.prefix.clone());
        let inner = Naming {
            lenient: prefix.is_none() && matches!(composite, Composite::Pattern(_)),
            mute: naming.mute || field.name.as_deref() == Some("_"),
            prefix,
            unnamed: name,
            shown_at: Some(naming.place(&field.span)),
        };
        self.using.push(type_name.to_owned());
        let kept = match composite {
            Composite::Pattern(items) => self.items(items, &inner),
            Composite::Pairs(tree) => self.pairs(type_name, tree, &inner, naming.place(&field.span)),
        };
        self.using.pop();
        kept
    }

    fn pairs(&mut self, type_name: &str, tree: &PairsTree, naming: &Naming, place: Range<usize>) -> Kept {
        if self.in_pairs {
            let title = format!("the list `{type_name}` stands in a value of a list");
            self.fault(Fault::new(place, title).help("a value is made of plain fields"));
            return Kept::default();
        }
        let mut trees = tree.keys.clone();
        for last in &tree.shape.last {
            if !trees.iter().any(|(key, _)| key == last) {
                trees.push((last.clone(), vec![Item::Field(FieldItem::rest(&place))]));
            }
        }
        if trees.len() > MAX_KNOWN {
            let title = format!("the list `{type_name}` has more than {MAX_KNOWN} keys");
            self.fault(
                Fault::new(place, title).help("leave out those that are kept as they are: a list keeps unknown keys"),
            );
            return Kept::default();
        }
        let number = |name: &String| trees.iter().position(|(key, _)| key == name);
        let bits = |names: &[String]| {
            names
                .iter()
                .filter_map(number)
                .fold(0_u128, |bits, key| bits | 1 << key)
        };
        let separators = tree.shape.separators();
        let mut kept = Kept::default();
        let mut keys = Vec::new();
        for (key, items) in &trees {
            let value_naming = Naming {
                unnamed: Some(match &naming.prefix {
                    Some(prefix) => format!("{prefix}_{key}"),
                    None => key.clone(),
                }),
                ..naming.clone()
            };
            let mut maker = Maker::new(self.types, &mut *self.resolve);
            maker.using.clone_from(&self.using);
            maker.in_pairs = true;
            let value = maker.items(items, &value_naming);
            maker.kept_twice(&value);
            let always = tree.shape.required.contains(key) || tree.shape.first == [key.clone()];
            kept.beside(if always { value } else { value.perhaps() });
            match maker.finish(Some(&separators)) {
                Ok(program) => keys.push(Key {
                    name: key.as_bytes().into(),
                    value: program,
                }),
                Err(faults) => self.faults.extend(faults),
            }
        }
        let shape = &tree.shape;
        let bytes = |words: &[String]| words.iter().map(|word| word.as_bytes().into()).collect();
        let last = shape.last.iter().filter_map(|key| {
            let finders = shape.between.iter().map(|separator| {
                let needle = [separator.as_str(), key, &shape.assign].concat();
                FinderRev::new(needle.as_bytes()).into_owned()
            });
            Some((number(key)?, finders.collect()))
        });
        let pairs = Pairs {
            between: bytes(&shape.between),
            separators,
            assign: shape.assign.as_bytes().into(),
            first: bits(&shape.first),
            required: bits(&shape.required),
            flags: bytes(&shape.flags),
            last: last.collect(),
            duplicate: shape.duplicate,
            keys: Keys::new(keys),
        };
        self.pairs.push(pairs);
        self.push(Op::Pairs(self.pairs.len() - 1, Box::new(Follow::UNKNOWN())), place);
        kept
    }
}

/// What there is instead of an unknown type.
fn known_types(wrong: &str) -> String {
    let more = if wrong.bytes().any(|byte| byte.is_ascii_uppercase()) {
        "; grok patterns of your own are translated by `mailtrail rules import-grok`"
    } else {
        ""
    };
    format!(
        "types are int, number, seconds, clock, word, token, ip, host, addr, qid, dsn, msgid, quoted, path, text, last, rest, \
         one(a|b), list(type), and those of types.yaml, such as peer and mailbox{more}"
    )
}

impl FieldItem {
    /// `%{rest}`: what a `last` key without a pattern of its own holds.
    fn rest(place: &Range<usize>) -> Self {
        Self {
            type_name: "rest".to_owned(),
            type_span: place.clone(),
            args: Vec::new(),
            name: None,
            name_span: place.clone(),
            span: place.clone(),
        }
    }
}
