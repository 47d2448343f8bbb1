//! Changes of the registry while a site runs, as an operator would make them.

use anyhow::{Context as _, Result};
use harness::clients::Operator;
use privacy::PassSecret;
use proto::access::{ApplyRequest, GetComplexRequest};
use proto::events as pb;
use proto::events::change::Entity;
use uuid::Uuid;

use super::Scene;

/// The first entity of a complex that `wanted` picks, with its version.
pub(crate) async fn find<T>(
    scene: &Scene,
    complex: &str,
    wanted: impl Fn(Entity) -> Option<T>,
) -> Result<(u64, T)> {
    let mut operator = Operator::connect(scene.site()).await?;
    let request = GetComplexRequest {
        complex_id: complex.to_owned(),
        ..GetComplexRequest::default()
    };
    let entities = operator.registry.get_complex(request).await?.into_inner();
    let mut entities = entities.entities.into_iter();
    let found = entities.find_map(|entity| {
        let state = wanted(entity.entity?.entity?)?;
        Some((entity.version, state))
    });
    found.context("no such entity")
}

/// A device as it is registered.
pub(crate) async fn device(scene: &Scene, id: &str) -> Result<(u64, pb::Device)> {
    let (complex, _) = id.split_once('.').context("a device id")?;
    find(scene, complex, |entity| match entity {
        Entity::Device(device) if device.device_id == id => Some(device),
        _ => None,
    })
    .await
}

/// The grant of a resident of the fixtures.
pub(crate) async fn grant_of(
    scene: &Scene,
    complex: &str,
    username: &str,
) -> Result<(u64, pb::Grant)> {
    let subject = scene.registered.subject(username)?;
    find(scene, complex, |entity| match entity {
        Entity::Grant(grant) if grant.subject_ref == subject => Some(grant),
        _ => None,
    })
    .await
}

/// Puts an entity into a new state.
pub(crate) async fn put(
    scene: &Scene,
    complex: &str,
    expected_version: u64,
    entity: Entity,
) -> Result<()> {
    let mut operator = Operator::connect(scene.site()).await?;
    let request = ApplyRequest {
        complex_id: complex.to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "a change while the site runs".to_owned(),
        changes: vec![pb::Change {
            expected_version,
            entity: Some(entity),
        }],
    };
    operator.registry.apply(request).await?;
    Ok(())
}

/// Registers new entities, all of them or none.
pub(crate) async fn put_all(scene: &Scene, complex: &str, entities: Vec<Entity>) -> Result<()> {
    let mut operator = Operator::connect(scene.site()).await?;
    let changes = entities.into_iter().map(|entity| pb::Change {
        expected_version: 0,
        entity: Some(entity),
    });
    let request = ApplyRequest {
        complex_id: complex.to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "new entities while the site runs".to_owned(),
        changes: changes.collect(),
    };
    operator.registry.apply(request).await?;
    Ok(())
}

/// A new pass of anna's for `sunrise.main-door`, with so many uses.
pub(crate) async fn pass(scene: &Scene, max_uses: u32) -> Result<PassSecret> {
    let secret = PassSecret::generate()?;
    let (_, grant) = grant_of(scene, "sunrise", "anna").await?;
    let pass = pb::GuestPass {
        pass_id: Uuid::new_v4().to_string(),
        secret_hash: secret.hash().to_vec(),
        grant_id: grant.grant_id,
        device_ids: vec!["sunrise.main-door".to_owned()],
        max_uses,
        ..pb::GuestPass::default()
    };
    put(scene, "sunrise", 0, Entity::GuestPass(pass)).await?;
    Ok(secret)
}
