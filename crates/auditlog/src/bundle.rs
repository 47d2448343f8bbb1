//! Entry bundles: leaves one after another, each behind its length as a big-endian 16-bit
//! integer (C2SP tlog-tiles, "Log entries").

use bytes::Bytes;

use crate::Leaf;
use crate::tiles::FULL;

/// Puts one more leaf at the end of a bundle.
pub(crate) fn push(bundle: &mut Vec<u8>, leaf: &Leaf) {
    push_bytes(bundle, leaf.bytes());
}

/// A bundle of leaves that were taken out of one.
pub(crate) fn encode(entries: &[Bytes]) -> Vec<u8> {
    let mut bundle = Vec::with_capacity(encoded_len(entries));
    for entry in entries {
        push_bytes(&mut bundle, entry);
    }
    bundle
}

fn push_bytes(bundle: &mut Vec<u8>, bytes: &[u8]) {
    // A leaf is never longer than 65,535 bytes, so these two are its whole length.
    let [.., high, low] = bytes.len().to_be_bytes();
    bundle.extend_from_slice(&[high, low]);
    bundle.extend_from_slice(bytes);
}

/// Takes an entry bundle apart: the leaves of `tile/entries/<N>[.p/<W>]`, where `width` is 256 or
/// `<W>` (C2SP tlog-tiles, "Log entries"). Nothing is hashed: whether they are a log's is for a
/// proof to say.
///
/// # Errors
/// What is wrong, after the name of the object: it must hold `width` leaves and nothing else.
pub fn parse(mut bundle: Bytes, width: u32) -> Result<Vec<Bytes>, &'static str> {
    let mut entries = Vec::with_capacity(width.min(FULL) as usize);
    while let Some((&length, _)) = bundle.split_first_chunk::<2>() {
        let end = 2 + usize::from(u16::from_be_bytes(length));
        if bundle.len() < end {
            return Err("ends inside an entry");
        }
        entries.push(bundle.split_to(end).slice(2..));
    }
    if !bundle.is_empty() {
        return Err("ends inside an entry");
    }
    if entries.len() != width as usize {
        return Err("has another number of entries than its name says");
    }
    Ok(entries)
}

/// How many entries these bytes are, if they are entries and nothing else.
pub(crate) fn count(mut bytes: Bytes) -> Option<usize> {
    let mut count = 0;
    while let Some((&length, _)) = bytes.split_first_chunk::<2>() {
        let end = 2 + usize::from(u16::from_be_bytes(length));
        bytes = (end <= bytes.len()).then(|| bytes.slice(end..))?;
        count += 1;
    }
    bytes.is_empty().then_some(count)
}

/// The length in bytes of the first `width` entries of a well-formed bundle.
pub(crate) fn encoded_len(entries: &[Bytes]) -> usize {
    entries.iter().map(|entry| 2 + entry.len()).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn leaves_come_back_and_damage_is_seen() {
        let leaves = [vec![], vec![1], vec![2; 65_535]].map(Bytes::from);
        let mut bundle = Vec::new();
        for leaf in &leaves {
            push(&mut bundle, &Leaf::of(leaf.clone(), 0, 0));
        }
        assert_eq!(&bundle[..5], [0, 0, 0, 1, 1]);
        assert_eq!(&bundle[5..7], [0xff, 0xff]);
        let bundle = Bytes::from(bundle);
        assert_eq!(parse(bundle.clone(), 3).unwrap(), leaves);
        assert_eq!(encoded_len(&leaves), bundle.len());
        assert!(parse(bundle.clone(), 2).is_err());
        assert!(parse(bundle.clone(), 4).is_err());
        for cut in [1, 4, bundle.len() - 1] {
            assert!(parse(bundle.slice(..cut), 3).is_err(), "{cut}");
        }
    }
}
