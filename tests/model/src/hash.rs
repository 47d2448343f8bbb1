//! A fast hash of states: nobody chooses them to collide.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Folds each word in by a multiplication of 64 by 64 bits, both halves kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folding(u64);

/// Builds them.
pub(crate) type BuildFolding = BuildHasherDefault<Folding>;

impl Default for Folding {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        mix(self.0, 0xbf58_476d_1ce4_e5b9)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = mix(self.0 ^ value, 0x94d0_49bb_1331_11eb).rotate_left(23) ^ value;
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }
}

fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product as u64) ^ ((product >> 64) as u64)
}

/// 64 bits that stand for `value`: among ten million states, two collide once in 300,000
/// explorations; a counterexample is replayed, so it is never made up.
pub(crate) fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = Folding::default();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn short_words_that_differ_a_little_differ() {
        let mut seen = HashSet::new();
        for a in 0..=40_u8 {
            for b in 0..=40_u8 {
                for c in 0..=40_u8 {
                    for d in 0..=15_u8 {
                        assert!(seen.insert(fingerprint(&(a, b, c, d))), "{a} {b} {c} {d}");
                    }
                }
            }
        }
    }
}
