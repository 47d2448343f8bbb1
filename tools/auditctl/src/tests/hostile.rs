//! Archives that somebody made to do harm: refused, with nothing written and little memory.

use std::os::unix::fs::FileExt as _;

use super::world::{World, code};
use auditarchive::tar::{MAX_FILE, header, padding};

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, content.len() as u64).unwrap().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len() + padding(content.len() as u64) as usize, 0);
    bytes
}

async fn verify(world: &World, files: &[Vec<u8>]) -> u8 {
    let path = world.file("given.tar");
    std::fs::write(&path, [files.concat(), vec![0; 1024]].concat()).unwrap();
    code(&world.run(&["verify", path.to_str().unwrap()]).await)
}

/// With its checksum put right.
fn altered(mut bytes: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    bytes[at] = byte;
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    bytes
}

#[tokio::test]
async fn names_that_leave_or_say_nothing_are_refused() {
    let world = World::new();
    for name in [
        "../evil",
        "/etc/passwd",
        "logs/../../evil",
        "logs/access.events.v1/sunrise/../../../../evil",
        "logs/access.events.v1/sunrise/",
        "logs/access.events.v1/sunrise//tile",
        "logs/access.events.v1/sunrise/.hidden",
        "logs/access.events.v1/SUNRISE/checkpoint",
        "logs/access.events.v1/sun\u{202e}rise/checkpoint",
        "keys/../evil",
        "keys/records-certificate-01.json",
        "keys/records-certificate-99999.json",
        "evil",
    ] {
        assert_eq!(verify(&world, &[file(name, b"x")]).await, 1, "{name}");
    }
    let before: Vec<_> = std::fs::read_dir(world.dir.path()).unwrap().collect();
    assert_eq!(before.len(), 1, "nothing was unpacked");
}

#[tokio::test]
async fn links_folders_extensions_and_twins_are_refused() {
    let world = World::new();
    let good = file("README.txt", b"x");
    for kind in [
        b'\0', b'1', b'2', b'3', b'5', b'6', b'7', b'x', b'g', b'L', b'K', b'S',
    ] {
        assert_eq!(
            verify(&world, &[altered(good.clone(), 156, kind)]).await,
            1,
            "{kind}"
        );
    }
    // A size in base 256, a mode that runs, a name of an owner, a negative size.
    for (at, byte) in [
        (124, 0x80),
        (106, b'7'),
        (265, b'r'),
        (124, b'-'),
        (263, b' '),
    ] {
        assert_eq!(
            verify(&world, &[altered(good.clone(), at, byte)]).await,
            1,
            "{at}"
        );
    }
    assert_eq!(verify(&world, &[good.clone(), good.clone()]).await, 1);
    assert_eq!(verify(&world, &[]).await, 3, "it has no log");
    let empty = world.file("empty.tar");
    std::fs::write(&empty, b"").unwrap();
    assert_eq!(
        code(&world.run(&["verify", empty.to_str().unwrap()]).await),
        3
    );
    std::fs::write(&empty, vec![b'x'; 100_000]).unwrap();
    assert_eq!(
        code(&world.run(&["verify", empty.to_str().unwrap()]).await),
        1
    );
}

/// What says that it is huge is not read into memory, and a file with holes may well say so.
#[tokio::test]
async fn giant_lengths_take_no_memory() {
    let world = World::new();
    let path = world.file("given.tar");
    for (name, code_of) in [
        ("README.txt", 1),
        ("logs/access.events.v1/sunrise/checkpoint", 3),
    ] {
        let block = header(name, MAX_FILE).unwrap();
        std::fs::write(&path, block).unwrap();
        let short = code(&world.run(&["verify", path.to_str().unwrap()]).await);
        assert!(matches!(short, 1 | 3), "{name}");
        // All of it is there, as a hole.
        let sparse = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        sparse
            .set_len(512 + MAX_FILE + padding(MAX_FILE) + 1024)
            .unwrap();
        sparse.write_all_at(&block, 0).unwrap();
        let whole = code(&world.run(&["verify", path.to_str().unwrap()]).await);
        assert_eq!(whole, code_of, "{name}");
    }
}
