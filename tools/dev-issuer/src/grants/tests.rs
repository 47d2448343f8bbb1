#![allow(clippy::unwrap_used)]

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "https://app.example/callback";
const REFRESH_TTL: Duration = Duration::from_secs(3600);
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn login() -> Login {
    Login {
        client_id: "app".to_owned(),
        username: "anna".to_owned(),
        scope: Scope::parse("access openid").unwrap(),
        auth_time: NOW,
        nonce: None,
    }
}

fn binding() -> Binding {
    Binding {
        redirect_uri: REDIRECT.to_owned(),
        challenge: secret::digest(VERIFIER),
    }
}

fn with_code() -> (Grants, String) {
    let mut grants = Grants::new(REFRESH_TTL);
    let code = grants.issue_code(login(), binding(), NOW).unwrap();
    (grants, code)
}

fn presented(code: &str) -> Presented<'_> {
    Presented {
        code,
        client_id: "app",
        redirect_uri: REDIRECT,
        verifier: VERIFIER,
    }
}

fn is_invalid_grant(result: Result<Granted, Refusal>) -> bool {
    result.unwrap_err().code == Oauth::InvalidGrant
}

#[test]
fn a_code_is_exchanged_once_and_a_second_time_ends_what_the_first_began() {
    let (mut grants, code) = with_code();
    let granted = grants.redeem(&presented(&code), NOW).unwrap();
    assert_eq!(*granted.login, login());

    // Long after the code itself has expired.
    let later = NOW + Duration::from_secs(600);
    assert!(is_invalid_grant(grants.redeem(&presented(&code), later)));
    let refreshed = grants.refresh(&granted.refresh_token, "app", None, later);
    assert!(is_invalid_grant(refreshed));
}

#[test]
fn a_code_expires() {
    let (mut grants, code) = with_code();
    let late = NOW + CODE_TTL;
    assert!(is_invalid_grant(grants.redeem(&presented(&code), late)));
}

#[test]
fn a_code_presented_wrongly_is_spent() {
    let wrong = [
        Presented {
            client_id: "other",
            ..presented("")
        },
        Presented {
            redirect_uri: "https://app.example/callback/",
            ..presented("")
        },
        Presented {
            verifier: "another",
            ..presented("")
        },
    ];
    for wrong in wrong {
        let (mut grants, code) = with_code();
        let wrong = Presented {
            code: &code,
            ..wrong
        };
        assert!(is_invalid_grant(grants.redeem(&wrong, NOW)), "{wrong:?}");
        assert!(is_invalid_grant(grants.redeem(&presented(&code), NOW)));
    }
}

#[test]
fn an_old_refresh_token_ends_the_family() {
    let (mut grants, code) = with_code();
    let first = grants.redeem(&presented(&code), NOW).unwrap();
    let second = grants
        .refresh(&first.refresh_token, "app", None, NOW)
        .unwrap();
    assert_eq!(second.session, first.session);

    assert!(is_invalid_grant(grants.refresh(
        &first.refresh_token,
        "app",
        None,
        NOW
    )));
    assert!(is_invalid_grant(grants.refresh(
        &second.refresh_token,
        "app",
        None,
        NOW
    )));
}

#[test]
fn a_family_ends_with_its_time_however_often_it_was_refreshed() {
    let (mut grants, code) = with_code();
    let first = grants.redeem(&presented(&code), NOW).unwrap();
    let before = NOW + REFRESH_TTL - Duration::from_secs(1);
    let second = grants
        .refresh(&first.refresh_token, "app", None, before)
        .unwrap();
    let end = NOW + REFRESH_TTL;
    assert!(is_invalid_grant(grants.refresh(
        &second.refresh_token,
        "app",
        None,
        end
    )));
}

#[test]
fn refusals_that_are_no_reuse_leave_the_token_usable() {
    let (mut grants, code) = with_code();
    let token = grants.redeem(&presented(&code), NOW).unwrap().refresh_token;
    assert!(is_invalid_grant(grants.refresh(&token, "other", None, NOW)));
    let wider = Scope::parse("access admin").unwrap();
    let refused = grants.refresh(&token, "app", Some(&wider), NOW);
    assert_eq!(refused.unwrap_err().code, Oauth::InvalidScope);
    grants.refresh(&token, "app", None, NOW).unwrap();
}

#[test]
fn a_login_that_was_ended_is_not_refreshed() {
    let (mut grants, code) = with_code();
    let granted = grants.redeem(&presented(&code), NOW).unwrap();
    grants.end(granted.session);
    assert!(is_invalid_grant(grants.refresh(
        &granted.refresh_token,
        "app",
        None,
        NOW
    )));
}

#[test]
fn what_is_held_is_bounded_and_expired_codes_make_room() {
    let mut grants = Grants::new(REFRESH_TTL);
    for _ in 0..MOST_CODES {
        grants.issue_code(login(), binding(), NOW).unwrap();
    }
    let refused = grants.issue_code(login(), binding(), NOW).unwrap_err();
    assert_eq!(refused.code, Oauth::TemporarilyUnavailable);
    grants
        .issue_code(login(), binding(), NOW + CODE_TTL)
        .unwrap();
}
