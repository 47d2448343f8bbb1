//! Which partition a record goes to. Pinned: it must never change, and it must
//! not depend on the client library, because the order of a key's records is
//! only kept inside one partition.
//!
//! The function is Kafka's default for keyed records:
//! `toPositive(murmur2(key)) % partitions` (`BuiltInPartitioner` and
//! `DefaultPartitioner` of the Java client).

use std::num::NonZeroU32;

use crate::Topic;

/// Ends the first part of a key of a topic whose records are kept together by
/// that part alone.
pub const KEY_PART_SEPARATOR: u8 = b'/';

/// The partition of `key` in `topic`.
///
/// The whole key decides, except in [`Topic::Subjects`], where the part before
/// the first [`KEY_PART_SEPARATOR`] does: all items of one lookup index share a
/// partition, and so have one order.
pub fn partition_of(topic: Topic, key: &[u8], partitions: NonZeroU32) -> u32 {
    let hashed = match topic {
        Topic::Subjects => key
            .split(|byte| *byte == KEY_PART_SEPARATOR)
            .next()
            .unwrap_or(key),
        _ => key,
    };
    (murmur2(hashed) & 0x7fff_ffff) % partitions
}

/// MurmurHash2 (32 bits, little endian) with the seed of Kafka's `Utils.murmur2`.
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // Kafka's keys are shorter than 2^31 bytes; the hash is defined modulo 2^32.
    let mut hash = SEED ^ (data.len() as u32);
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = word
            .iter()
            .rev()
            .fold(0u32, |k, byte| (k << 8) | u32::from(*byte));
        k = k.wrapping_mul(M);
        k ^= k >> R;
        k = k.wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest
            .iter()
            .rev()
            .fold(0u32, |k, byte| (k << 8) | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The known answers of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn hashes_as_kafka_does() {
        let known: [(&str, i32); 7] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ];
        for (key, hash) in known {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key:?}");
        }
    }

    #[test]
    fn partition_clears_the_sign_bit_and_takes_the_remainder() {
        let three = NonZeroU32::new(3).unwrap();
        for (key, hash) in [("21", -973_932_308_i32), ("abc", 479_470_107)] {
            let expected = (hash & 0x7fff_ffff) as u32 % 3;
            assert_eq!(
                partition_of(Topic::AccessEvents, key.as_bytes(), three),
                expected
            );
        }
    }

    #[test]
    fn items_of_one_subject_share_a_partition() {
        let many = NonZeroU32::new(64).unwrap();
        let of = |topic, key: &str| partition_of(topic, key.as_bytes(), many);
        let lookup = of(Topic::Subjects, "lookup");
        let items = ["lookup/s1/plate", "lookup/s2/user", "lookup/"];
        assert!(items.iter().all(|key| of(Topic::Subjects, key) == lookup));
        assert!(
            items
                .iter()
                .any(|key| of(Topic::AccessEvents, key) != lookup),
            "elsewhere the whole key decides"
        );
    }
}
