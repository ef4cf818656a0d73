//! Words and letter case, as Elasticsearch's `standard` analyzer and `lowercase` filter see them.

use unicode_segmentation::UnicodeSegmentation;

/// What is longer is cut into several words (`max_token_length` of Elasticsearch's `standard`), in characters.
const MAX_WORD: usize = 255;

/// Lower case, character by character and without regard to neighbours, as Lucene's `LowerCaseFilter` does it:
/// both stores must agree on `İ` and on a final `Σ`.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .map(|character| character.to_lowercase().next().unwrap_or(character))
        .collect()
}

/// The words of a text: Unicode words (UAX #29) with a letter or digit, in lower case.
///
/// `mx.good.example[198.51.100.10]: 4.2.1 <t4-a@good.example>` has `mx.good.example`, `198.51.100.10`, `4.2.1`, `t4`,
/// `a`, `good.example`.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.unicode_words().flat_map(|word| {
        let mut parts = Vec::new();
        let mut rest = word;
        while let Some((at, _)) = rest.char_indices().nth(MAX_WORD) {
            let (head, tail) = rest.split_at(at);
            parts.push(fold(head));
            rest = tail;
        }
        parts.push(fold(rest));
        parts
    })
}
