//! A log in a folder, written by one process and read by another.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::common::{Site, fill, log, next_index, record};
use auditlog::{MemoryHeads, open, open_folder, verify_inclusion};
use url::Url;

fn site(path: &std::path::Path) -> Site {
    Site {
        store: open_folder(path).unwrap(),
        heads: Arc::<MemoryHeads>::default(),
    }
}

#[tokio::test]
async fn a_folder_holds_the_same_objects_as_memory() {
    let dir = tempfile::tempdir().unwrap();
    let disk = site(&dir.path().join("new/tiles"));
    fill(&mut disk.writer().await.unwrap(), 300, 70)
        .await
        .unwrap();
    // Another process would open the folder anew.
    let again = Site {
        store: open(&Url::from_file_path(dir.path().join("new/tiles")).unwrap()).unwrap(),
        heads: disk.heads.clone(),
    };
    fill(&mut again.writer().await.unwrap(), 530, 100)
        .await
        .unwrap();
    let memory = Site::in_memory();
    fill(&mut memory.writer().await.unwrap(), 530, 530)
        .await
        .unwrap();
    assert_eq!(again.settled(530).await, memory.settled(530).await);

    // The log is plain files; nothing temporary and no emptied folder stays.
    let root = dir.path().join("new/tiles").join(log().to_string());
    let names = |sub: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root.join(sub)).unwrap();
        entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(
        names(""),
        ["checkpoint", "offset", "tile"].map(Into::into).into()
    );
    assert_eq!(
        names("tile/entries"),
        ["000", "001", "002.p"].map(Into::into).into()
    );
    assert_eq!(
        names("tile/0"),
        ["000", "001", "002.p"].map(Into::into).into()
    );
    let offset = std::fs::read_to_string(root.join("offset/001")).unwrap();
    assert_eq!(offset, format!("{}\n", record(256).0));
}

/// A reader at work while the log grows never sees anything but a whole, provable log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_beside_the_writer_sees_whole_objects() {
    let dir = tempfile::tempdir().unwrap();
    let disk = site(dir.path());
    let mut writer = disk.writer().await.unwrap();
    fill(&mut writer, 1, 1).await.unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reading = tokio::spawn({
        let (disk, done) = (site(dir.path()), done.clone());
        async move {
            let reader = disk.reader();
            let mut rounds = 0;
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let checkpoint = reader.checkpoint().await.unwrap();
                let last = checkpoint.size() - 1;
                let entry = reader.entry(last).await.unwrap();
                assert_eq!(&entry, record(last).1.bytes());
                let proof = reader.inclusion_proof(last, last + 1).await.unwrap();
                let hash = record(last).1.hash();
                verify_inclusion(hash, last, last + 1, checkpoint.root(), &proof).unwrap();
                rounds += 1;
            }
            rounds
        }
    });
    let mut batch = 1;
    while next_index(&writer) < 1_100 {
        let size = next_index(&writer) + batch;
        fill(&mut writer, size, batch).await.unwrap();
        batch = batch % 40 + 7;
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(reading.await.unwrap() > 0);
}
