//! Snapshots of the registry: a process goes on where it stopped, and takes none that was touched.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use harness::clients::{Operator, open_request};
use harness::site::Part;
use proto::access::{GetComplexRequest, GetComplexResponse, Outcome};
use toml::{Table, Value};

use crate::support::{Ground, Scene};

/// The processes that keep snapshots.
const KEEPERS: [Part; 2] = [Part::CommandSvc, Part::WebhookGw];

/// A scene whose processes keep snapshots.
async fn scene() -> Result<Scene> {
    let ground = Ground::prepare().await?;
    for part in KEEPERS {
        let dir = ground.site.dir.join(format!("snapshots-{}", part.name()));
        let key = ground
            .site
            .dir
            .join(format!("snapshots-{}.key", part.name()));
        std::fs::write(&key, [7; 48])?;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
        ground.configure(part, |config| {
            let paths = [("dir", dir), ("key", key)]
                .map(|(name, path)| (name.to_owned(), Value::String(path.display().to_string())));
            config.insert("snapshot".to_owned(), Value::Table(Table::from_iter(paths)));
        })?;
    }
    ground.build().await
}

/// Snapshots of a process, the newest last.
fn files(scene: &Scene, part: Part) -> Result<Vec<PathBuf>> {
    let dir = scene.site().dir.join(format!("snapshots-{}", part.name()));
    let mut files = Vec::new();
    for file in std::fs::read_dir(dir)? {
        files.push(file?.path());
    }
    files.sort();
    Ok(files)
}

/// Stops a process and starts it again; what it says of snapshots while it starts.
async fn restart(scene: &mut Scene, part: Part) -> Result<String> {
    let site = scene.site_mut();
    site.terminate(part).await?;
    site.start_part(part).await?;
    let log = std::fs::read_to_string(site.process(part)?.log())?;
    let said = log.lines().filter(|line| line.contains("snapshot"));
    Ok(said.collect::<Vec<_>>().join("\n"))
}

async fn known(scene: &Scene) -> Result<GetComplexResponse> {
    let mut operator = Operator::connect(scene.site()).await?;
    let request = GetComplexRequest {
        complex_id: "sunrise".to_owned(),
        ..GetComplexRequest::default()
    };
    Ok(operator.registry.get_complex(request).await?.into_inner())
}

/// Whether an owner can open, as the registry says.
async fn opens(scene: &Scene) -> Result<()> {
    let token = scene.token("anna").await?;
    let answer = scene.bff.open(&token, open_request("sunrise.main-door")?);
    assert_eq!(answer.await?.outcome(), Outcome::Executed);
    Ok(())
}

#[tokio::test]
async fn a_process_goes_on_from_its_snapshot_and_takes_none_that_was_rewritten() -> Result<()> {
    let mut scene = scene().await?;
    let before = known(&scene).await?;
    for part in KEEPERS {
        let said = restart(&mut scene, part).await?;
        assert!(said.contains("registry taken from a snapshot"), "{said}");
        assert!(!said.contains("thrown away"), "{said}");
    }
    assert_eq!(known(&scene).await?, before);
    opens(&scene).await?;

    // One byte of what it stopped with is another one.
    for part in KEEPERS {
        scene.site_mut().terminate(part).await?;
        for file in files(&scene, part)? {
            let mut bytes = std::fs::read(&file)?;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&file, bytes)?;
        }
        scene.site_mut().start_part(part).await?;
        let said = std::fs::read_to_string(scene.site_mut().process(part)?.log())?;
        let last = said.lines().rfind(|line| line.contains("snapshot"));
        let last = last.context("it says something of snapshots")?;
        assert!(last.contains("thrown away"), "{last}");
    }
    assert_eq!(known(&scene).await?, before);
    opens(&scene).await?;
    scene.finish().await
}
