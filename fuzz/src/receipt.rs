//! Proofs and receipts that somebody hands in as files.

use auditlog::{ProofFile, Receipt};

/// One text for one content: what is read is written the same again.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(proof) = ProofFile::parse(text) {
        assert_eq!(proof.text(), text);
        assert_eq!(
            Receipt(vec![proof]).text().len(),
            text.len() + around(text.len())
        );
    }
    if let Some(receipt) = Receipt::parse(text) {
        assert_eq!(receipt.text(), text);
        assert!((1..=Receipt::MOST).contains(&receipt.0.len()));
    }
}

/// What a receipt says around one proof of this length.
fn around(length: usize) -> usize {
    format!("smarthome-receipt/1\nproof {length}\n").len()
}
