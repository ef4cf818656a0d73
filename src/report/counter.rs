//! Counts by name in bounded memory: a log can name more senders than there is room for.

use std::collections::HashMap;

use super::{Reason, Row};

/// So many names are counted exactly. Above, the least frequent are forgotten.
const MAX_NAMES: usize = 400_000;
/// So many shapes of text.
const MAX_SHAPES: usize = 20_000;
/// No name or text is kept beyond so many bytes.
const MAX_BYTES: usize = 300;

/// Counts by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    counts: HashMap<Box<str>, Sums>,
    /// Some were forgotten.
    pub(super) approximate: bool,
}

/// What is summed up for a name.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Sums {
    pub(super) count: u64,
    pub(super) bytes: u64,
    pub(super) deferrals: u64,
    pub(super) bounced: u64,
    /// Sum of the delays, in milliseconds: whole, so that no order of the documents matters.
    pub(super) delay_ms: u64,
    pub(super) delays: u64,
    pub(super) max_delay_s: f64,
}

impl Sums {
    fn weight(&self) -> u64 {
        self.count + self.deferrals + self.bounced
    }
}

impl Names {
    /// The sums of a name.
    pub(super) fn of(&mut self, name: &str) -> &mut Sums {
        let name = start(name);
        if self.counts.len() >= MAX_NAMES && !self.counts.contains_key(name) {
            self.approximate = true;
            forget_half(&mut self.counts, Sums::weight);
        }
        self.counts.entry(name.into()).or_default()
    }

    /// How many have a count.
    pub(super) fn len(&self) -> u64 {
        self.counts.values().filter(|sums| sums.count > 0).count() as u64
    }

    /// The largest ones.
    pub(super) fn top(&self, limit: usize, by: impl Fn(&Sums) -> u64) -> Vec<Row> {
        let all = self.counts.iter().map(|(name, sums)| (&**name, sums));
        let mut all: Vec<(&str, &Sums)> = all.filter(|(_, sums)| by(sums) > 0).collect();
        let order = |a: &(&str, &Sums), b: &(&str, &Sums)| by(b.1).cmp(&by(a.1)).then_with(|| a.0.cmp(b.0));
        if all.len() > limit && limit > 0 {
            all.select_nth_unstable_by(limit - 1, order);
        }
        all.truncate(limit);
        all.sort_by(order);
        all.into_iter().map(|(name, sums)| row(name, sums)).collect()
    }
}

#[allow(clippy::cast_precision_loss)] // Counts stay below 2^53.
fn row(name: &str, sums: &Sums) -> Row {
    let told = sums.delays > 0;
    Row {
        name: name.to_owned(),
        count: sums.count,
        bytes: sums.bytes,
        deferrals: sums.deferrals,
        bounced: sums.bounced,
        mean_delay_s: told.then(|| (sums.delay_ms as f64 / sums.delays as f64 / 10.0).round() / 100.0),
        max_delay_s: told.then_some(sums.max_delay_s),
    }
}

/// Counts texts by their shape.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    counts: HashMap<Box<str>, (u64, Box<str>)>,
    /// Some were forgotten.
    pub(super) approximate: bool,
}

impl Shapes {
    pub(super) fn add(&mut self, text: &str, count: u64, shape: impl Fn(&str) -> String) {
        let text = start(text.trim());
        let shape: Box<str> = shape(text).into();
        if self.counts.len() >= MAX_SHAPES && !self.counts.contains_key(&shape) {
            self.approximate = true;
            forget_half(&mut self.counts, |(count, _)| *count);
        }
        let (sum, example) = self.counts.entry(shape).or_insert_with(|| (0, text.into()));
        *sum += count;
        // Whatever the order of the documents.
        if text < &**example {
            *example = text.into();
        }
    }

    pub(super) fn top(&self, limit: usize) -> Vec<Reason> {
        let mut all: Vec<Reason> = self
            .counts
            .iter()
            .map(|(template, (count, example))| Reason {
                template: template.to_string(),
                count: *count,
                example: example.to_string(),
            })
            .collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.template.cmp(&b.template)));
        all.truncate(limit);
        all
    }
}

fn forget_half<V>(counts: &mut HashMap<Box<str>, V>, weight: impl Fn(&V) -> u64) {
    let mut weights: Vec<u64> = counts.values().map(&weight).collect();
    let middle = weights.len() / 2;
    let (_, limit, _) = weights.select_nth_unstable(middle);
    let limit = *limit;
    counts.retain(|_, value| weight(value) > limit);
}

fn start(text: &str) -> &str {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
