//! What a pattern keeps and what it knows: the difference between a rule that understands a line and one that only has
//! its queue id.

use super::program::{Op, Program, Slot, UNKEPT};

/// What a pattern keeps, by how sure it is of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Fields of types that know their own end, and words of a choice.
    pub closed: Vec<Slot>,
    /// Fields of free text.
    pub open: Vec<Slot>,
    /// Letters and digits of the longest text that stands for itself.
    pub letters: usize,
}

impl Program {
    /// What the pattern keeps, in the values of its lists as well.
    pub fn told(&self) -> Told {
        let mut told = Told::default();
        self.tell(&mut told);
        told
    }

    /// The texts that stand for themselves: literals, words of choices, keys of lists.
    pub fn texts(&self) -> Vec<&[u8]> {
        let mut texts: Vec<&[u8]> = Vec::new();
        for op in &self.ops {
            match op {
                Op::Literal(text) => texts.push(text),
                Op::Words(words, _) => texts.extend(words.iter().map(|word| &**word)),
                _ => {}
            }
        }
        for list in &self.pairs {
            texts.extend(list.flags.iter().map(|flag| &**flag));
            for key in list.keys.iter() {
                texts.push(&key.name);
                texts.extend(key.value.texts());
            }
        }
        texts
    }

    fn tell(&self, told: &mut Told) {
        let letters = |text: &[u8]| text.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
        for op in &self.ops {
            match op {
                Op::Literal(text) => told.letters = told.letters.max(letters(text)),
                Op::Scan(_, slot) if *slot != UNKEPT => told.closed.push(*slot),
                Op::Words(words, slot) => {
                    told.letters = words.iter().map(|word| letters(word)).fold(told.letters, usize::max);
                    if *slot != UNKEPT {
                        told.closed.push(*slot);
                    }
                }
                Op::Open(open) if open.slot != UNKEPT => told.open.push(open.slot),
                Op::Rest(slot) if *slot != UNKEPT => told.open.push(*slot),
                _ => {}
            }
        }
        for list in &self.pairs {
            for key in list.keys.iter() {
                told.letters = told.letters.max(letters(&key.name));
                key.value.tell(told);
            }
        }
    }
}
