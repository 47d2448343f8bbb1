//! Passes that owners make for their guests.

use std::time::Instant;

use anyhow::{Context as _, Result};
use domain::event::{Body, Event};
use domain::vocabulary::ActorKind;
use eventlog::Topic;
use harness::clients::{Bff, channel, open_request, with_token};
use harness::process::wait_until;
use harness::site::Part;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use privacy::PassSecret;
use proto::access::guest_service_client::GuestServiceClient;
use proto::access::{
    CreateGuestPassRequest, GetPassRequest, GuestPass, ListGuestPassesRequest, Outcome,
    RevokeGuestPassRequest,
};
use proto::events as pb;
use proto::events::change::Entity;
use tonic::transport::Channel;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::status::{Told, told};
use crate::support::{Ground, PATIENCE, Scene, registry};

const DOOR: &str = "sunrise.main-door";

/// The BFF's stub of `GuestService`.
struct Guests(GuestServiceClient<Channel>);

impl Guests {
    async fn connect(scene: &Scene) -> Result<Self> {
        let (port, bff) = (&scene.site().ports.access, &scene.site().certificates.bff);
        let channel = channel(scene.site(), port, Some(bff)).await?;
        Ok(Self(GuestServiceClient::new(channel)))
    }

    async fn create(
        &self,
        token: &str,
        request: CreateGuestPassRequest,
    ) -> Result<GuestPass, Status> {
        let request = with_token(request, token)?;
        let made = self.0.clone().create_guest_pass(request).await?;
        made.into_inner().pass.ok_or(Status::internal("no pass"))
    }

    async fn list(&self, token: &str) -> Result<Vec<GuestPass>, Status> {
        let request = with_token(ListGuestPassesRequest {}, token)?;
        let listed = self.0.clone().list_guest_passes(request).await?;
        Ok(listed.into_inner().passes)
    }

    async fn revoke(&self, token: &str, pass_id: &str) -> Result<GuestPass, Status> {
        let pass_id = pass_id.to_owned();
        let request = with_token(RevokeGuestPassRequest { pass_id }, token)?;
        let revoked = self.0.clone().revoke_guest_pass(request).await?;
        revoked.into_inner().pass.ok_or(Status::internal("no pass"))
    }
}

fn wish(secret: &PassSecret, device: &str) -> CreateGuestPassRequest {
    CreateGuestPassRequest {
        idempotency_key: Uuid::now_v7().to_string(),
        secret_hash: secret.hash().to_vec(),
        device_ids: vec![device.to_owned()],
        window: None,
        max_uses: 0,
        plate: String::new(),
    }
}

#[tokio::test]
async fn a_pass_is_made_used_and_revoked_everywhere() -> Result<()> {
    let mut scene = Scene::start().await?;
    scene.site_mut().start_part(Part::CommandSvcTwin).await?;
    let twin = Bff::connect_twin(scene.site()).await?;
    let (guests, anna) = (Guests::connect(&scene).await?, scene.token("anna").await?);
    let secret = PassSecret::generate()?;
    let wish = wish(&secret, DOOR);
    let pass = guests.create(&anna, wish.clone()).await?;
    assert!(pass.active && pass.uses_left.is_none());
    assert_eq!(guests.create(&anna, wish.clone()).await?, pass, "once");
    let other = CreateGuestPassRequest {
        secret_hash: PassSecret::generate()?.hash().to_vec(),
        ..wish
    };
    let reused = Told::new(Code::AlreadyExists, "KEY_REUSED", &[]);
    assert_eq!(told(guests.create(&anna, other).await), reused);
    assert!(guests.list(&anna).await?.contains(&pass));
    let made = scene.log.events(Topic::RegistryEvents).await?;
    let is_change = |event: &Event| {
        event.complex.as_str() == "sunrise" && matches!(event.body, Body::RegistryChanged(_))
    };
    let made = made.iter().rev().find(|(_, event)| is_change(event));
    let (_, made) = made.context("a change")?;
    assert_eq!(made.actor.kind, ActorKind::Owner);
    let subject = made.actor.subject.context("the owner")?.to_string();
    assert_eq!(subject, scene.registered.subject("anna")?);

    let request = GetPassRequest {
        pass_secret: secret.expose().to_owned(),
        complex_id: "sunrise".to_owned(),
    };
    let page = guests.0.clone().get_pass(request.clone()).await?;
    let page = page.into_inner();
    assert_eq!(page.devices[0].name, "Подъезд 1");
    assert_eq!(
        (page.time_zone.as_str(), page.active),
        ("Europe/Moscow", true)
    );
    let elsewhere = GetPassRequest {
        complex_id: "moonlight".to_owned(),
        ..request.clone()
    };
    let unknown = Told::new(Code::Unauthenticated, "PASS_UNKNOWN", &[]);
    assert_eq!(told(guests.0.clone().get_pass(elsewhere).await), unknown);

    for bff in [&scene.bff, &twin] {
        let answer = bff.open_with_pass(&secret, open_request(DOOR)?).await?;
        assert_eq!(answer.outcome(), Outcome::Executed);
    }
    let asked = Instant::now();
    let revoked = guests.revoke(&anna, &pass.pass_id).await?;
    assert!(!revoked.active);
    let revoking = asked.elapsed();
    // Pressed at the instance that was not told.
    wait_until(PATIENCE, "the denial", || async {
        let request = open_request(DOOR).unwrap();
        told(twin.open_with_pass(&secret, request).await).reason == "GRANT_REVOKED"
    })
    .await?;
    println!(
        "revoked in {revoking:?}, denied at the other instance {:?} after it was asked for",
        asked.elapsed()
    );
    let refused = scene.bff.open_with_pass(&secret, open_request(DOOR)?).await;
    assert_eq!(told(refused).reason, "GRANT_REVOKED");
    assert_eq!(guests.revoke(&anna, &pass.pass_id).await?, revoked, "once");
    assert!(!guests.list(&anna).await?.contains(&pass));
    assert!(
        !guests
            .0
            .clone()
            .get_pass(request)
            .await?
            .into_inner()
            .active
    );
    scene.finish().await
}

