//! Equality of short texts, without a call to the library's `memcmp`: most literals of a pattern are a few bytes long,
//! and are compared a dozen times a line.

/// True if this text stands here.
pub(crate) fn stands(text: &[u8], at: usize, what: &[u8]) -> bool {
    let (Some(rest), Some(first)) = (text.get(at..), what.first()) else {
        return what.is_empty() && at <= text.len();
    };
    // The first byte decides most of the time.
    rest.first() == Some(first) && (what.len() == 1 || begins(rest, what))
}

/// True if the text begins with this.
pub(crate) fn begins(text: &[u8], what: &[u8]) -> bool {
    text.get(..what.len()).is_some_and(|head| same(head, what))
}

/// True if the texts are equal. Words of eight, four and two bytes; the last one overlaps the one before it.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(last), Some(other_last)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        return last == other_last && one.as_chunks::<8>().0 == other.as_chunks::<8>().0;
    }
    if let (Some(last), Some(other_last)) = (one.last_chunk::<4>(), other.last_chunk::<4>()) {
        return last == other_last && one.first_chunk::<4>() == other.first_chunk::<4>();
    }
    if let (Some(last), Some(other_last)) = (one.last_chunk::<2>(), other.last_chunk::<2>()) {
        return last == other_last && one.first() == other.first();
    }
    one.first() == other.first()
}
