//! Who writes to whom: names, addresses, clients, message ids. Domains and networks are those of the documentation.

use super::clock::{Micros, SECOND, civil};
use super::random::Random;

const FIRST: &[&str] = &[
    "ann",
    "bob",
    "carla",
    "dieter",
    "eva",
    "frank",
    "gül",
    "hans.peter",
    "ines",
    "jo",
    "karl-heinz",
    "lee",
    "mia",
    "noor",
    "olaf",
    "paula",
    "quentin",
    "rosa",
    "sven",
    "tina",
    "uwe",
    "vera",
    "wim",
    "xenia",
    "yusuf",
    "zoe",
];
const LAST: &[&str] = &[
    "smith", "meier", "garcia", "rossi", "dupont", "novak", "jensen", "kim", "sato", "silva", "o'neil", "schmidt",
    "kaya", "lopez", "weber", "fischer", "brown", "martin", "costa", "ivanova",
];
const WORDS: &[&str] = &[
    "north", "blue", "river", "stone", "bright", "cloud", "metal", "garden", "harbour", "paper", "silver", "wood",
];
const KINDS: &[&str] = &["shop", "news", "bank", "lists", "mail", "school", "works", "press"];

/// Domains that belong to the site.
pub(crate) const OURS: &[&str] = &["site.example", "corp.example", "shop.site.example", "virt.example"];

/// A client that connects.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// `unknown` where its address has no name.
    pub(crate) host: String,
    pub(crate) ip: String,
    pub(crate) helo: String,
}

impl Client {
    /// As Postfix shows it.
    pub(crate) fn peer(&self) -> String {
        format!("{}[{}]", self.host, self.ip)
    }
}

pub(crate) fn user(random: &mut Random) -> String {
    let (first, last) = (random.pick(FIRST), random.pick(LAST));
    match random.below(20) {
        0..=8 => format!("{first}.{last}"),
        9..=13 => format!("{first}{}", random.below(100)),
        14..=16 => format!("{last}+{}", random.pick(WORDS)),
        17 => random
            .pick(&["info", "office", "postmaster", "sales", "no-reply", "billing"])
            .to_owned(),
        18 => format!("\"{first} {last}\""),
        _ => format!("{}-bounces+{first}=site.example", random.pick(KINDS)),
    }
}

/// One of some thousands of other domains.
pub(crate) fn domain(random: &mut Random) -> String {
    // The popular ones get most of the mail.
    let number = match random.below(10) {
        0..=5 => random.below(20),
        6..=8 => random.below(400),
        _ => random.below(5000),
    };
    let (word, kind) = (
        WORDS[usize::try_from(number % 12).unwrap_or_default()],
        KINDS[usize::try_from(number / 12 % 8).unwrap_or_default()],
    );
    format!("{word}-{kind}{number}.example")
}

pub(crate) fn outside(random: &mut Random) -> String {
    format!("{}@{}", user(random), domain(random))
}

pub(crate) fn inside(random: &mut Random) -> String {
    let ours = random.pick(OURS);
    format!("{}@{ours}", user(random))
}

/// Some recipients: mostly one, now and then a list.
pub(crate) fn several(random: &mut Random, one: fn(&mut Random) -> String) -> Vec<String> {
    let count = match random.below(100) {
        0..=79 => 1,
        80..=93 => random.between(2, 4),
        94..=98 => random.between(5, 12),
        _ => random.between(13, 60),
    };
    let mut all: Vec<String> = (0..count).map(|_| one(random)).collect();
    all.sort();
    all.dedup();
    all
}

pub(crate) fn ip(random: &mut Random) -> String {
    match random.below(10) {
        0 => format!(
            "2001:db8:{:x}:{:x}::{:x}",
            random.below(0xffff),
            random.below(0xff),
            random.below(0xffff)
        ),
        1..=4 => format!("198.51.100.{}", random.between(1, 254)),
        _ => format!("203.0.113.{}", random.between(1, 254)),
    }
}

/// A server that is well kept.
pub(crate) fn server(random: &mut Random) -> Client {
    let host = format!("mx{}.{}", random.between(1, 4), domain(random));
    Client {
        helo: host.clone(),
        host,
        ip: ip(random),
    }
}

/// Somebody's computer.
pub(crate) fn dialup(random: &mut Random) -> Client {
    let ip = ip(random);
    let last = random.below(256);
    let host = match random.below(3) {
        0 => "unknown".to_owned(),
        _ => format!("client-{last}.isp{}.example", random.below(40)),
    };
    let helo = match random.below(8) {
        0 => format!("[{ip}]"),
        1 => "localhost".to_owned(),
        2 => "ylmf-pc".to_owned(),
        3 => "WIN-\\\\0\"x".to_owned(),
        4 => "user, helo=<evil>".to_owned(),
        _ => host.clone(),
    };
    Client { host, ip, helo }
}

/// A Message-ID without its brackets, in one of the usual shapes.
pub(crate) fn message_id(random: &mut Random, at: Micros, from: &str) -> String {
    let domain = from
        .rsplit('@')
        .next()
        .filter(|domain| !domain.is_empty())
        .unwrap_or("site.example");
    let [year, month, day, hour, minute, second] = civil(at);
    match random.below(10) {
        0..=3 => format!("{:016x}.{:08x}@{domain}", random.next(), random.below(1 << 32)),
        4 | 5 => format!(
            "{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}.{:X}@{domain}",
            random.below(1 << 36)
        ),
        6 | 7 => format!(
            "CA+{:x}{:x}=-{}@mail.{domain}",
            random.next(),
            random.next(),
            random.below(9)
        ),
        8 => format!(
            "{}.{}.{}.JavaMail.app@host{}.{domain}",
            random.below(1 << 31),
            random.below(9),
            at / SECOND,
            random.below(9)
        ),
        _ => format!(
            "0102018{:x}-{:x}-{:x}-000000@eu.{domain}",
            random.next(),
            random.below(1 << 16),
            random.next()
        ),
    }
}

pub(crate) fn size(random: &mut Random) -> u64 {
    match random.below(20) {
        0 => random.between(500_000, 20_000_000),
        1..=5 => random.between(20_000, 500_000),
        _ => random.between(800, 20_000),
    }
}
