#![allow(clippy::unwrap_used)]

use super::*;

fn config(folder: &Path) -> crate::config::Store {
    crate::config::Store {
        path: folder.join("partner.db"),
        keyring: folder.join("keyring.json"),
        key_rotation_days: 90,
        events_kept: std::time::Duration::from_secs(60),
        deliveries_kept: std::time::Duration::from_secs(60),
    }
}

#[tokio::test]
async fn a_closure_that_fails_leaves_nothing_and_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&config(folder.path()), Timestamp::now()).unwrap();
    let bad = store.run(|tx| {
        tx.put(Table::Commands, "", &tx.hidden(b"bad"), None, &1)?;
        Err::<(), _>(StoreError::Malformed)
    });
    let good = store.run(|tx| tx.put(Table::Commands, "", &tx.hidden(b"good"), None, &2));
    let (bad, good) = tokio::join!(bad, good);
    assert!(matches!(bad, Err(StoreError::Malformed)));
    good.unwrap();
    let found = store
        .run(|tx| {
            let get = |id: &[u8]| tx.get::<u32>(Table::Commands, "", &tx.hidden(id));
            Ok((get(b"bad")?, get(b"good")?))
        })
        .await;
    assert_eq!(found.unwrap(), (None, Some(2)));
}

#[tokio::test]
async fn rotation_reencrypts_everything_and_a_second_process_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, Timestamp::now()).unwrap();
    store
        .run(|tx| {
            for n in 0..1200_u32 {
                tx.put(
                    Table::Events,
                    "sunrise",
                    &Key::plain(&n.to_be_bytes()),
                    None,
                    &n,
                )?;
            }
            Ok(())
        })
        .await
        .unwrap();
    assert!(matches!(
        Store::open(&config, Timestamp::now()),
        Err(StoreError::Locked)
    ));
    assert_eq!(store.rotate(Timestamp::now()).await.unwrap(), 2);
    let (versions, events) = store
        .run(|tx| {
            Ok((
                tx.versions()?,
                tx.scan::<u32>(Table::Events, "sunrise", &Key::plain(b""), 2000)?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(versions, [(2, 1200)]);
    assert_eq!(
        events.into_iter().map(|(_, n)| n).collect::<Vec<_>>(),
        (0..1200).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_record_moved_to_another_place_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let store = Store::open(&config, Timestamp::now()).unwrap();
    store
        .run(|tx| tx.put(Table::TokenKeys, "sunrise", &Key::plain(b"1"), None, &1))
        .await
        .unwrap();
    drop(store);
    let connection = loop {
        // The store's thread lets go of the file a moment after its handle is gone.
        let connection = Connection::open(&config.path).unwrap();
        match connection.execute("UPDATE record SET key=CAST('2' AS BLOB)", []) {
            Ok(_) => break connection,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    drop(connection);
    let store = Store::open(&config, Timestamp::now()).unwrap();
    let moved = store
        .run(|tx| tx.get::<u32>(Table::TokenKeys, "sunrise", &Key::plain(b"2")))
        .await;
    assert!(matches!(moved, Err(StoreError::Vault(VaultError::Crypto))));
}
