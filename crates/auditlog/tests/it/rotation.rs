//! The key of checkpoints is changed: first both sign, then the new one alone.

use std::sync::Arc;

use auditlog::{CheckpointSigner, CheckpointVerifier, Error, LogReader, LogWriter, MemoryHeads};
use zeroize::Zeroizing;

use crate::common::{BASE, Site, fill, log, origin};

/// An old key and a new one, as their files have them.
struct Keys([Zeroizing<String>; 2]);

impl Keys {
    fn generate() -> Self {
        Self([(); 2].map(|()| CheckpointSigner::generate(BASE).unwrap().1))
    }

    fn signer(&self, which: usize) -> CheckpointSigner {
        CheckpointSigner::from_text(&self.0[which]).unwrap()
    }

    fn verifier(&self, which: usize) -> CheckpointVerifier {
        self.signer(which).verifier().clone()
    }

    /// What is told to verifiers: the one that signs now comes first.
    fn told(&self, order: [usize; 2]) -> CheckpointVerifier {
        let text = order.map(|which| self.verifier(which).vkey() + "\n");
        CheckpointVerifier::from_vkeys(&text.concat()).unwrap()
    }

    fn both(&self) -> CheckpointSigner {
        let both = self.signer(0).and(self.signer(1)).unwrap();
        both.trusting(self.told([0, 1])).unwrap()
    }

    fn new_alone(&self) -> CheckpointSigner {
        self.signer(1).trusting(self.told([1, 0])).unwrap()
    }
}

impl Site {
    async fn signed_by(&self, signer: CheckpointSigner) -> Result<LogWriter, Error> {
        let (store, heads) = (self.store.clone(), self.heads.clone());
        LogWriter::open(log(), origin(), store, heads, Arc::new(signer)).await
    }

    /// The size of the published checkpoint, if this key has signed it.
    async fn size_for(&self, verifier: CheckpointVerifier) -> Option<u64> {
        let reader = LogReader::open(log(), origin(), self.store.clone(), verifier).unwrap();
        match reader.checkpoint().await {
            Ok(checkpoint) => Some(checkpoint.size()),
            Err(Error::Untrusted { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn whoever_trusts_either_key_can_verify_until_the_old_one_is_gone() {
    let (site, keys) = (Site::fresh().await, Keys::generate());
    let mut old = site.signed_by(keys.signer(0)).await.unwrap();
    fill(&mut old, 10, 10).await.unwrap();
    assert_eq!(site.size_for(keys.verifier(0)).await, Some(10));
    assert_eq!(site.size_for(keys.verifier(1)).await, None);

    // A log that takes nothing is signed by both once it is opened.
    let mut both = site.signed_by(keys.both()).await.unwrap();
    for which in [0, 1] {
        assert_eq!(site.size_for(keys.verifier(which)).await, Some(10));
    }
    fill(&mut both, 25, 10).await.unwrap();
    for which in [0, 1] {
        assert_eq!(site.size_for(keys.verifier(which)).await, Some(25));
    }

    let mut new = site.signed_by(keys.new_alone()).await.unwrap();
    fill(&mut new, 30, 10).await.unwrap();
    assert_eq!(site.size_for(keys.verifier(1)).await, Some(30));
    assert_eq!(site.size_for(keys.verifier(0)).await, None);
}

#[tokio::test]
async fn a_log_that_slept_through_it_goes_on_while_the_old_key_is_told() {
    let (site, keys) = (Site::fresh().await, Keys::generate());
    let mut old = site.signed_by(keys.signer(0)).await.unwrap();
    fill(&mut old, 10, 10).await.unwrap();
    let refused = site.signed_by(keys.signer(1)).await;
    assert!(matches!(refused.err(), Some(Error::Untrusted { .. })));
    site.signed_by(keys.new_alone()).await.unwrap();
    assert_eq!(site.size_for(keys.verifier(1)).await, Some(10));
}

#[tokio::test]
async fn no_key_signs_what_has_not_been_met_again() {
    let (mut site, keys) = (Site::fresh().await, Keys::generate());
    let mut old = site.signed_by(keys.signer(0)).await.unwrap();
    fill(&mut old, 40, 20).await.unwrap();
    // The heads are lost: the same records have to lead to what was signed.
    site.heads = Arc::new(MemoryHeads::default());
    let mut both = site.signed_by(keys.both()).await.unwrap();
    assert_eq!(site.size_for(keys.verifier(1)).await, None);
    fill(&mut both, 30, 20).await.unwrap();
    assert_eq!(site.size_for(keys.verifier(1)).await, None);
    fill(&mut both, 45, 20).await.unwrap();
    assert_eq!(site.size_for(keys.verifier(1)).await, Some(45));
}

#[test]
fn keys_that_do_not_belong_together_are_refused() {
    let keys = Keys::generate();
    assert!(keys.signer(0).and(keys.signer(0)).is_err(), "one key twice");
    let (elsewhere, _) = CheckpointSigner::generate("elsewhere.example/audit").unwrap();
    let lines = keys.verifier(0).vkey() + "\n" + &elsewhere.verifier().vkey();
    assert!(CheckpointVerifier::from_vkeys(&lines).is_err());
    assert!(CheckpointVerifier::from_vkeys("\n \n").is_err());
    assert!(keys.signer(0).and(elsewhere).is_err());
    assert!(keys.both().trusting(keys.verifier(0)).is_err(), "untold");
    let told = keys.told([1, 0]);
    assert_eq!(told.vkey(), keys.verifier(1).vkey());
    assert!(told.trusts(&keys.verifier(0)) && !keys.verifier(0).trusts(&told));
}
