//! Keys and checkpoints: what is signed is read by other tools, and nothing else is believed.

use crate::common::{BASE, SIGNER, Site, fill, log, origin};
use auditlog::{CheckpointSigner, CheckpointVerifier, Error, LogId, LogReader, LogWriter, Origin};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

/// The example key pair of the Go note package.
const PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn keys_are_those_of_the_go_note_package() {
    let signer = CheckpointSigner::from_text(PRIVATE).unwrap();
    assert_eq!(signer.verifier().vkey(), PUBLIC);
    let verifier = CheckpointVerifier::from_vkey(PUBLIC).unwrap();
    assert_eq!(&verifier, signer.verifier());
    let padded = format!("\n {PRIVATE}\r\n");
    assert!(CheckpointSigner::from_text(&padded).is_ok());
}

#[test]
fn a_made_key_reads_back_here_and_elsewhere() {
    let (signer, text) = CheckpointSigner::generate(BASE).unwrap();
    let again = CheckpointSigner::from_text(&text).unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    StandardSigner::new(text.trim()).unwrap();
    StandardVerifier::new(&signer.verifier().vkey()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint.key");
    std::fs::write(&path, text.as_bytes()).unwrap();
    let from_file = CheckpointSigner::from_file(&path).unwrap();
    assert_eq!(from_file.verifier(), signer.verifier());
    let shown = format!("{signer:?}");
    let secret = text.trim().rsplit('+').next().unwrap();
    assert!(!shown.contains(secret), "the secret isn't shown");
}

#[test]
fn bad_keys_are_refused_and_not_repeated() {
    let secret = "AYEKFALVFGyNhPJEMzD1QIDr";
    let bad = [
        String::new(),
        "PRIVATE+KEY+".into(),
        PUBLIC.into(),
        PRIVATE.replace("c74f20a3", "c74f20a4"),
        PRIVATE.replace("c74f20a3", "C74F20A3"),
        PRIVATE.replace("PeterNeumann", "Peter Neumann"),
        PRIVATE.replace("PeterNeumann", "Peter"),
        PRIVATE.replace("+AY", "+Ag"),
        format!("{PRIVATE}AAAA"),
        format!("{PRIVATE}{}", "A".repeat(4096)),
        PRIVATE.replace(secret, ""),
    ];
    let dir = tempfile::tempdir().unwrap();
    for text in bad {
        let path = dir.path().join("key");
        std::fs::write(&path, &text).unwrap();
        for error in [
            CheckpointSigner::from_text(&text).unwrap_err(),
            CheckpointSigner::from_file(&path).unwrap_err(),
        ] {
            assert!(
                matches!(error, Error::Key(_) | Error::Name { .. }),
                "{text}"
            );
            assert!(!format!("{error} {error:?}").contains(&secret[..8]));
        }
    }
    for vkey in ["", PRIVATE, &PUBLIC[1..], &PUBLIC[..40], "a+b+c"] {
        assert!(CheckpointVerifier::from_vkey(vkey).is_err(), "{vkey}");
    }
    assert!(CheckpointSigner::generate("with space").is_err());
    let missing = CheckpointSigner::from_file(&dir.path().join("missing"));
    assert!(matches!(missing, Err(Error::KeyFile(_))));
}

/// A checkpoint as a tool sees it that has only the vkey and knows signed notes.
#[tokio::test]
async fn a_checkpoint_is_a_signed_note() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 10, 10)
        .await
        .unwrap();
    let checkpoint = site.reader().checkpoint().await.unwrap();
    let lines: Vec<&str> = checkpoint.note().lines().collect();
    assert_eq!(
        lines[0],
        "audit.example.org/smarthome/access.events.v1/sunrise"
    );
    assert_eq!((lines[1], lines[3], lines.len()), ("10", "", 5));
    assert!(
        lines[4].starts_with(&format!("— {} ", lines[0])),
        "key name is the origin"
    );

    let vkey = SIGNER.verifier().vkey_for(&origin()).unwrap();
    let standard = StandardVerifier::new(&vkey).unwrap();
    let note = Note::from_bytes(checkpoint.note().as_bytes()).unwrap();
    note.verify(&VerifierList::new(vec![Box::new(standard)]))
        .unwrap();
    let tree = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((tree.size(), tree.hash().0), (10, checkpoint.root()));

    // The key of this one log does as well as that of all of them.
    let own = CheckpointVerifier::from_vkey(&vkey).unwrap();
    let read = own.verify(&origin(), checkpoint.note().as_bytes()).unwrap();
    assert_eq!(read, checkpoint);
    let neighbour = LogId::new("access.events.v1", "sunrise-2").unwrap();
    let neighbour = Origin::new(BASE, &neighbour).unwrap();
    assert!(matches!(
        own.verify(&neighbour, checkpoint.note().as_bytes()),
        Err(Error::Key(_))
    ));
    assert!(matches!(
        SIGNER
            .verifier()
            .verify(&neighbour, checkpoint.note().as_bytes()),
        Err(Error::Untrusted { .. })
    ));
}

#[tokio::test]
async fn a_wrong_key_is_refused_on_both_sides() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 10, 10)
        .await
        .unwrap();
    let (stranger, _) = CheckpointSigner::generate(BASE).unwrap();
    let (store, heads) = (site.store.clone(), site.heads.clone());
    let reader =
        LogReader::open(log(), origin(), store.clone(), stranger.verifier().clone()).unwrap();
    assert!(matches!(
        reader.checkpoint().await,
        Err(Error::Untrusted { .. })
    ));
    assert!(reader.entry(0).await.is_err());
    let writer = LogWriter::open(log(), origin(), store, heads, stranger.into()).await;
    assert!(matches!(writer.err(), Some(Error::Untrusted { .. })));

    // A key of another base can't be used for this origin at all.
    let (elsewhere, _) = CheckpointSigner::generate("audit.example.org/smart").unwrap();
    let refused = LogReader::open(
        log(),
        origin(),
        site.store.clone(),
        elsewhere.verifier().clone(),
    );
    assert!(matches!(refused.err(), Some(Error::Key(_))));
}

#[tokio::test]
async fn only_the_signed_text_counts() {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), 10, 10)
        .await
        .unwrap();
    let note = site.reader().checkpoint().await.unwrap().note().to_owned();
    let verify = |note: &str| SIGNER.verifier().verify(&origin(), note.as_bytes());
    let signature = note.lines().last().unwrap();
    for bad in [
        note.replace("\n10\n", "\n11\n"),
        note.replace("sunrise\n10", "sunset\n10"),
        note.replace(signature, &format!("{signature}A")),
        note.replace(&format!("\n{signature}\n"), "\n"),
        note.trim_end().to_owned(),
        format!("extra\n{note}"),
        String::new(),
    ] {
        assert!(
            matches!(verify(&bad), Err(Error::Untrusted { .. })),
            "{bad}"
        );
    }
    // Signatures of others (witnesses) may stand beside ours.
    let mut witnessed = Note::from_bytes(note.as_bytes()).unwrap();
    witnessed
        .add_sigs(&[&StandardSigner::new(PRIVATE).unwrap()])
        .unwrap();
    let witnessed = String::from_utf8(witnessed.to_bytes()).unwrap();
    assert_eq!(verify(&witnessed).unwrap().size(), 10);
}
