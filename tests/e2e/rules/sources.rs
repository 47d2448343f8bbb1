//! What the repository's files may say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Folders that are not the repository's.
const NOT_OURS: [&str; 2] = ["target", ".git"];
/// Where the crates of the lock file come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("the workspace")?.to_owned())
}

/// Every file of the repository that is text, by its path in it.
fn files() -> Result<Vec<(String, String)>> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() && !NOT_OURS.iter().any(|not| name == *not) {
                walk(root, &path, found)?;
            } else if kind.is_file()
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(root)?.to_string_lossy().into_owned();
                found.push((path, text));
            }
        }
        Ok(())
    }
    let (root, mut found) = (root()?, Vec::new());
    walk(&root, &root, &mut found)?;
    assert!(found.len() > 300, "{} files", found.len());
    Ok(found)
}

/// Rust sources, without the comments that stand on lines of their own.
fn sources() -> Result<Vec<(String, String)>> {
    let rust = files()?
        .into_iter()
        .filter(|(path, _)| path.ends_with(".rs"));
    Ok(rust
        .map(|(path, text)| {
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            let code = code.collect::<Vec<_>>().join("\n");
            (path, code)
        })
        .collect())
}

#[test]
fn only_its_adapter_names_an_engine() -> Result<()> {
    for (path, code) in sources()? {
        for (engine, adapter) in [
            ("rdkafka::", "crates/eventlog/src/kafka"),
            ("scylla::", "projector/src/store/cassandra"),
            ("object_store::aws", "crates/auditlog/src/s3"),
            ("rusqlite::", ""),
        ] {
            let embedded = path.contains("/sqlite") || path.contains("/store/");
            let named = code.contains(engine);
            match engine {
                // The embedded engine: adapters, the partner's own store, tests and benchmarks.
                "rusqlite::" => {
                    let aside = path.contains("tests/") || path.starts_with("tools/");
                    assert!(!named || embedded || aside, "{path} names {engine}");
                }
                _ => {
                    let aside = path.contains("tests/") || path.starts_with("tools/xtask/");
                    assert!(
                        !named || path.starts_with(adapter) || aside,
                        "{path} names {engine}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn the_partners_wire_types_stay_inside_their_crate() -> Result<()> {
    let sources = sources()?;
    let text = |name: &str| {
        let found = sources.iter().find(|(path, _)| path == name);
        found
            .map(|(_, code)| code.as_str())
            .with_context(|| name.to_owned())
    };
    let library = text("crates/partner/src/lib.rs")?;
    for line in library.lines().map(str::trim) {
        let exported = line.starts_with("pub ") && line.contains("wire");
        assert!(!exported, "crates/partner exports its wire types: {line}");
    }
    for line in text("crates/partner/src/wire.rs")?.lines().map(str::trim) {
        assert!(
            !line.starts_with("pub "),
            "a wire type that others could see: {line}"
        );
    }
    Ok(())
}

#[test]
fn webhook_gw_can_ask_a_partner_for_events_and_nothing_else() -> Result<()> {
    let ours = sources()?
        .into_iter()
        .filter(|(path, _)| path.starts_with("webhook-gw/src/"));
    let mut asks = 0;
    for (path, code) in ours {
        for word in ["PartnerClient", "PerimeterClient", "ClosingClient"] {
            assert!(!code.contains(word), "{path} has {word}");
        }
        asks += code.matches("EventsClient::new").count();
    }
    assert_eq!(asks, 1, "EventsClient::new in webhook-gw");
    Ok(())
}

#[test]
fn the_domain_reads_no_clock_and_awaits_nothing() -> Result<()> {
    let domain = sources()?
        .into_iter()
        .filter(|(path, _)| path.starts_with("crates/domain/src/"));
    for (path, code) in domain {
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        if path.ends_with("tests.rs") {
            continue;
        }
        for word in [
            "::now()", "async ", ".await", "std::fs", "std::net", "std::env", "tokio",
        ] {
            assert!(!code.contains(word), "{path} has {word}");
        }
    }
    Ok(())
}

#[test]
fn crates_come_from_one_public_registry() -> Result<()> {
    let lock = fs::read_to_string(root()?.join("Cargo.lock"))?;
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, format!("source = \"{REGISTRY}\""));
    }
    let config = fs::read_to_string(root()?.join(".cargo/config.toml"))?.parse::<toml::Table>()?;
    for section in ["source", "registries", "registry", "net", "http"] {
        assert!(
            !config.contains_key(section),
            ".cargo/config.toml has [{section}]"
        );
    }
    Ok(())
}

/// Folders of whoever works here, and hosts of their crate registry: they work nowhere else.
fn of_this_machine() -> Result<Vec<String>> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    let folders = [Some(root()?), home].into_iter().flatten();
    let folders = folders.filter(|folder| folder.components().count() > 1);
    let mut marks: Vec<String> = folders
        .map(|folder| format!("{}/", folder.display()))
        .collect();
    for file in ["config.toml", "config"] {
        let config = cargo
            .as_ref()
            .map(|cargo| fs::read_to_string(cargo.join(file)));
        let Some(Ok(config)) = config else { continue };
        let hosts = config.split("://").skip(1).filter_map(|rest| {
            let host = rest.split(['/', '"', '\'', ':']).next()?;
            host.contains('.').then(|| host.to_owned())
        });
        marks.extend(hosts.filter(|host| !host.ends_with("crates.io") && host != "github.com"));
    }
    Ok(marks)
}

/// Whether `mark` stands in `text` by itself, not as the end of a longer path or name.
fn stands_in(mark: &str, text: &str) -> bool {
    text.match_indices(mark).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"._-/".contains(before))
    })
}

#[test]
fn no_file_depends_on_the_machine_it_was_written_on() -> Result<()> {
    let marks = of_this_machine()?;
    for (path, text) in files()? {
        for mark in &marks {
            assert!(!stands_in(mark, &text), "{path} contains {mark}");
        }
        for (number, line) in text.lines().enumerate() {
            let homes = ["/home/", "/Users/"].iter().any(|home| {
                let mut after = line.split(home).skip(1);
                after.any(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
            });
            assert!(
                !homes || path.ends_with("sources.rs"),
                "{path}:{}: {line}",
                number + 1
            );
        }
    }
    Ok(())
}
