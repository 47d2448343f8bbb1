//! `smarthomectl partner verify`: whether a partner refuses what it must refuse.

use std::fmt::Write as _;

use anyhow::{Context as _, anyhow};
use proto::access::{PrivilegeCheck, PrivilegeVerdict};

use crate::cli::{PartnerArgs, PartnerCommand, VerifyArgs};
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;

/// Runs it.
///
/// # Errors
/// A refusal or a failure, and anything that the partner did not refuse.
pub(crate) async fn run(config: &Config, args: &PartnerArgs) -> Result<(), Failure> {
    match &args.command {
        PartnerCommand::Verify(args) => verify(config, args).await,
    }
}

async fn verify(config: &Config, args: &VerifyArgs) -> Result<(), Failure> {
    let VerifyArgs { complex, partner } = args;
    let mut client = Client::connect(config).await?;
    let checks = client.verify_partner(complex, partner).await;
    let checks = checks.with_context(|| format!("can't verify {partner} in {complex}"))?;
    print!("{}", table(&checks));
    match left(&checks) {
        None => {
            println!("{partner} refused all {} in {complex}.", checks.len());
            Ok(())
        }
        Some(left) => Err(anyhow!("{partner} in {complex}: {left}").into()),
    }
}

/// A line for each check, and what to do below those that were not refused.
fn table(checks: &[PrivilegeCheck]) -> String {
    let widest = checks.iter().map(|check| check.name.len()).max();
    let widest = widest.unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let (name, verdict) = (&check.name, word(check.verdict()));
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name:widest$}  {verdict:8}  {}", check.detail);
        if !check.to_do.is_empty() {
            let _ = writeln!(text, "{:widest$}            {}", "", check.to_do);
        }
    }
    text
}

fn word(verdict: PrivilegeVerdict) -> &'static str {
    match verdict {
        PrivilegeVerdict::Refused => "refused",
        PrivilegeVerdict::Accepted => "ACCEPTED",
        PrivilegeVerdict::NotYet => "not yet",
        // A verdict that this version doesn't know proves nothing.
        PrivilegeVerdict::Unclear | PrivilegeVerdict::Unspecified => "unclear",
    }
}

/// What keeps the checks from being done; nothing where all was refused.
fn left(checks: &[PrivilegeCheck]) -> Option<String> {
    let count = |word_of: &str| {
        let such = checks
            .iter()
            .filter(|check| word(check.verdict()) == word_of);
        such.count()
    };
    let (accepted, unclear, not_yet) = (count("ACCEPTED"), count("unclear"), count("not yet"));
    if accepted > 0 {
        return Some(format!(
            "{accepted} of {} not refused; suspend the partner in the registry until that is mended",
            checks.len()
        ));
    }
    if unclear > 0 || checks.is_empty() {
        return Some(format!(
            "{unclear} of {} not proven; ask again",
            checks.len()
        ));
    }
    (not_yet > 0).then(|| format!("{not_yet} of {} not asked yet", checks.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: PrivilegeVerdict) -> PrivilegeCheck {
        PrivilegeCheck {
            name: "open_without_token".to_owned(),
            verdict: verdict.into(),
            detail: "seen".to_owned(),
            to_do: "mend it".to_owned(),
            ..PrivilegeCheck::default()
        }
    }

    #[test]
    fn only_refusals_are_good() {
        use PrivilegeVerdict::{Accepted, NotYet, Refused, Unclear, Unspecified};
        assert_eq!(left(&[check(Refused), check(Refused)]), None);
        assert!(left(&[]).is_some());
        for bad in [Accepted, NotYet, Unclear, Unspecified] {
            assert!(left(&[check(Refused), check(bad)]).is_some(), "{bad:?}");
        }
        let told = left(&[check(NotYet), check(Unclear), check(Accepted)]);
        assert!(told.is_some_and(|told| told.starts_with("1 of 3 not refused")));
        let mut unknown = check(Refused);
        unknown.verdict = 77;
        assert!(left(&[unknown]).is_some());
    }

    #[test]
    fn what_to_do_stands_below_its_check() {
        let text = table(&[check(PrivilegeVerdict::Accepted)]);
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines, ["open_without_token  ACCEPTED  seen", "mend it"]);
    }
}
