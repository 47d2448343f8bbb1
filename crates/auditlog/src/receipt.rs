//! A receipt: the proofs of the few records that make one opening, in one file.
//!
//! ```text
//! smarthome-receipt/1
//! proof <length in bytes>
//! <a C2SP tlog-proof of that length>
//! …
//! ```
//!
//! Each proof stands for itself: cut out, any tool for such proofs takes it.

use crate::ProofFile;

const FIRST: &str = "smarthome-receipt/1\n";

/// Proofs in the order of their records. None of them is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub Vec<ProofFile>);

impl Receipt {
    /// Proofs in a receipt, at most.
    pub const MOST: usize = 4;
    /// The largest file, in bytes.
    pub const MAX_BYTES: u64 = 4 * ProofFile::MAX_BYTES;

    /// As text.
    pub fn text(&self) -> String {
        let mut text = FIRST.to_owned();
        for proof in &self.0 {
            let proof = proof.text();
            text += &format!("proof {}\n{proof}", proof.len());
        }
        text
    }

    /// Reads it; none where it is no receipt, or is written otherwise than [`text`](Self::text) does.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix(FIRST)?;
        let mut proofs = Vec::new();
        while !rest.is_empty() {
            if proofs.len() == Self::MOST {
                return None;
            }
            let (length, behind) = rest.strip_prefix("proof ")?.split_once('\n')?;
            let (proof, behind) = behind.split_at_checked(length.parse().ok()?)?;
            proofs.push(ProofFile::parse(proof)?);
            rest = behind;
        }
        let receipt = Self(proofs);
        (!receipt.0.is_empty() && receipt.text() == text).then_some(receipt)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn receipt(proofs: usize) -> Receipt {
        let proof = |index| ProofFile {
            leaf: vec![1; index],
            index: index as u64,
            hashes: vec![[7; 32]],
            checkpoint: "example.com/log\n3\nAA==\n\n— example.com/log abc=\n".to_owned(),
        };
        Receipt((0..proofs).map(proof).collect())
    }

    #[test]
    fn it_reads_back_and_only_in_the_one_form() {
        for proofs in 1..=Receipt::MOST {
            let text = receipt(proofs).text();
            assert_eq!(Receipt::parse(&text), Some(receipt(proofs)));
            for bad in [
                text.replacen("proof ", "proof 0", 1),
                text.replace("receipt/1", "receipt/2"),
                text.trim_end().to_owned(),
                format!("{text}\n"),
            ] {
                assert_eq!(Receipt::parse(&bad), None);
            }
        }
        for proofs in [0, Receipt::MOST + 1] {
            assert_eq!(Receipt::parse(&receipt(proofs).text()), None);
        }
        let far = "smarthome-receipt/1\nproof 99999999999\n";
        assert_eq!(Receipt::parse(far), None);
    }
}
