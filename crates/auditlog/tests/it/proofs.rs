//! Roots and proofs, checked against published vectors and by another implementation.

use crate::common::{Site, fill, record};
use auditlog::{RootBuilder, TreeHash, rebuild_root, verify_consistency, verify_inclusion};
use bytes::Bytes;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use sha2::Sha256;

/// The leaves and roots that the reference implementation of RFC 6962 is tested with
/// (certificate-transparency, `merkle_tree_test.cc`).
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(hash: TreeHash) -> String {
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn roots_are_those_of_rfc_6962() {
    let mut builder = RootBuilder::default();
    assert_eq!(hex(builder.root()), ROOTS[0]);
    for (i, leaf) in LEAVES.iter().enumerate() {
        builder.push(leaf);
        assert_eq!(hex(builder.root()), ROOTS[i + 1]);
        assert_eq!(builder.root(), rebuild_root(&LEAVES[..=i]));
    }
    assert_eq!(builder.size(), 8);
}

#[tokio::test]
async fn a_written_log_has_the_roots_of_rfc_6962() {
    let site = Site::fresh().await;
    let mut writer = site.writer().await.unwrap();
    for (i, leaf) in LEAVES.iter().enumerate() {
        let leaf = auditlog::Leaf::of(Bytes::from_static(leaf), 0, i as u64);
        let head = writer.append(vec![(i as u64, leaf)]).await.unwrap();
        assert_eq!(hex(head.root), ROOTS[i + 1]);
    }
    // RFC 6962 section 2.1.3's shapes, for the tree of 7: the audit path of d3 is [c, g, l].
    let reader = site.reader();
    assert_eq!(reader.inclusion_proof(3, 7).await.unwrap().len(), 3);
    assert_eq!(reader.inclusion_proof(6, 7).await.unwrap().len(), 2);
    assert_eq!(reader.consistency_proof(3, 7).await.unwrap().len(), 4);
    assert_eq!(reader.consistency_proof(4, 7).await.unwrap().len(), 1);
    assert_eq!(reader.consistency_proof(6, 7).await.unwrap().len(), 3);
}

fn root_of(size: u64) -> TreeHash {
    rebuild_root((0..size).map(|i| record(i).1.bytes().clone()))
}

fn theirs(root: TreeHash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.into(), size)
}

/// ct-merkle, which shares no code with what builds the tree, accepts our proofs.
fn accepts_inclusion(index: u64, size: u64, root: TreeHash, proof: &[TreeHash]) -> bool {
    let leaf = record(index).1.bytes().to_vec();
    let proof = InclusionProof::<Sha256>::try_from_bytes(proof.concat()).unwrap();
    theirs(root, size)
        .verify_inclusion(&leaf, index, &proof)
        .is_ok()
}

fn accepts_consistency(
    (old, old_root): (u64, TreeHash),
    (new, new_root): (u64, TreeHash),
    proof: &[TreeHash],
) -> bool {
    let proof = ConsistencyProof::<Sha256>::try_from_bytes(proof.concat()).unwrap();
    let (old, new) = (theirs(old_root, old), theirs(new_root, new));
    new.verify_consistency(&old, &proof).is_ok()
}

async fn check_inclusion(reader: &auditlog::LogReader, index: u64, size: u64) {
    let root = root_of(size);
    let hash = record(index).1.hash();
    let proof = reader.inclusion_proof(index, size).await.unwrap();
    verify_inclusion(hash, index, size, root, &proof).unwrap();
    assert!(
        accepts_inclusion(index, size, root, &proof),
        "{index} in {size}"
    );
    let mut wrong = root;
    wrong[31] ^= 1;
    assert!(verify_inclusion(hash, index, size, wrong, &proof).is_err());
    assert!(verify_inclusion(wrong, index, size, root, &proof).is_err());
    assert!(!accepts_inclusion(index, size, wrong, &proof));
}

