//! Every actor's operations, and what came of each.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use harness::clients::{Auditor, Operator, Persons, Registry, open_request};
use harness::process::wait_for;
use harness::site::PARTNER;
use jiff::Timestamp;
use proto::access::{
    AddPlateCredentialRequest, ApplyRequest, DeliverTokenKeyRequest, EgressReportRequest,
    EraseSubjectRequest, ExportSubjectRequest, GetCheckpointRequest, GetComplexRequest,
    GetProvisioningRequest, HistoryRequest, HoldSubjectRequest, OpenResponse, PersonRef,
    SearchAccessRequest, SearchAlarmsRequest, VerifyPartnerRequest,
};
use proto::events as pb;
use proto::events::change::Entity;
use records::timestamp_to_wire;
use serde_json::json;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::faces;
use crate::support::sender::{Sender, granted};
use crate::support::status::told;
use crate::support::{PATIENCE, Scene};

/// Where each thing is tried; the actors of `sunrise` are outside everywhere else.
const COMPLEXES: [&str; 4] = ["sunrise", "moonlight", "riverside", "no-such-complex"];

/// The table, a line for each try.
struct Table(String);

impl Table {
    fn line(&mut self, actor: &str, what: &str, place: &str, result: &str) {
        // Writing to a string can't fail.
        let _ = writeln!(self.0, "{actor:<17} {what:<19} {place:<24} {result}");
    }
}

/// Tries everything.
pub(super) async fn everything(scene: &Scene) -> Result<String> {
    let mut table = Table(String::new());
    table.line("actor", "operation", "place", "result");
    owners(scene, &mut table).await?;
    guests(scene, &mut table).await?;
    for username in ["sunrise-operator", "operator"] {
        operators(scene, username, &mut table).await?;
    }
    for username in ["sunrise-auditor", "auditor"] {
        auditors(scene, username, &mut table).await?;
    }
    partner(scene, &mut table).await?;
    Ok(table.0)
}

/// What came of an open.
fn opened(answer: Result<OpenResponse, Status>) -> String {
    match answer {
        Ok(answer) => answer.outcome().as_str_name().replace("OUTCOME_", ""),
        Err(status) => result::<()>(Err(status)),
    }
}

/// What came of anything else.
fn result<T>(answer: Result<T, Status>) -> String {
    let told = told(answer);
    match told.code {
        Code::Ok => "done".to_owned(),
        code => format!("{code:?} {}", told.reason),
    }
}

async fn owners(scene: &Scene, table: &mut Table) -> Result<()> {
    let devices = [
        "sunrise.main-door",
        "sunrise.north-gate",
        "moonlight.main-door",
        "moonlight.yard-barrier",
        "riverside.boathouse",
        "riverside.pier-gate",
    ];
    // Owners of sunrise, moonlight and riverside.
    for username in ["anna", "boris", "vera"] {
        let token = scene.token(username).await?;
        for device in devices {
            let request = open_request(device)?;
            let what = request.operation().as_str_name().to_lowercase();
            let what = what.replace("operation_", "");
            let answer = scene.bff.open(&token, request).await;
            table.line(&format!("owner {username}"), &what, device, &opened(answer));
        }
    }
    Ok(())
}

async fn guests(scene: &Scene, table: &mut Table) -> Result<()> {
    for device in [
        "sunrise.main-door",
        "sunrise.north-gate",
        "moonlight.main-door",
        "riverside.boathouse",
    ] {
        let request = open_request(device)?;
        let secret = &scene.registered.guest;
        let answer = scene.bff.open_with_pass(secret, request).await;
        table.line("guest of sunrise", "open", device, &opened(answer));
    }
    Ok(())
}

async fn operators(scene: &Scene, username: &str, table: &mut Table) -> Result<()> {
    let port = &scene.site().ports.registry;
    let Operator { registry, persons } = Operator::connect_as(scene.site(), port, username).await?;
    for complex in COMPLEXES {
        let mut line = |what, result: &str| table.line(username, what, complex, result);
        let get = GetComplexRequest {
            complex_id: complex.to_owned(),
            ..GetComplexRequest::default()
        };
        line(
            "read registry",
            &result(registry.clone().get_complex(get).await),
        );
        let history = HistoryRequest {
            complex_id: complex.to_owned(),
            ..HistoryRequest::default()
        };
        line(
            "read history",
            &result(registry.clone().history(history).await),
        );
        line("change registry", &change(&registry, complex).await);
        line("register plate", &plate(scene, &registry, complex).await?);
        line("register face", &face(scene, &registry, complex).await?);
        let key = DeliverTokenKeyRequest {
            complex_id: complex.to_owned(),
            partner_id: PARTNER.to_owned(),
        };
        line(
            "deliver token key",
            &result(registry.clone().deliver_token_key(key).await),
        );
        let get = GetProvisioningRequest {
            complex_id: complex.to_owned(),
        };
        line(
            "read provisioning",
            &result(registry.clone().get_provisioning(get).await),
        );
        let verify = VerifyPartnerRequest {
            complex_id: complex.to_owned(),
            partner_id: PARTNER.to_owned(),
        };
        line(
            "verify partner",
            &result(registry.clone().verify_partner(verify).await),
        );
        for (what, answer) in person(scene, &persons, complex).await? {
            line(what, &answer);
        }
        let egress = EgressReportRequest {
            complex_id: complex.to_owned(),
            from: Some(timestamp_to_wire(Timestamp::UNIX_EPOCH)),
            to: Some(timestamp_to_wire(Timestamp::now())),
            page_token: String::new(),
        };
        line(
            "read egress report",
            &result(registry.clone().egress_report(egress).await),
        );
    }
    Ok(())
}

