//! A site whose owners log in at Keycloak.

use anyhow::{Context as _, Result};
use harness::clients::{Operator, open_request};
use harness::engines::apps::RESIDENT;
use harness::engines::keycloak::Realm;
use harness::fixtures::apply;
use harness::process::wait_until;
use harness::site::Part;
use jiff::Timestamp;
use proto::access::{EnsureSubjectRequest, Outcome};
use proto::events as pb;
use proto::events::change::Entity;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::TTL;
use super::app::Client;
use super::server::{Server as _, trust};
use crate::support::status::{Told, told};
use crate::support::tokens::Parts;
use crate::support::{Ground, PATIENCE, Scene, registry};

const DOOR: &str = "sunrise.main-door";
const SCOPE: &str = "openid access";
/// How fresh a login the door is made to ask for, in seconds: time enough for what comes after one.
const FRESH: u32 = 15;

#[tokio::test]
async fn a_door_opens_with_a_login_at_keycloak_and_asks_for_a_fresh_one() -> Result<()> {
    let Some(realm) = Realm::start(TTL).await? else {
        return Ok(());
    };
    let mut client = Client::new(&realm, RESIDENT).await?;
    let tokens = client.log_in(SCOPE).await?;
    let ground = Ground::prepare().await?;
    let issuer = toml::Value::try_from(trust(&realm))?;
    ground.configure(Part::CommandSvc, |config| {
        config.insert("issuer".to_owned(), issuer);
    })?;
    let scene = ground.build().await?;
    let refused = open(&scene, &scene.token("anna").await?).await;
    assert_eq!(told(refused).reason, "TOKEN_UNKNOWN_KEY", "another issuer");
    let refused = open(&scene, &tokens.access_token).await;
    assert_eq!(told(refused).reason, "NO_GRANT", "a stranger");
    move_in(&scene, &realm).await?;

    assert_eq!(open(&scene, &tokens.access_token).await?, Outcome::Executed);
    let narrow = client.log_in("openid").await?;
    let refused = told(open(&scene, &narrow.access_token).await);
    let missing = Told::new(Code::Unauthenticated, "TOKEN_MISSING_SCOPE", &[]);
    assert_eq!(refused, missing);

    ask_for_fresh_logins(&scene).await?;
    let claims = Parts::of(&tokens.access_token)?.claims;
    let logged_in = claims["auth_time"].as_i64().context("auth_time")?;
    // Keycloak counts in whole seconds, and lets the last one pass.
    let old = Timestamp::from_second(logged_in + i64::from(FRESH) + 1)?;
    wait_until(PATIENCE, "the login to be old", || async {
        Timestamp::now() >= old
    })
    .await?;
    let refresh_token = tokens.refresh_token.context("a refresh token")?;
    let refreshed = client.refresh(&refresh_token).await?;
    let refreshed = refreshed.map_err(anyhow::Error::msg)?;
    // By the cookie of the login before: Keycloak says that it is a weak one (`acr` 0).
    let silent = client.authorize(SCOPE, &[]).await?;
    assert!(!silent.asked);
    let silent = client.finish(silent).await?;
    let mut max_age = String::new();
    for token in [&refreshed.access_token, &silent.access_token] {
        let refused = open(&scene, token).await.err().context("it opened")?;
        assert_eq!(Told::from(&refused).reason, "STEP_UP_REQUIRED");
        let info = refused.get_details_error_info().context("ErrorInfo")?;
        assert_eq!(info.metadata["acr"], "1");
        max_age.clone_from(&info.metadata["max_age"]);
    }
    assert_eq!(scene.openings()?.len(), 1);

    // The app passes on what it was told.
    let fresh = client
        .authorize(SCOPE, &[("max_age", Some(&max_age))])
        .await?;
    assert!(fresh.asked);
    let fresh = client.finish(fresh).await?;
    assert_eq!(open(&scene, &fresh.access_token).await?, Outcome::Executed);
    assert_eq!(scene.openings()?.len(), 2);
    scene.finish().await
}

async fn open(scene: &Scene, token: &str) -> Result<Outcome, Status> {
    let request = open_request(DOOR).map_err(|error| Status::internal(error.to_string()))?;
    Ok(scene.bff.open(token, request).await?.outcome())
}

/// Registers Keycloak's user as an owner.
async fn move_in(scene: &Scene, realm: &Realm) -> Result<()> {
    let mut operator = Operator::connect(scene.site()).await?;
    let request = EnsureSubjectRequest {
        issuer: realm.issuer().to_owned(),
        user_id: realm.subject().to_owned(),
    };
    let subject = operator.registry.ensure_subject(request).await?;
    let subject_ref = subject.into_inner().subject_ref;
    let resident = Entity::Resident(pb::Resident {
        subject_ref: subject_ref.clone(),
        active: true,
    });
    let grant = Entity::Grant(pb::Grant {
        grant_id: Uuid::new_v4().to_string(),
        subject_ref,
        role: pb::GrantRole::Owner.into(),
        ..pb::Grant::default()
    });
    apply(&mut operator, "sunrise", vec![resident, grant]).await
}

async fn ask_for_fresh_logins(scene: &Scene) -> Result<()> {
    let (version, door) = registry::device(scene, DOOR).await?;
    let strict = pb::Device {
        step_up: Some(pb::StepUp {
            max_age_seconds: FRESH,
            acr: "1".to_owned(),
        }),
        ..door
    };
    registry::put(scene, "sunrise", version, Entity::Device(strict)).await
}
