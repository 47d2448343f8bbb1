//! Signatures that were found good, remembered for a while: a process may read a record twice, and
//! checking its signature is the dearest part of that.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use super::keys::KeyId;

/// How many are remembered, at 32 bytes.
const CAPACITY: usize = 16 * 1024;

type Digest = [u8; 32];

/// The last of them, known by SHA-256 over all that a check looks at.
#[derive(Debug, Default)]
pub(super) struct FoundGood(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    known: HashSet<Digest>,
    oldest_first: VecDeque<Digest>,
}

impl FoundGood {
    /// Whether `signature` by `key` over `message` is good, as `check` says or has said before.
    pub(super) fn or_else(
        &self,
        key: KeyId,
        signature: &[u8; 64],
        message: &[u8],
        check: impl FnOnce() -> bool,
    ) -> bool {
        let mut context = Context::new(&SHA256);
        // Of fixed length, so what comes after can't be taken for a part of them.
        context.update(&key.0);
        context.update(signature);
        context.update(message);
        let mut digest = Digest::default();
        digest.copy_from_slice(context.finish().as_ref());
        if self.lock(|recent| recent.known.contains(&digest)) {
            return true;
        }
        let good = check();
        if good {
            self.lock(|recent| recent.remember(digest));
        }
        good
    }

    fn lock<T>(&self, with: impl FnOnce(&mut Recent) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Recent {
    fn remember(&mut self, digest: Digest) {
        if !self.known.insert(digest) {
            return;
        }
        self.oldest_first.push_back(digest);
        if self.oldest_first.len() > CAPACITY
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(good: &FoundGood, key: u8, signature: u8, message: &[u8]) -> bool {
        let mut asked = false;
        good.or_else(KeyId([key; 8]), &[signature; 64], message, || {
            asked = true;
            true
        });
        asked
    }

    #[test]
    fn what_was_found_good_is_not_checked_again_and_nothing_else_is_taken_for_it() {
        let good = FoundGood::default();
        assert!(asked(&good, 1, 1, b"opened"));
        assert!(!asked(&good, 1, 1, b"opened"));
        assert!(asked(&good, 2, 1, b"opened"));
        assert!(asked(&good, 1, 2, b"opened"));
        assert!(asked(&good, 1, 1, b"opened "));
    }

    #[test]
    fn what_was_found_bad_is_checked_every_time() {
        let good = FoundGood::default();
        let verdict = |verdict| good.or_else(KeyId([1; 8]), &[1; 64], b"opened", || verdict);
        assert!(!verdict(false));
        assert!(!verdict(false));
        assert!(verdict(true));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let good = FoundGood::default();
        for number in 0..=CAPACITY {
            assert!(asked(&good, 1, 1, &number.to_be_bytes()));
        }
        assert!(!asked(&good, 1, 1, &CAPACITY.to_be_bytes()));
        assert!(asked(&good, 1, 1, &0usize.to_be_bytes()));
        let held = good.lock(|recent| (recent.known.len(), recent.oldest_first.len()));
        assert_eq!(held, (CAPACITY, CAPACITY));
    }
}
