//! Trees and views against a rebuild from the event log alone.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::clients::Auditor;
use harness::fixtures::COMPLEXES;
use harness::process::wait_for;
use harness::proofs::{self, Checkpoint};
use harness::site::{Part, Site};
use proto::access::LogKind;
use serde_json::Value;

use crate::support::{PATIENCE, Scene, audit, tool};

/// A tree as the event log says it must be.
struct Tree {
    topic: String,
    complex: String,
    size: u64,
    root: Vec<u8>,
}

/// Every stored and every served checkpoint is that of the rebuild, and so is every view.
pub(crate) async fn trees_and_views(scene: &Scene) -> Result<()> {
    let site = scene.site();
    let trees = rebuilt(site).await?;
    assert!(
        trees.len() >= 7,
        "three complexes in two topics, and `global`"
    );
    for tree in &trees {
        let what = format!("the tree of {} in {}", tree.complex, tree.topic);
        let stored = wait_for(PATIENCE, &what, || async {
            let checkpoint = stored(site, tree).ok()?;
            (checkpoint.size >= tree.size).then_some(checkpoint)
        })
        .await?;
        assert_eq!(
            (stored.size, stored.root.to_vec()),
            (tree.size, tree.root.clone()),
            "{what}"
        );
    }
    let auditor = scene.auditor().await?;
    for tree in trees.iter().filter(|tree| tree.complex != "global") {
        let checkpoint = served(site, &auditor, tree).await?;
        assert_eq!(
            (checkpoint.size, checkpoint.root.to_vec()),
            (tree.size, tree.root.clone())
        );
    }

    let shown = lines(site, &["dump-views"]).await?;
    let rebuilt = lines(site, &["rebuild", "--dump-views"]).await?;
    assert!(shown.len() > 50, "{} rows", shown.len());
    for (shown, rebuilt) in shown.iter().zip(&rebuilt) {
        assert_eq!(shown, rebuilt);
    }
    assert_eq!(shown.len(), rebuilt.len());
    Ok(())
}

/// What `projector` prints.
async fn lines(site: &Site, command: &[&str]) -> Result<Vec<String>> {
    let into = site.dir.join(format!("{}.jsonl", command.join("")));
    let config = site.config(Part::Projector);
    let (config, file) = (config.to_string_lossy(), into.to_string_lossy());
    let options = ["--config", config.as_ref(), "--into", file.as_ref()];
    let args = command.iter().copied().chain(options);
    let ended = tool::run("projector", args, &site.dir.join("logs")).await?;
    ensure!(ended.status.success(), "{command:?}: {ended:?}");
    let text = fs::read_to_string(&into)?;
    Ok(text.lines().map(str::to_owned).collect())
}

async fn rebuilt(site: &Site) -> Result<Vec<Tree>> {
    let lines = lines(site, &["rebuild", "--dump-trees"]).await?;
    let tree = |line: &String| {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line.get(name).and_then(Value::as_str).context("a text");
        Ok(Tree {
            topic: text("topic")?.to_owned(),
            complex: text("complex")?.to_owned(),
            size: line.get("size").and_then(Value::as_u64).context("a size")?,
            root: STANDARD.decode(text("root")?)?,
        })
    };
    lines.iter().map(tree).collect()
}

fn stored(site: &Site, tree: &Tree) -> Result<Checkpoint> {
    let file = site
        .tiles()
        .join(&tree.topic)
        .join(&tree.complex)
        .join("checkpoint");
    let key = proofs::key_of(&site.keys.vkey, &tree.topic, &tree.complex)?;
    proofs::checkpoint(&fs::read_to_string(file)?, &key)
}

async fn served(site: &Site, auditor: &Auditor, tree: &Tree) -> Result<Checkpoint> {
    let log = match tree.topic.as_str() {
        "access.events.v1" => LogKind::Access,
        "audit.reads.v1" => LogKind::Reads,
        _ => LogKind::Registry,
    };
    audit::checkpoint(site, auditor, &tree.complex, log).await
}

/// The served checkpoints of the three complexes' access logs.
pub(super) async fn checkpoints(scene: &Scene) -> Result<[Checkpoint; 3]> {
    let auditor = scene.auditor().await?;
    let served = |complex| audit::checkpoint(scene.site(), &auditor, complex, LogKind::Access);
    let [sunrise, moonlight, riverside] = COMPLEXES.map(|complex| complex.id);
    Ok([
        served(sunrise).await?,
        served(moonlight).await?,
        served(riverside).await?,
    ])
}

/// What was signed before a crash still holds: every log has only grown since.
pub(super) async fn only_grown(scene: &Scene, signed: &[[Checkpoint; 3]]) -> Result<()> {
    let auditor = scene.auditor().await?;
    let newest = checkpoints(scene).await?;
    for old in signed {
        for ((complex, old), new) in COMPLEXES.iter().zip(old).zip(&newest) {
            let proof = audit::consistency(&auditor, complex.id, old.size, new.size).await?;
            proofs::consistency(old, new, &proof)
                .with_context(|| format!("{}: {old:?}, {new:?}", complex.id))?;
        }
    }
    Ok(())
}