const GATE: &str = "sunrise.north-gate";
const GUESTS_PLATE: &str = "К456МН 199";

#[tokio::test]
async fn a_guests_car_opens_while_its_pass_holds_and_not_after() -> Result<()> {
    let scene = Scene::start().await?;
    let (guests, anna) = (Guests::connect(&scene).await?, scene.token("anna").await?);
    // The days of now and of the next midnight, wherever it is; two days on it is neither.
    let now = TimeZone::get("Europe/Moscow")?.to_datetime(Timestamp::now());
    let days = [now.weekday(), now.weekday().next()];
    let days = days.map(|day| day.to_monday_one_offset() as u32);
    let with_plate = CreateGuestPassRequest {
        window: Some(pb::Window {
            weekdays: days.to_vec(),
            ..pb::Window::default()
        }),
        plate: GUESTS_PLATE.to_owned(),
        ..wish(&PassSecret::generate()?, GATE)
    };
    let drive_up = async || {
        let seen = scene.partner.plate(GATE, GUESTS_PLATE).await;
        seen.map(|seen| seen["opened"] == true)
    };
    for (wrong, field) in [
        (
            CreateGuestPassRequest {
                max_uses: 2,
                ..with_plate.clone()
            },
            "plate",
        ),
        (
            CreateGuestPassRequest {
                plate: "CANARY".to_owned(),
                ..with_plate.clone()
            },
            "plate",
        ),
    ] {
        let refused = told(guests.create(&anna, wrong).await);
        assert_eq!(
            refused,
            Told::new(Code::InvalidArgument, "INVALID_FIELD", &[field])
        );
    }
    let elsewhere = CreateGuestPassRequest {
        device_ids: vec!["moonlight.yard-barrier".to_owned()],
        ..with_plate.clone()
    };
    let refused = told(guests.create(&anna, elsewhere).await);
    assert_eq!(
        refused.reason, "NO_GRANT",
        "before anything is asked of a partner"
    );
    assert!(!drive_up().await?);

    let pass = guests.create(&anna, with_plate.clone()).await?;
    assert!(drive_up().await?);
    assert_eq!(
        guests.create(&anna, with_plate.clone()).await?,
        pass,
        "once"
    );
    for other in ["", "А001АА 77"] {
        let other = CreateGuestPassRequest {
            plate: other.to_owned(),
            ..with_plate.clone()
        };
        let reused = Told::new(Code::AlreadyExists, "KEY_REUSED", &[]);
        assert_eq!(told(guests.create(&anna, other).await), reused);
    }
    scene.delivered().await?;
    let events = scene.log.events(Topic::AccessEvents).await?;
    let seen = events.iter().any(|(_, event)| {
        matches!(event.body, Body::AccessObserved(_))
            && event.actor.kind == ActorKind::Guest
            && event
                .actor
                .subject
                .is_some_and(|pass_ref| pass_ref.to_string() == pass.pass_id)
    });
    assert!(seen, "it is the guest's opening");

    scene.partner.shift_clock(2 * 24 * 3600).await?;
    assert!(!drive_up().await?, "another day of the week");
    scene.partner.shift_clock(0).await?;
    assert!(drive_up().await?);

    guests.revoke(&anna, &pass.pass_id).await?;
    wait_until(PATIENCE, "the partner to hold it no more", || async {
        drive_up().await.is_ok_and(|opened| !opened)
    })
    .await?;
    wait_until(PATIENCE, "the sealed plate to be erased", || async {
        let records = scene.log.records(Topic::Subjects).await.unwrap_or_default();
        let mut own = records
            .iter()
            .filter(|record| record.key.starts_with(pass.pass_id.as_bytes()));
        own.next_back().is_some_and(|last| last.value.is_none())
    })
    .await?;
    // The same request again makes nothing that was revoked.
    assert!(!guests.create(&anna, with_plate).await?.active);
    assert!(!drive_up().await?);
    scene.finish().await
}

