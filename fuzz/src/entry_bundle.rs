//! Entry bundles, stand-ins of large records, and proofs, from a copy of a log.

use auditlog::{
    MAX_LEAF_BYTES, OversizedRecord, RootBuilder, parse_bundle, verify_consistency,
    verify_inclusion,
};
use bytes::Bytes;

/// The first byte is the bundle's width less one, the rest is the bundle.
pub fn check(data: &[u8]) {
    let Some((&width, rest)) = data.split_first() else {
        return;
    };
    let width = u32::from(width) + 1;
    if let Ok(entries) = parse_bundle(Bytes::copy_from_slice(rest), width) {
        assert_eq!(entries.len(), width as usize);
        let mut again = Vec::new();
        for entry in &entries {
            let length = u16::try_from(entry.len()).expect("a leaf has at most 65,535 bytes");
            again.extend_from_slice(&length.to_be_bytes());
            again.extend_from_slice(entry);
            stand_in(entry);
        }
        assert_eq!(again, rest, "a bundle is its leaves and nothing else");
        tree(&entries);
    }
    stand_in(rest);
    proof(rest);
}

/// One text for one stand-in, and none for what would have been a leaf itself.
fn stand_in(leaf: &[u8]) {
    let Some(record) = OversizedRecord::parse(leaf) else {
        return;
    };
    let sha256: String = record.sha256.iter().map(|b| format!("{b:02x}")).collect();
    let text = format!(
        "\0auditlog oversized record v1\npartition {}\noffset {}\nlength {}\nsha256 {sha256}\n",
        record.partition, record.offset, record.length
    );
    assert_eq!(text.as_bytes(), leaf);
    assert!(record.length > MAX_LEAF_BYTES as u64);
}

/// The root of one leaf is its hash; of more, no empty proof leads to it.
fn tree(entries: &[Bytes]) {
    let mut builder = RootBuilder::default();
    for entry in entries {
        builder.push(entry);
    }
    let size = entries.len() as u64;
    assert_eq!(builder.size(), size);
    let mut leaf = RootBuilder::default();
    leaf.push(&entries[0]);
    let proved = verify_inclusion(leaf.root(), 0, size, builder.root(), &[]);
    assert_eq!(proved.is_ok(), size == 1);
}

/// Hashes that nobody computed prove nothing.
fn proof(data: &[u8]) {
    let Some((numbers, rest)) = data.split_first_chunk::<16>() else {
        return;
    };
    let number = |at: usize| {
        numbers[at..at + 8]
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
    };
    let (old, new) = (number(0), number(8));
    let hashes: Vec<[u8; 32]> = rest
        .chunks_exact(32)
        .map(|hash| hash.try_into().expect("32 bytes"))
        .collect();
    if let [leaf, root, proof @ ..] = &hashes[..] {
        let proved = verify_inclusion(*leaf, old, new, *root, proof).is_ok();
        assert!(!proved || (old == 0 && new == 1 && leaf == root && proof.is_empty()));
        let proved = verify_consistency(old, *leaf, new, *root, proof).is_ok();
        assert!(!proved || (old == new && old > 0 && leaf == root && proof.is_empty()));
    }
}
