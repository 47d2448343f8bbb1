//! `data` of the access events: `AccessData` and `DoorAlarmData` of the contract.

use domain::vocabulary::{Method, Observation};
use domain::{CommandId, CredentialId};

use super::fault::Fault;
use super::object::Object;

const ACCESS_FIELDS: &[&str] = &[
    "complex",
    "device",
    "method",
    "credential_id",
    "command_id",
    "occurred_at",
    "epoch",
    "sequence",
];

const ALARM_FIELDS: &[&str] = &["complex", "device", "occurred_at", "epoch", "sequence"];

const METHODS: &[(&str, Option<Method>)] = &[
    ("plate", Some(Method::Plate)),
    ("face", Some(Method::Face)),
    ("schedule", Some(Method::Schedule)),
    ("remote", Some(Method::Remote)),
    ("intercom_call", Some(Method::IntercomCall)),
    ("fob", Some(Method::Fob)),
    ("pin", Some(Method::Pin)),
    ("exit_button", Some(Method::ExitButton)),
    ("key", Some(Method::Key)),
    ("staff", Some(Method::Staff)),
    ("unknown", None),
];

/// What an access event says beyond its device, time and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessReport {
    /// What the partner saw.
    pub observation: Observation,
    /// How; none for alarms, or where the partner doesn't know.
    pub method: Option<Method>,
    /// The credential that matched.
    pub credential: Option<CredentialId>,
    /// Our command, for a remote opening.
    pub command: Option<CommandId>,
}

impl AccessReport {
    pub(super) fn read(data: &Object<'_>, observation: Observation) -> Result<Self, Fault> {
        match observation {
            Observation::Granted | Observation::Denied => {
                data.only(ACCESS_FIELDS)?;
                let report = Self {
                    observation,
                    method: data.word("method", METHODS)?,
                    credential: data.optional_text("credential_id")?,
                    command: data.optional_text("command_id")?,
                };
                if report.command.is_some() && report.method != Some(Method::Remote) {
                    return Err(data.invalid("command_id"));
                }
                Ok(report)
            }
            Observation::ForcedOpen | Observation::HeldOpen => {
                data.only(ALARM_FIELDS)?;
                Ok(Self {
                    observation,
                    method: None,
                    credential: None,
                    command: None,
                })
            }
        }
    }
}
