//! The letters and digits that a message begins with: a queue id, perhaps.

/// Longer than any queue id, its end not known.
const MOST: usize = 33;

const ALNUM: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// How many letters and digits the text begins with. None if it consists of them, or if they are too many for a queue id.
pub(crate) fn leading(text: &[u8]) -> Option<usize> {
    let head = text.get(..text.len().min(MOST))?;
    head.iter().position(|byte| !ALNUM[usize::from(*byte)])
}
