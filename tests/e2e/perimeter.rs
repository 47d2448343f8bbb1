//! Who may do what inside and outside a perimeter, tried live: one table, reviewed like code
//! (`reviewed.txt`). `sunrise` is whole, in `moonlight` the partner may open doors and nothing else, in
//! `riverside` its perimeter is closed.

mod tried;

use std::fs;
use std::path::Path;

use anyhow::Result;
use harness::site::PARTNER;
use proto::events as pb;
use proto::events::change::Entity;

use crate::faces;
use crate::support::{Scene, registry};

const REVIEWED: &str = include_str!("perimeter/reviewed.txt");
const WHERE: &str = "tests/e2e/perimeter/reviewed.txt";

#[tokio::test]
async fn everybody_can_do_what_was_reviewed_and_nothing_else() -> Result<()> {
    let scene = Scene::start().await?;
    narrow(&scene).await?;
    let found = tried::everything(&scene).await?;
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join("perimeter.txt");
    fs::write(&written, &found)?;
    println!("{found}");
    assert!(
        found == REVIEWED,
        "other rights than reviewed; if they are meant, review them and copy {} to {WHERE}",
        written.display()
    );
    scene.finish().await
}

/// Leaves the partner less in two of the complexes; faces have a legal basis in the third only.
async fn narrow(scene: &Scene) -> Result<()> {
    faces::record_basis(scene, "sunrise", true).await?;
    for (complex, closed) in [("moonlight", false), ("riverside", true)] {
        let (version, perimeter) = registry::find(scene, complex, |entity| match entity {
            Entity::Perimeter(perimeter) if perimeter.partner_id == PARTNER => Some(perimeter),
            _ => None,
        })
        .await?;
        let narrower = pb::Perimeter {
            operations: vec![pb::Operation::OpenDoor.into()],
            credentials: false,
            closed,
            ..perimeter
        };
        registry::put(scene, complex, version, Entity::Perimeter(narrower)).await?;
    }
    Ok(())
}
