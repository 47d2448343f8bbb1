//! The played day: what people do, and what should come of it.

use anyhow::Result;
use harness::clients::{Bff, log_in, open_request};
use harness::fixtures::{ANNAS_PLATE, Registered};
use harness::partner_control::PartnerControl;
use harness::site::Site;
use indicatif::ProgressBar;
use jiff::Timestamp;
use privacy::PassSecret;
use proto::access::{OpenRequest, OpenResponse};
use proto::events::Operation;
use serde_json::json;
use tonic::Status;
use tonic_types::StatusExt as _;

/// What the audit log should say of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Under which complex it is recorded.
    pub complex: &'static str,
    /// The device.
    pub device: &'static str,
    /// User id in the record; empty where nobody is known by one.
    pub user: Option<&'static str>,
    /// `ALLOW GRANTED`, `DENY <reason>`, `GRANTED PLATE`, `DENIED PLATE`.
    pub decision: &'static str,
    /// Outcome of a command, or how a credential was resolved; empty for a denial.
    pub outcome: &'static str,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// When.
    pub at: Timestamp,
    /// Who, for people to read.
    pub who: &'static str,
    /// What, for people to read.
    pub what: &'static str,
    /// What the caller was told.
    pub told: String,
    /// What the caller should have been told.
    pub should_be_told: &'static str,
    /// What should stand in the log.
    pub expected: Expected,
    /// The step that this one merely repeats: it has no record of its own.
    pub repeats: Option<usize>,
}

struct Day<'a> {
    site: &'a Site,
    bff: Bff,
    partner: PartnerControl,
    progress: &'a ProgressBar,
    steps: Vec<Step>,
}

/// Plays it.
pub(crate) async fn play(
    site: &Site,
    registered: &Registered,
    progress: &ProgressBar,
) -> Result<Vec<Step>> {
    let mut day = Day {
        site,
        bff: Bff::connect(site).await?,
        partner: PartnerControl::new(site)?,
        progress,
        steps: Vec::new(),
    };

    let first = open_request("sunrise.main-door")?;
    let executed = "EXECUTED PARTNER_EXECUTED";
    let allow = |complex, device, user, outcome| Expected {
        complex,
        device,
        user: Some(user),
        decision: "ALLOW GRANTED",
        outcome,
    };
    let anna_in = allow("sunrise", "sunrise.main-door", "anna", "EXECUTED");
    day.owner(
        "anna",
        "opens her door by app",
        first.clone(),
        executed,
        anna_in.clone(),
    )
    .await?;
    day.owner(
        "anna",
        "presses again: same key, same answer",
        first,
        executed,
        anna_in,
    )
    .await?;
    day.repeats(0);
    day.owner(
        "boris",
        "opens his door by app",
        open_request("moonlight.main-door")?,
        executed,
        allow("moonlight", "moonlight.main-door", "boris", "EXECUTED"),
    )
    .await?;
    let guest = Expected {
        complex: "sunrise",
        device: "sunrise.main-door",
        user: None,
        decision: "ALLOW GRANTED",
        outcome: "EXECUTED",
    };
    day.guest(
        "opens with anna's pass",
        &registered.guest,
        executed,
        guest.clone(),
    )
    .await?;
    let early = Expected {
        decision: "DENY OUTSIDE_WINDOW",
        outcome: "",
        ..guest
    };
    day.guest(
        "comes a day early",
        &registered.early_guest,
        "OUTSIDE_WINDOW",
        early,
    )
    .await?;
    let deny = |complex, device, user| Expected {
        complex,
        device,
        user: Some(user),
        decision: "DENY NO_GRANT",
        outcome: "",
    };
    day.owner(
        "grigory",
        "a stranger tries anna's door",
        open_request("sunrise.main-door")?,
        "NO_GRANT",
        deny("sunrise", "sunrise.main-door", "grigory"),
    )
    .await?;
    day.owner(
        "anna",
        "tries another complex's barrier",
        open_request("moonlight.yard-barrier")?,
        "NO_GRANT",
        deny("moonlight", "moonlight.yard-barrier", "anna"),
    )
    .await?;
    let unknown = OpenRequest {
        device_id: "sunrise.no-such-door".to_owned(),
        operation: Operation::OpenDoor.into(),
        ..open_request("sunrise.main-door")?
    };
    day.owner(
        "anna",
        "tries a door that does not exist",
        unknown,
        "NO_GRANT",
        deny("unassigned", "sunrise.no-such-door", "anna"),
    )
    .await?;
    day.partner
        .status("sunrise.intercom", json!({ "online": false }))
        .await?;
    day.owner(
        "anna",
        "opens at an intercom that is offline",
        open_request("sunrise.intercom")?,
        "NOT_EXECUTED DEVICE_OFFLINE",
        allow("sunrise", "sunrise.intercom", "anna", "NOT_EXECUTED"),
    )
    .await?;
    day.partner
        .fail("riverside.pier-gate", "hang_before_open", 1)
        .await?;
    day.owner(
        "vera",
        "opens a gate; the partner hangs and is fenced",
        open_request("riverside.pier-gate")?,
        "NOT_EXECUTED FENCED",
        allow("riverside", "riverside.pier-gate", "vera", "NOT_EXECUTED"),
    )
    .await?;
    let plate = |decision, user, outcome| Expected {
        complex: "sunrise",
        device: "sunrise.north-gate",
        user,
        decision,
        outcome,
    };
    day.car(
        "anna's car",
        "is recognised at the barrier",
        ANNAS_PLATE,
        "opened",
        plate("GRANTED PLATE", Some("anna"), "RESOLVED"),
    )
    .await?;
    day.car(
        "a strange car",
        "is not recognised",
        "М456ОР 199",
        "not opened",
        plate("DENIED PLATE", None, "NOT_IDENTIFIED"),
    )
    .await?;
    Ok(day.steps)
}