#[tokio::test]
async fn a_pass_never_reaches_outside_of_its_makers_grant() -> Result<()> {
    let scene = Scene::start().await?;
    let guests = Guests::connect(&scene).await?;
    let (anna, boris) = (scene.token("anna").await?, scene.token("boris").await?);
    let secret = PassSecret::generate()?;
    let no_grant = Told::new(Code::PermissionDenied, "NO_GRANT", &[]);
    let before = scene.traces().await?;
    for (token, device) in [
        (&anna, "moonlight.main-door"),
        (&anna, "sunrise.no-such-door"),
        (&scene.token("grigory").await?, DOOR),
    ] {
        let refused = guests.create(token, wish(&secret, device)).await;
        assert_eq!(told(refused), no_grant, "{device}");
    }
    assert_eq!(scene.traces().await?, before, "nothing is registered");
    let pass = guests.create(&anna, wish(&secret, DOOR)).await?;
    let refused = guests.create(&anna, wish(&secret, DOOR)).await;
    let taken = Told::new(Code::InvalidArgument, "INVALID_FIELD", &["secret_hash"]);
    assert_eq!(told(refused), taken);
    let not_found = Told::new(Code::NotFound, "NOT_FOUND", &[]);
    assert_eq!(told(guests.revoke(&boris, &pass.pass_id).await), not_found);
    assert!(guests.list(&boris).await?.is_empty());

    // The grant changes under the pass: fewer devices, and office hours.
    let (version, grant) = registry::grant_of(&scene, "sunrise", "anna").await?;
    let narrower = pb::Grant {
        device_ids: vec!["sunrise.intercom".to_owned()],
        window: Some(pb::Window {
            weekdays: vec![1, 2, 3, 4, 5],
            ..pb::Window::default()
        }),
        ..grant
    };
    registry::put(&scene, "sunrise", version, Entity::Grant(narrower)).await?;
    let refused = scene.bff.open_with_pass(&secret, open_request(DOOR)?).await;
    assert_eq!(told(refused), no_grant, "a pass made before");
    assert!(scene.openings()?.is_empty());
    let other = PassSecret::generate()?;
    let weekend = CreateGuestPassRequest {
        window: Some(pb::Window {
            weekdays: vec![5, 6],
            ..pb::Window::default()
        }),
        ..wish(&other, "sunrise.intercom")
    };
    let outside = Told::new(Code::InvalidArgument, "INVALID_FIELD", &["window"]);
    assert_eq!(told(guests.create(&anna, weekend.clone()).await), outside);
    let friday = CreateGuestPassRequest {
        window: Some(pb::Window {
            weekdays: vec![5],
            ..pb::Window::default()
        }),
        max_uses: 2,
        idempotency_key: Uuid::now_v7().to_string(),
        ..weekend
    };
    let pass = guests.create(&anna, friday).await?;
    assert_eq!((pass.max_uses, pass.uses_left), (2, Some(2)));
    scene.finish().await
}

#[tokio::test]
async fn an_owner_has_so_many_passes_and_no_more() -> Result<()> {
    let ground = Ground::prepare().await?;
    ground.configure(Part::CommandSvc, |config| {
        let limits = config
            .get_mut("limits")
            .and_then(|limits| limits.as_table_mut());
        limits
            .unwrap()
            .insert("guest_passes".to_owned(), toml::Value::Integer(4));
    })?;
    let scene = ground.build().await?;
    let (guests, anna) = (Guests::connect(&scene).await?, scene.token("anna").await?);
    // An operator has made her two.
    assert_eq!(guests.list(&anna).await?.len(), 2);
    let wishes = (0..8).map(|_| Ok(wish(&PassSecret::generate()?, DOOR)));
    let wishes = wishes.collect::<Result<Vec<_>>>()?;
    let wishes = wishes.into_iter().map(|wish| guests.create(&anna, wish));
    let made = futures::future::join_all(wishes).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 2);
    let too_many = Told::new(Code::FailedPrecondition, "TOO_MANY_PASSES", &[]);
    for refused in refused {
        assert_eq!(told(refused), too_many);
    }
    let pass = guests.list(&anna).await?.pop().context("a pass")?;
    guests.revoke(&anna, &pass.pass_id).await?;
    guests
        .create(&anna, wish(&PassSecret::generate()?, DOOR))
        .await?;
    assert_eq!(guests.list(&anna).await?.len(), 4);
    scene.finish().await
}
