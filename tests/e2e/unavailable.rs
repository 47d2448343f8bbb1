//! What is away, and what callers see meanwhile: the failure table.

use anyhow::{Context as _, Result};
use harness::clients::open_request;
use harness::process::{wait_for, wait_until};
use harness::site::Part;
use jiff::Timestamp;
use proto::access::{OpenRequest, OpenResponse, Outcome};
use records::timestamp_to_wire;
use rusqlite::Connection;
use serde_json::json;
use tonic::Code;

use crate::support::sender::{SINGLE, Sender, granted};
use crate::support::status::{Told, says_when};
use crate::support::{Ground, PATIENCE, Scene};

#[tokio::test]
async fn without_the_log_nothing_is_done() -> Result<()> {
    let scene = Ground::prepare_embedded().await?.build().await?;
    let token = scene.token("anna").await?;
    // The first command mints anna's reference and warms everything up.
    scene
        .bff
        .open(&token, open_request("sunrise.main-door")?)
        .await?;
    let before = scene.traces().await?;
    // Nobody else can write to the file while this transaction is open.
    let file = Connection::open(scene.site().dir.join("data/log.db"))?;
    file.execute_batch("BEGIN IMMEDIATE")?;
    let pending = Pending::refused(&scene, &token, 1).await?;
    assert_eq!(scene.traces().await?, before, "nothing is half done");
    file.execute_batch("ROLLBACK")?;
    pending.settled(&scene, &token).await?;
    scene.finish().await
}

/// A press and an event that came while the log was away.
pub(crate) struct Pending {
    request: OpenRequest,
    event: String,
    webhook: Sender,
    /// Openings before the press.
    openings: usize,
}

impl Pending {
    /// Both are refused, and told to come again; nothing opens.
    pub(crate) async fn refused(scene: &Scene, token: &str, sequence: u64) -> Result<Self> {
        let before = scene.openings()?.len();
        let request = open_request("sunrise.main-door")?;
        let refused = scene.bff.open(token, request.clone()).await;
        let status = refused.err().context("it opened without a record")?;
        // The rules that a press is held against come from the log too, and grow old.
        let reasons = ["LOG_UNAVAILABLE", "REGISTRY_STALE"];
        let refusals = reasons.map(|reason| Told::new(Code::Unavailable, reason, &[]));
        assert!(refusals.contains(&Told::from(&status)), "{status:?}");
        assert!(says_when(&status));
        let webhook = Sender::new(scene.site(), &scene.site().certificates.partner)?;
        let event = granted(sequence).to_string();
        let answer = webhook.post(SINGLE, &event).await?;
        let (status, kind, reason) = answer.problem()?;
        assert_eq!((status, kind.as_str()), (503, "unavailable"));
        // The rules that the event is held against come from the log too.
        let said = ["not_recorded", "registry_stale"].contains(&reason.as_str());
        assert!(said, "{reason}");
        assert!(answer.retry_after.is_some(), "{answer:?}");
        assert_eq!(scene.openings()?.len(), before, "no record, no opening");
        Ok(Self {
            request,
            event,
            webhook,
            openings: before,
        })
    }