impl Day<'_> {
    async fn owner(
        &mut self,
        who: &'static str,
        what: &'static str,
        request: OpenRequest,
        should_be_told: &'static str,
        expected: Expected,
    ) -> Result<()> {
        let token = log_in(self.site, who).await?.access_token;
        let at = Timestamp::now();
        let told = told(self.bff.open(&token, request).await);
        self.step(at, who, what, told, should_be_told, expected)
            .await
    }

    async fn guest(
        &mut self,
        what: &'static str,
        secret: &PassSecret,
        should_be_told: &'static str,
        expected: Expected,
    ) -> Result<()> {
        let at = Timestamp::now();
        let request = open_request(expected.device)?;
        let told = told(self.bff.open_with_pass(secret, request).await);
        self.step(at, "a guest", what, told, should_be_told, expected)
            .await
    }

    async fn car(
        &mut self,
        who: &'static str,
        what: &'static str,
        plate: &str,
        should_be_told: &'static str,
        expected: Expected,
    ) -> Result<()> {
        let at = Timestamp::now();
        let answer = self.partner.plate(expected.device, plate).await?;
        let opened = answer
            .pointer("/opened")
            .and_then(serde_json::Value::as_bool);
        let told = if opened == Some(true) {
            "opened"
        } else {
            "not opened"
        };
        self.step(at, who, what, told.to_owned(), should_be_told, expected)
            .await
    }

    /// Takes a step down, once all that came of it is recorded: so the next one comes after it in
    /// every log.
    async fn step(
        &mut self,
        at: Timestamp,
        who: &'static str,
        what: &'static str,
        told: String,
        should_be_told: &'static str,
        expected: Expected,
    ) -> Result<()> {
        self.partner.delivered().await?;
        self.progress
            .set_message(format!("playing a day: {who} {what}"));
        self.steps.push(Step {
            at,
            who,
            what,
            told,
            should_be_told,
            expected,
            repeats: None,
        });
        Ok(())
    }

    fn repeats(&mut self, step: usize) {
        if let Some(last) = self.steps.last_mut() {
            last.repeats = Some(step);
        }
    }
}

/// The answer in words: outcome and reason, or the reason of the refusal.
fn told(answer: Result<OpenResponse, Status>) -> String {
    match answer {
        Ok(response) => {
            format!("{} {}", response.outcome().as_str_name(), response.reason)
        }
        Err(status) => status.get_details_error_info().map_or_else(
            || format!("{}: {}", status.code(), status.message()),
            |info| info.reason,
        ),
    }
}
