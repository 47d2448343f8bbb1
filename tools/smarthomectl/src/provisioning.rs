//! `smarthomectl provisioning`: what partners hold, and what they should hold and don't.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};
use proto::access::{CredentialProvisioning, PartnerProvisioning, ProvisioningState};

use crate::cli::ProvisioningArgs;
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;

/// Runs it.
///
/// # Errors
/// A refusal or a failure, and anything that is not in force.
pub(crate) async fn run(config: &Config, args: &ProvisioningArgs) -> Result<(), Failure> {
    let complex = &args.complex;
    let mut client = Client::connect(config).await?;
    let partners = client.provisioning(complex).await;
    let partners = partners.with_context(|| format!("can't tell what stands in {complex}"))?;
    for partner in &partners {
        print!("{}", shown(partner, args.all));
    }
    match open(&partners) {
        0 => {
            println!("All that partners should hold in {complex} is in force, and nothing else.");
            Ok(())
        }
        open => Err(anyhow!("{complex}: {open} not as it should be").into()),
    }
}

/// How many credentials are not as they should be, and partners that are not worked on.
fn open(partners: &[PartnerProvisioning]) -> usize {
    let credentials = partners.iter().flat_map(|partner| &partner.credentials);
    let open = credentials.filter(|one| one.state() != ProvisioningState::InForce);
    open.count() + partners.iter().filter(|it| !it.reason.is_empty()).count()
}

/// A heading for the partner, a line for each credential, and what to do below it.
fn shown(partner: &PartnerProvisioning, all: bool) -> String {
    let mut text = String::new();
    let versions: Vec<_> = partner.key_versions.iter().map(u32::to_string).collect();
    let keys = if versions.is_empty() {
        "no token key".to_owned()
    } else {
        format!("token key {}", versions.join(" and "))
    };
    let compared = match (partner.worked_on_here, &partner.reconciled_at) {
        (true, Some(at)) => format!("compared {}", time(at)),
        (true, None) => "not compared yet".to_owned(),
        (false, _) => "worked on by another instance".to_owned(),
    };
    // Writing to a string can't fail.
    let _ = writeln!(text, "{}: {keys}, {compared}", partner.partner_id);
    why(
        &mut text,
        &partner.reason,
        &partner.to_do,
        partner.next_attempt.as_ref(),
    );
    for one in &partner.credentials {
        if all || one.state() != ProvisioningState::InForce {
            credential(&mut text, one);
        }
    }
    let in_force = partner.credentials.iter();
    let in_force = in_force.filter(|one| one.state() == ProvisioningState::InForce);
    let _ = writeln!(text, "  {} in force", in_force.count());
    text
}

fn credential(text: &mut String, one: &CredentialProvisioning) {
    let since = one.since.as_ref().map(|at| format!("since {}", time(at)));
    let (id, state) = (&one.credential_id, word(one.state()));
    let _ = writeln!(text, "  {id}  {state:13}  {}", since.unwrap_or_default());
    why(text, &one.reason, &one.to_do, one.next_attempt.as_ref());
}

fn why(text: &mut String, reason: &str, to_do: &str, next: Option<&prost_types::Timestamp>) {
    if reason.is_empty() {
        return;
    }
    let next = next.map(|at| format!("; next try {}", time(at)));
    let _ = writeln!(text, "    {reason}: {to_do}{}", next.unwrap_or_default());
}

fn time(at: &prost_types::Timestamp) -> String {
    match records::timestamp_from_wire("time", at) {
        Ok(at) => at.to_string(),
        Err(_) => "at an unknown time".to_owned(),
    }
}

fn word(state: ProvisioningState) -> &'static str {
    match state {
        ProvisioningState::InForce => "in force",
        ProvisioningState::Pending => "PENDING",
        ProvisioningState::BeingRemoved => "BEING REMOVED",
        // A state that this version doesn't know is not in force.
        ProvisioningState::NotHeld | ProvisioningState::Unspecified => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(state: ProvisioningState, reason: &str) -> PartnerProvisioning {
        PartnerProvisioning {
            partner_id: "gatekeeper".to_owned(),
            key_versions: vec![1, 2],
            worked_on_here: false,
            credentials: vec![CredentialProvisioning {
                credential_id: "0198c5f0-7000-7000-8000-000000000001".to_owned(),
                state: state.into(),
                reason: reason.to_owned(),
                to_do: "mend it".to_owned(),
                ..CredentialProvisioning::default()
            }],
            ..PartnerProvisioning::default()
        }
    }

    #[test]
    fn only_what_is_in_force_is_good() {
        use ProvisioningState::{BeingRemoved, InForce, NotHeld, Pending, Unspecified};
        assert_eq!(open(&[partner(InForce, "")]), 0);
        for bad in [BeingRemoved, Pending, NotHeld, Unspecified] {
            assert_eq!(
                open(&[partner(InForce, ""), partner(bad, "")]),
                1,
                "{bad:?}"
            );
        }
        let mut failing = partner(InForce, "");
        failing.reason = "PARTNER_UNAVAILABLE".to_owned();
        assert_eq!(open(&[failing]), 1);
    }

    #[test]
    fn what_to_do_stands_below_what_is_pending() {
        let text = shown(
            &partner(ProvisioningState::Pending, "ATTESTATION_EXPIRED"),
            false,
        );
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "gatekeeper: token key 1 and 2, worked on by another instance",
                "0198c5f0-7000-7000-8000-000000000001  PENDING",
                "ATTESTATION_EXPIRED: mend it",
                "0 in force",
            ]
        );
        assert_eq!(
            shown(&partner(ProvisioningState::InForce, ""), false)
                .lines()
                .count(),
            2
        );
    }
}