    /// The log is back. The same key once more: carried out now, or known never to be, never both;
    /// and the event is taken in. No other press may open a door between the refusal and this.
    pub(crate) async fn settled(self, scene: &Scene, token: &str) -> Result<()> {
        let expired = Told::new(Code::FailedPrecondition, "COMMAND_EXPIRED", &[]);
        let outcome = wait_for(PATIENCE, "an answer with the same key", || async {
            match scene.bff.open(token, self.request.clone()).await {
                Ok(answer) => Some(answer.outcome()),
                // The log was away for longer than the command lived, and has never seen it.
                Err(status) => {
                    let told = Told::from(&status);
                    eprintln!("not yet: {told:?}");
                    (told == expired).then_some(Outcome::NotExecuted)
                }
            }
        })
        .await?;
        let opened = scene.openings()?.len() - self.openings;
        assert_eq!(
            outcome == Outcome::Executed,
            opened == 1,
            "{outcome:?}, {opened}"
        );
        wait_until(PATIENCE, "the event to be taken in", || async {
            let answer = self.webhook.post(SINGLE, &self.event).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await
    }
}

fn opened(scene: &Scene, answer: &OpenResponse) -> Result<usize> {
    let command = Some(answer.command_id.parse()?);
    let openings = scene.openings()?;
    Ok(openings
        .iter()
        .filter(|opening| opening.command == command)
        .count())
}

/// How the partner fails, and what is known afterwards.
const FAULTS: [(&str, Outcome, &str); 12] = [
    ("reject", Outcome::Rejected, "PARTNER_REJECTED"),
    ("offline", Outcome::NotExecuted, "DEVICE_OFFLINE"),
    ("hang_before_open", Outcome::NotExecuted, "FENCED"),
    ("hang_after_open", Outcome::Executed, "PARTNER_EXECUTED"),
    ("reset_before_open", Outcome::NotExecuted, "FENCED"),
    ("reset_after_open", Outcome::Executed, "PARTNER_EXECUTED"),
    ("truncate_body", Outcome::Executed, "PARTNER_EXECUTED"),
    ("http_429", Outcome::NotExecuted, "PARTNER_OVERLOADED"),
    ("http_500", Outcome::NotExecuted, "PARTNER_REJECTED"),
    ("http_503", Outcome::NotExecuted, "PARTNER_OVERLOADED"),
    ("not_found_lie", Outcome::Executed, "PARTNER_EXECUTED"),
    ("garbage_json", Outcome::Executed, "PARTNER_EXECUTED"),
];

#[tokio::test]
async fn whatever_the_partner_does_the_outcome_is_what_happened() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let device = "sunrise.main-door";
    for (mode, outcome, reason) in FAULTS {
        scene.partner.fail(device, mode, 1).await?;
        let answer = scene.bff.open(&token, open_request(device)?).await?;
        let opened = opened(&scene, &answer)?;
        assert_eq!(
            (answer.outcome(), answer.reason.as_str()),
            (outcome, reason),
            "{mode}"
        );
        assert_eq!(
            opened,
            usize::from(outcome == Outcome::Executed),
            "{mode}: {answer:?}"
        );
    }
    scene.finish().await
}

/// How far the partner's clock is off, in seconds, and what becomes of a press meanwhile.
const CLOCKS: [(i64, Outcome, &str); 2] = [
    // For the partner the press came too late.
    (600, Outcome::NotExecuted, "COMMAND_EXPIRED"),
    // The partner would open for ten minutes more: that it is asked in time is seen to here.
    (-600, Outcome::Executed, "PARTNER_EXECUTED"),
];

#[tokio::test]
async fn a_partner_whose_clock_is_off_opens_nothing_late_or_twice() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let device = "sunrise.main-door";
    scene.bff.open(&token, open_request(device)?).await?;
    for (offset, outcome, reason) in CLOCKS {
        scene.delivered().await?;
        let shifted = json!({ "offset_seconds": offset });
        scene.partner.post("/clock", shifted).await?;
        // By its clock the token that was kept may have ended; the next press brings another.
        let first = scene.bff.open(&token, open_request(device)?).await?;
        assert_ne!(first.outcome(), Outcome::Unknown, "{offset}: {first:?}");
        let request = open_request(device)?;
        let answer = scene.bff.open(&token, request.clone()).await?;
        let told = (answer.outcome(), answer.reason.as_str());
        assert_eq!(told, (outcome, reason), "{offset}");
        let late = OpenRequest {
            expires_at: Some(timestamp_to_wire(Timestamp::now())),
            ..open_request(device)?
        };
        let refused = scene.bff.open(&token, late).await.err();
        let refused = refused.context("it opened too late")?;
        let expired = Told::new(Code::FailedPrecondition, "COMMAND_EXPIRED", &[]);
        assert_eq!(Told::from(&refused), expired, "{offset}");
        let mended = json!({ "offset_seconds": 0 });
        scene.partner.post("/clock", mended).await?;
        assert_eq!(scene.bff.open(&token, request).await?, answer, "{offset}");
        let times = usize::from(outcome == Outcome::Executed);
        assert_eq!(opened(&scene, &answer)?, times, "{offset}");
    }
    scene.finish().await
}

#[tokio::test]
async fn an_outcome_that_nobody_knows_is_settled_later() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token("vera").await?;
    let device = "riverside.boathouse";
    let slow = json!({ "mode": "slow", "ms": 8_000, "times": 1 });
    scene
        .partner
        .post(&format!("/devices/{device}/failure"), slow)
        .await?;
    let answer = scene.bff.open(&token, open_request(device)?).await?;
    assert_eq!(answer.outcome(), Outcome::Unknown, "{answer:?}");
    assert_eq!(opened(&scene, &answer)?, 1, "past the point of no return");
    wait_until(PATIENCE, "the reconciler", || async {
        let now = scene.bff.command(&token, &answer.command_id).await;
        now.is_ok_and(|now| now.outcome() == Outcome::Executed)
    })
    .await?;
    let completions = scene.log.completions(answer.command_id.parse()?).await?;
    let told = completions.iter();
    let told: Vec<_> = told.map(|one| (one.outcome, one.reconciled)).collect();
    use domain::vocabulary::Outcome::{Executed, Unknown};
    assert_eq!(told, [(Unknown, false), (Executed, true)]);
    assert_eq!(opened(&scene, &answer)?, 1);
    scene.finish().await
}

#[tokio::test]
async fn a_partner_that_is_away_is_not_executed() -> Result<()> {
    let mut scene = Scene::start().await?;
    let token = scene.token("anna").await?;
    let device = "sunrise.main-door";
    for mode in ["down", "shrink_scope", "invalid_client"] {
        let fault = json!({ "mode": mode });
        scene.partner.post("/token-endpoint", fault).await?;
        let answer = scene.bff.open(&token, open_request(device)?).await?;
        assert_eq!(answer.outcome(), Outcome::NotExecuted, "{mode}: {answer:?}");
        assert_eq!(answer.reason, "PARTNER_UNREACHABLE", "{mode}");
    }
    scene.site_mut().terminate(Part::Partner).await?;
    let answer = scene.bff.open(&token, open_request(device)?).await?;
    assert_eq!(answer.outcome(), Outcome::NotExecuted, "{answer:?}");
    assert_eq!(answer.reason, "PARTNER_UNREACHABLE");
    assert!(answer.recorded);
    assert!(scene.openings()?.is_empty());

    scene.site_mut().start_part(Part::Partner).await?;
    wait_until(PATIENCE, "the next press to open", || async {
        let Ok(request) = open_request(device) else {
            return false;
        };
        let answer = scene.bff.open(&token, request).await;
        answer.is_ok_and(|answer| answer.outcome() == Outcome::Executed)
    })
    .await?;
    scene.finish().await
}
