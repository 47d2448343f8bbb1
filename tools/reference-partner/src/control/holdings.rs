//! What is held, and how the calls about it fail.

use aws_lc_rs::digest;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Control;
use crate::api::StrictJson;
use crate::api::failing::{Armed, CallFailure, FailingCall};
use crate::attestation::AttestationFault;
use crate::credentials::{Credential, Plate, Shown as _, all};
use crate::ids::{ComplexId, CredentialId, DeviceId};
use crate::problem::{Kind, Problem};
use crate::token_key;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultBody {
    fault: AttestationFault,
}

pub(super) async fn spoil_attestation(
    State(control): State<Control>,
    StrictJson(body): StrictJson<FaultBody>,
) -> StatusCode {
    control.attestor.set_fault(Some(body.fault));
    StatusCode::NO_CONTENT
}

pub(super) async fn mend_attestation(State(control): State<Control>) -> StatusCode {
    control.attestor.set_fault(None);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailingBody {
    call: FailingCall,
    mode: CallFailure,
    #[serde(default)]
    after: u32,
    times: Option<u32>,
}

pub(super) async fn fail_call(
    State(control): State<Control>,
    StrictJson(body): StrictJson<FailingBody>,
) -> Result<StatusCode, Problem> {
    if body.times == Some(0) {
        return Err(Problem::field("/times", "from 1 on"));
    }
    let FailingBody {
        call,
        mode,
        after,
        times,
    } = body;
    control.failing.set(call, Armed { mode, after, times });
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn mend_calls(State(control): State<Control>) -> StatusCode {
    control.failing.clear();
    StatusCode::NO_CONTENT
}

/// A credential without its tokens; what they are can only be compared.
#[derive(Serialize)]
pub(super) struct Holding {
    complex: ComplexId,
    credential: CredentialId,
    key_versions: Vec<u32>,
    devices: Vec<DeviceId>,
    fingerprints: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Holdings {
    credentials: Vec<Holding>,
}

pub(super) async fn list(State(control): State<Control>) -> Result<Json<Holdings>, Problem> {
    let complexes: Vec<ComplexId> = control.desk.fleet.complexes().to_vec();
    let listed = control.desk.store.run(move |tx| {
        let mut credentials = Vec::new();
        for complex in complexes {
            for stored in all(tx, &complex)? {
                let tokens = &stored.credential.tokens;
                credentials.push(Holding {
                    complex: complex.clone(),
                    credential: stored.id,
                    key_versions: tokens.iter().map(|token| token.key_version).collect(),
                    fingerprints: tokens
                        .iter()
                        .map(|token| fingerprint(&String::from(token.token.clone())))
                        .collect(),
                    devices: stored.credential.devices,
                });
            }
        }
        Ok(credentials)
    });
    Ok(Json(Holdings {
        credentials: listed.await?,
    }))
}

fn fingerprint(token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    BASE64URL.encode(&hash.as_ref()[..8])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlantBody {
    complex: ComplexId,
    credential: CredentialId,
    devices: Vec<DeviceId>,
    plate: Zeroizing<String>,
}

/// Keeps a credential that nobody has put, under the newest key that is held.
pub(super) async fn plant(
    State(control): State<Control>,
    StrictJson(body): StrictJson<PlantBody>,
) -> Result<StatusCode, Problem> {
    let complex = body.complex.clone();
    let keys = control
        .desk
        .store
        .run(move |tx| token_key::held(tx, &complex));
    let keys = keys.await?;
    let key = keys
        .last()
        .ok_or_else(|| Problem::new(Kind::UnknownKeyVersion, "Put a token key first."))?;
    let token = Plate::normalise(&body.plate).token(key.bytes());
    let credential = Credential::of_plate(key.version, token, body.devices);
    let now = control.desk.clock.now();
    control
        .credentials
        .put(body.complex, body.credential, credential, now)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