async fn check_consistency(reader: &auditlog::LogReader, old: u64, new: u64) {
    let (old_root, new_root) = (root_of(old), root_of(new));
    let proof = reader.consistency_proof(old, new).await.unwrap();
    verify_consistency(old, old_root, new, new_root, &proof).unwrap();
    assert!(accepts_consistency(
        (old, old_root),
        (new, new_root),
        &proof
    ));
    let mut wrong = old_root;
    wrong[0] ^= 1;
    assert!(verify_consistency(old, wrong, new, new_root, &proof).is_err());
    assert!(!accepts_consistency((old, wrong), (new, new_root), &proof));
}

#[tokio::test]
async fn proofs_hold_at_every_boundary() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 600, 77)
        .await
        .unwrap();
    let reader = site.reader();
    let edges = [1, 2, 3, 255, 256, 257, 511, 512, 513, 599, 600];
    for size in edges {
        for index in edges.iter().map(|e| e - 1).filter(|i| *i < size) {
            check_inclusion(&reader, index, size).await;
        }
        for old in edges.into_iter().filter(|old| *old <= size) {
            check_consistency(&reader, old, size).await;
        }
    }
    for index in [0, 255, 256, 599] {
        assert_eq!(&reader.entry(index).await.unwrap(), record(index).1.bytes());
        assert_eq!(
            reader.leaf_hash(index).await.unwrap(),
            record(index).1.hash()
        );
    }
    assert_eq!(reader.bundle(1).await.unwrap().len(), 256);
    assert_eq!(reader.bundle(2).await.unwrap().len(), 88);
    assert_eq!(reader.bundle_offset(2).await.unwrap(), record(512).0);
}

#[tokio::test]
async fn what_is_outside_the_tree_is_refused() {
    let site = Site::fresh().await;
    let reader = site.reader();
    assert!(matches!(
        reader.checkpoint().await,
        Err(auditlog::Error::NoCheckpoint { .. })
    ));
    fill(&mut site.writer().await.unwrap(), 256, 256)
        .await
        .unwrap();
    use auditlog::Error::OutOfRange;
    let refused = |e| matches!(e, OutOfRange { .. });
    for (index, size) in [(0, 0), (0, 257), (256, 256), (5, 5), (0, u64::MAX)] {
        assert!(refused(
            reader.inclusion_proof(index, size).await.unwrap_err()
        ));
    }
    for (old, new) in [(0, 5), (6, 5), (1, 257), (0, 0)] {
        assert!(refused(
            reader.consistency_proof(old, new).await.unwrap_err()
        ));
    }
    for index in [256, u64::MAX] {
        assert!(refused(reader.entry(index).await.unwrap_err()));
        assert!(refused(reader.leaf_hash(index).await.unwrap_err()));
        assert!(refused(reader.bundle(index).await.unwrap_err()));
    }
    assert!(refused(reader.bundle(1).await.unwrap_err()));
    assert!(matches!(
        reader.bundle_offset(1).await,
        Err(auditlog::Error::Missing { .. })
    ));
}

#[test]
fn hostile_proofs_are_refused_without_harm() {
    let hash = [7; 32];
    let long = vec![hash; 100_000];
    for (index, size) in [(0, 0), (1, 1), (0, 1), (0, u64::MAX), (5, 1 << 48), (3, 9)] {
        for proof in [&long[..], &long[..2], &[]] {
            assert!(verify_inclusion(hash, index, size, [8; 32], proof).is_err());
            assert!(verify_consistency(index, hash, size, [8; 32], proof).is_err());
        }
    }
    verify_inclusion(hash, 0, 1, hash, &[]).unwrap();
    verify_consistency(4, hash, 4, hash, &[]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any proof over any log is accepted by both verifiers.
    #[test]
    fn any_proof_is_accepted_elsewhere(
        size in 1_u64..1500, batch in 1_u64..400, picks in prop::array::uniform3(0.0..1.0_f64),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let site = Site::fresh().await;
            fill(&mut site.writer().await.unwrap(), size, batch).await.unwrap();
            let pick = |p: f64, most: u64| 1 + (p * most as f64) as u64 % most;
            let tree = pick(picks[0], size);
            check_inclusion(&site.reader(), pick(picks[1], tree) - 1, tree).await;
            check_consistency(&site.reader(), pick(picks[2], tree), tree).await;
        });
    }
}
