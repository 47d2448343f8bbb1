//! User ids behind references.

use domain::id::SubjectRef;
use domain::vocabulary::Verdict;
use eventlog::Topic;
use jiff::Timestamp;
use privacy::{Identity, IdentityKeys, Item, KeyFiles, LookupIndex, SubjectKey};
use service::config::SecretFile;
use uuid::Uuid;

use crate::fixture::{command, decided, device};
use crate::run::wait;

use super::{Site, sunrise};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_id_is_told_until_it_is_erased() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let subject = SubjectRef(Uuid::from_u128(42));
    let index: LookupIndex = "a".repeat(64).parse().unwrap();
    let key = SubjectKey {
        index,
        subject,
        item: Item::Identity,
    };
    let files = KeyFiles {
        identity: Some(SecretFile::new(site.disk.path().join("identity.json"))),
        ..KeyFiles::default()
    };
    let keys = IdentityKeys::load(&files).unwrap();
    let identity = Identity::new("https://issuer.example", "user-4711");
    let sealed = keys.seal(&key, &identity, Timestamp::now()).unwrap();
    let gate = device("sunrise.gate");
    let decision = decided(&gate, command(1), Verdict::Allow, Timestamp::now());
    fixture.signed(Topic::AccessEvents, &decision).await;
    site.projected().await;
    let told = async || site.search(sunrise()).await.unwrap().0[0].user_id.clone();
    assert_eq!(told().await, "");
    fixture.item(&key, Some(sealed)).await;
    wait(async || told().await == "user-4711").await;
    fixture.item(&key, None).await;
    wait(async || told().await.is_empty()).await;
    // It stands nowhere else.
    for entry in ["views.db", "views.db-wal"] {
        let bytes = std::fs::read(site.disk.path().join(entry)).unwrap_or_default();
        assert!(
            !bytes.windows(9).any(|window| window == b"user-4711"),
            "{entry}"
        );
    }
}