async fn change(registry: &Registry, complex: &str) -> String {
    let resident = Entity::Resident(pb::Resident {
        subject_ref: Uuid::new_v4().to_string(),
        active: true,
    });
    let request = ApplyRequest {
        complex_id: complex.to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "a new resident".to_owned(),
        changes: vec![pb::Change {
            expected_version: 0,
            entity: Some(resident),
        }],
    };
    result(registry.clone().apply(request).await)
}

/// What may be asked about a complex's resident. The hold keeps who is there from being erased.
async fn person(
    scene: &Scene,
    persons: &Persons,
    complex: &str,
) -> Result<[(&'static str, String); 3]> {
    let resident = match complex {
        "moonlight" => "boris",
        "riverside" => "vera",
        _ => "anna",
    };
    let person = Some(PersonRef {
        subject_ref: scene.registered.subject(resident)?.to_owned(),
        ..PersonRef::default()
    });
    let complex_id = complex.to_owned();
    let export = ExportSubjectRequest {
        person: person.clone(),
        complex_id: complex_id.clone(),
    };
    let hold = HoldSubjectRequest {
        person: person.clone(),
        complex_id: complex_id.clone(),
        reason: "a court's order".to_owned(),
    };
    let erase = EraseSubjectRequest { person, complex_id };
    Ok([
        (
            "export person",
            result(persons.clone().export(export).await),
        ),
        ("hold person", result(persons.clone().hold(hold).await)),
        (
            "erase person held",
            result(persons.clone().erase(erase).await),
        ),
    ])
}

async fn plate(scene: &Scene, registry: &Registry, complex: &str) -> Result<String> {
    let (resident, device) = match complex {
        "sunrise" => ("anna", "sunrise.north-gate"),
        "moonlight" => ("boris", "moonlight.yard-barrier"),
        _ => ("vera", "riverside.pier-gate"),
    };
    let request = AddPlateCredentialRequest {
        complex_id: complex.to_owned(),
        credential_id: Uuid::new_v4().to_string(),
        plate: "В456МК 77".to_owned(),
        subject_ref: scene.registered.subject(resident)?.to_owned(),
        device_ids: vec![device.to_owned()],
        window: None,
    };
    Ok(result(registry.clone().add_plate_credential(request).await))
}

async fn face(scene: &Scene, registry: &Registry, complex: &str) -> Result<String> {
    let resident = match complex {
        "sunrise" => "anna",
        "moonlight" => "boris",
        _ => "vera",
    };
    let devices = [format!("{complex}.main-door")];
    let wish = faces::wish(scene, resident, complex, &devices)?;
    Ok(result(registry.clone().add_face_credential(wish).await))
}

async fn auditors(scene: &Scene, username: &str, table: &mut Table) -> Result<()> {
    let auditor = Auditor::connect(scene.site(), username).await?;
    for complex in COMPLEXES {
        let mut line = |what, result: &str| table.line(username, what, complex, result);
        let search = auditor.request(SearchAccessRequest {
            complex_id: complex.to_owned(),
            ..SearchAccessRequest::default()
        })?;
        line(
            "search access",
            &result(auditor.audit.clone().search_access(search).await),
        );
        let search = auditor.request(SearchAlarmsRequest {
            complex_id: complex.to_owned(),
            ..SearchAlarmsRequest::default()
        })?;
        line(
            "search alarms",
            &result(auditor.audit.clone().search_alarms(search).await),
        );
        let checkpoint = GetCheckpointRequest {
            complex_id: complex.to_owned(),
            log: 2,
        };
        // A tree appears with the first record under it.
        let checkpoint = wait_for(PATIENCE, "the first checkpoint", || async {
            let request = auditor.request(checkpoint.clone()).ok()?;
            let answer = result(auditor.audit.clone().get_checkpoint(request).await);
            (!answer.contains("CHECKPOINT")).then_some(answer)
        })
        .await?;
        line("read checkpoint", &checkpoint);
    }
    Ok(())
}

async fn partner(scene: &Scene, table: &mut Table) -> Result<()> {
    let sender = Sender::new(scene.site(), &scene.site().certificates.partner)?;
    let event = |device: &str, sequence| {
        let mut event = granted(sequence);
        event["subject"] = json!(device);
        event["data"]["device"] = json!(device);
        event["data"]["complex"] = json!(device.split('.').next());
        event
    };
    // The gateway reads the registry on its own: it knows of the closing when it refuses.
    wait_for(PATIENCE, "the gateway to know the perimeter", || async {
        let verdict = sender
            .verdict(&event("riverside.boathouse", 1))
            .await
            .ok()?;
        (verdict["verdict"] == "rejected").then_some(())
    })
    .await?;
    for (sequence, device) in (2..).zip([
        "sunrise.main-door",
        "moonlight.main-door",
        "riverside.boathouse",
        "no-such-complex.door",
    ]) {
        let verdict = sender.verdict(&event(device, sequence)).await?;
        let text = |name: &str| verdict[name].as_str().map(str::to_owned);
        let said = text("verdict").context("a verdict")?;
        let reason = text("reason").unwrap_or_default();
        let said = format!("{said} {reason}");
        table.line("partner", "report event", device, said.trim_end());
    }
    Ok(())
}
