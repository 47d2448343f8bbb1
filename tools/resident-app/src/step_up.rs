//! A door that asks for a fresher or stronger login than this one (RFC 9470).

use tonic::Status;
use tonic_types::StatusExt as _;
use weblogin::RequiredLogin;

/// The query of the page of doors that leads back to one of them.
pub(crate) const DOOR: &str = "door";

/// Where the login begins that a refusal asks for, and ends at the door that was pressed. None where it
/// asks for none that can be made out.
pub(crate) fn login(refusal: &Status, device: &str) -> Option<String> {
    let info = refusal.get_details_error_info()?;
    if info.reason != "STEP_UP_REQUIRED" {
        return None;
    }
    let required = RequiredLogin {
        max_age: Some(info.metadata.get("max_age")?.parse().ok()?),
        acr: info.metadata.get("acr").cloned(),
    };
    // The service knows the door, so its id is of letters that a query may have.
    Some(required.address(&format!("/?{DOOR}={device}")))
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(reason: &str, members: &[(&str, &str)]) -> Option<String> {
        let members = members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let members: std::collections::HashMap<_, _> = members.collect();
        let details = ErrorDetails::with_error_info(reason, "smarthome.access", members);
        let refusal = Status::with_error_details(Code::PermissionDenied, "", details);
        login(&refusal, "sunrise.gate")
    }

    #[test]
    fn a_refusal_that_asks_for_a_login_leads_to_it_and_back_to_the_door() {
        let asked = [("max_age", "300"), ("acr", "gold")];
        let there = "/login?to=%2F%3Fdoor%3Dsunrise.gate&max_age=300";
        let strict = format!("{there}&acr=gold");
        assert_eq!(refused("STEP_UP_REQUIRED", &asked), Some(strict));
        let fresh = refused("STEP_UP_REQUIRED", &asked[..1]);
        assert_eq!(fresh.as_deref(), Some(there));
        assert_eq!(refused("NO_GRANT", &asked), None);
        assert_eq!(refused("STEP_UP_REQUIRED", &[]), None);
        let unclear = refused("STEP_UP_REQUIRED", &[("max_age", "soon")]);
        assert_eq!(unclear, None);
    }
}
