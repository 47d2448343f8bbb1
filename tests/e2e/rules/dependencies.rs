//! The dependency rule, over `cargo metadata`. Dev-dependencies are not part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, MetadataCommand};

/// The processes.
const PROCESSES: [&str; 3] = ["command-svc", "webhook-gw", "projector"];
/// Engines, each with the one package that may depend on it. The harness starts the engines,
/// and the benchmarks measure them bare: they are no part of what runs.
const ENGINES: [(&str, &str); 2] = [("rdkafka", "eventlog"), ("scylla", "projector")];

/// A package of the workspace.
struct Package {
    /// Its folder, relative to the workspace: `crates/domain`.
    folder: String,
    /// What it depends on, outside of tests.
    needs: BTreeSet<String>,
}

fn packages() -> Result<BTreeMap<String, Package>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()?;
    let root = &metadata.workspace_root;
    let mut packages = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest lies in a folder")?;
        let needs = package.dependencies.iter();
        let needs = needs.filter(|dependency| dependency.kind != DependencyKind::Development);
        let found = Package {
            folder: folder.strip_prefix(root)?.to_string(),
            needs: needs
                .map(|dependency| dependency.name.to_string())
                .collect(),
        };
        packages.insert(package.name.to_string(), found);
    }
    Ok(packages)
}

#[test]
fn processes_use_crates_and_contracts_and_never_each_other() -> Result<()> {
    let packages = packages()?;
    let ours: BTreeSet<&String> = packages.keys().collect();
    for process in PROCESSES {
        let package = packages.get(process).context(process)?;
        for need in package.needs.iter().filter(|need| ours.contains(need)) {
            let folder = &packages[need].folder;
            let allowed = folder.starts_with("crates/") || folder == "proto";
            assert!(allowed, "{process} depends on {need} ({folder})");
        }
    }
    Ok(())
}

#[test]
fn the_domain_needs_none_of_ours_and_does_no_io() -> Result<()> {
    let packages = packages()?;
    let domain = packages.get("domain").context("domain")?;
    let pure: BTreeSet<String> = [
        "aws-lc-rs",
        "hashbrown",
        "jiff",
        "serde",
        "thiserror",
        "uuid",
    ]
    .map(str::to_owned)
    .into();
    let more: Vec<_> = domain.needs.difference(&pure).collect();
    assert!(more.is_empty(), "domain depends on {more:?}");
    Ok(())
}

#[test]
fn crates_stand_below_processes_and_tools_beside_everything() -> Result<()> {
    let packages = packages()?;
    for (name, package) in &packages {
        for need in package
            .needs
            .iter()
            .filter_map(|need| packages.get_key_value(need))
        {
            let (need, needed) = need;
            let (from, to) = (package.folder.as_str(), needed.folder.as_str());
            if from.starts_with("crates/") || from == "proto" {
                let below = to.starts_with("crates/") || to == "proto";
                assert!(below, "{name} ({from}) depends on {need} ({to})");
            }
            if to.starts_with("tools/") || to == "tests" {
                let may = from == "tests" || from == "tools/xtask";
                assert!(may, "{name} ({from}) depends on {need} ({to})");
            }
        }
    }
    // The model that a partner's engineer reads shares nothing with the service.
    let partner = packages
        .get("reference-partner")
        .context("reference-partner")?;
    let shared: Vec<_> = partner
        .needs
        .iter()
        .filter(|need| packages.contains_key(*need))
        .collect();
    assert!(shared.is_empty(), "reference-partner depends on {shared:?}");
    Ok(())
}

#[test]
fn each_engine_has_one_package_that_knows_it() -> Result<()> {
    for (name, package) in packages()? {
        for (engine, only) in ENGINES {
            let depends = package.needs.iter().any(|need| need.starts_with(engine));
            let aside = package.folder == "tests" || package.folder == "tools/xtask";
            assert!(
                !depends || name == only || aside,
                "{name} depends on {engine}"
            );
        }
    }
    Ok(())
}

#[test]
fn contracts_know_no_process() -> Result<()> {
    let packages = packages()?;
    let proto = packages.get("proto").context("proto")?;
    let ours: Vec<_> = proto
        .needs
        .iter()
        .filter(|need| packages.contains_key(*need))
        .collect();
    assert!(ours.is_empty(), "proto depends on {ours:?}");
    Ok(())
}
