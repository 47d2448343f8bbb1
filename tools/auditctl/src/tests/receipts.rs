//! Receipts of one opening.

use auditlog::{LogReader, Origin, Receipt, open_folder};
use domain::event::{Body, CommandCompleted, Event};
use domain::vocabulary::{Outcome, Reason, Verdict};
use domain::{CommandId, EventId};
use eventlog::Topic;
use uuid::Uuid;

use super::replays::{Said, decided};
use super::world::{BASE, World, access, code, observed};

/// What became of a command.
fn completed(number: u128) -> Event {
    let completed = CommandCompleted {
        command: CommandId(Uuid::from_u128(number)),
        outcome: Outcome::Executed,
        reason: Reason::PartnerExecuted,
        partner_code: String::new(),
        partner_ref: String::new(),
        latency_ms: 5,
        reconciled: false,
        fenced: false,
        second_inputs: None,
    };
    Event {
        id: EventId(Uuid::from_u128(0x2000 + number)),
        body: Body::CommandCompleted(completed),
        ..decided(&Said::default())
    }
}

/// An event of the partner, two commands with their outcomes, a denial.
async fn world() -> World {
    let world = World::new();
    let said = |number, verdict| {
        let reason = match verdict {
            Verdict::Allow => Reason::Granted,
            Verdict::Deny => Reason::NoGrant,
        };
        let said = Said {
            number,
            verdict,
            reason,
            ..Said::default()
        };
        world.signed(&decided(&said), Topic::AccessEvents)
    };
    let done = |number| world.signed(&completed(number), Topic::AccessEvents);
    let allow = Verdict::Allow;
    let denied = said(3, Verdict::Deny);
    let records = [
        observed(0),
        said(1, allow),
        said(2, allow),
        done(2),
        done(1),
        denied,
        done(3),
    ];
    world.write(&access(), records.into_iter()).await;
    world
}

/// A receipt of these leaves.
async fn receipt(world: &World, leaves: &[u64]) -> String {
    let origin = Origin::new(BASE, &access()).unwrap();
    let store = open_folder(&world.tiles()).unwrap();
    let verifier = world.signer.verifier().clone();
    let log = LogReader::open(access(), origin, store, verifier).unwrap();
    let checkpoint = log.checkpoint().await.unwrap();
    let mut proofs = Vec::new();
    for leaf in leaves {
        proofs.push(log.prove(*leaf, &checkpoint).await.unwrap());
    }
    Receipt(proofs).text()
}

/// How the tool ends with this file.
async fn judged(world: &World, text: &[u8]) -> u8 {
    let file = world.file("opening.receipt");
    std::fs::write(&file, text).unwrap();
    code(
        &world
            .run_trusting(&["verify-receipt", file.to_str().unwrap()])
            .await,
    )
}

#[tokio::test]
async fn a_receipt_is_an_access_with_its_own_outcome_and_nothing_else() {
    let world = world().await;
    for good in [&[0][..], &[1], &[1, 4], &[2, 3], &[5]] {
        let text = receipt(&world, good).await;
        assert_eq!(judged(&world, text.as_bytes()).await, 0, "{good:?}");
    }
    // Another command's outcome, one alone, one before, one of what was denied, of the partner's event;
    // two decisions; too many.
    for bad in [
        &[1, 3][..],
        &[4],
        &[4, 1],
        &[5, 6],
        &[0, 4],
        &[1, 2],
        &[1, 4, 4],
    ] {
        let text = receipt(&world, bad).await;
        assert_eq!(judged(&world, text.as_bytes()).await, 1, "{bad:?}");
    }
}

#[tokio::test]
async fn no_byte_of_a_receipt_can_change() {
    let world = world().await;
    let text = receipt(&world, &[1, 4]).await.into_bytes();
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        assert_ne!(judged(&world, &changed).await, 0, "byte {at}");
    }
    for cut in [0, 20, text.len() / 2, text.len() - 1] {
        assert_eq!(judged(&world, &text[..cut]).await, 1, "cut at {cut}");
    }
}
