#![allow(clippy::unwrap_used)]
use std::time::Duration;

use serde::Deserialize;

use super::super::{ConfigPath, SecretFile};
use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    listen: Listen,
    #[serde(default)]
    peers: Vec<String>,
    #[serde(default)]
    nested: Option<Forgetful>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listen {
    port: u16,
    key: SecretFile,
    roots: ConfigPath,
    #[serde(with = "super::super::duration")]
    timeout: Duration,
}

/// Has no `deny_unknown_fields`.
#[derive(Debug, Deserialize)]
struct Forgetful {
    known: bool,
}

const GOOD: &str = r#"
peers = ["spiffe://smarthome/bff/mobile"]
[listen]
port = 8443
key = "tls/listen.key"
roots = "/etc/ca.crt"
timeout = "10m"
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("svc.toml"), text).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("svc.toml")
    }

    fn load(&self, prefix: &str) -> Result<Config, ConfigError> {
        load(&self.file(), prefix)
    }

    /// The error's text, which always names the file.
    fn refusal(&self) -> String {
        let text = self.load("LOAD_TEST_NONE").unwrap_err().to_string();
        assert!(text.contains(self.file().to_str().unwrap()), "{text}");
        text
    }
}

#[test]
fn values_are_typed_and_paths_follow_the_file() {
    let folder = Folder::with(GOOD);
    let config = folder.load("LOAD_TEST_NONE").unwrap();
    assert_eq!(config.listen.port, 8443);
    assert_eq!(config.listen.timeout, Duration::from_secs(600));
    assert_eq!(
        config.listen.key.path(),
        folder.0.path().join("tls/listen.key")
    );
    assert_eq!(&*config.listen.roots, Path::new("/etc/ca.crt"));
    assert_eq!(config.peers, ["spiffe://smarthome/bff/mobile"]);
    assert!(config.nested.is_none());
}

#[test]
fn a_misspelt_key_is_named_with_its_section_and_file() {
    let text = Folder::with(&GOOD.replace("port =", "prot =")).refusal();
    assert!(text.contains("`listen.prot`"), "{text}");
    let text = Folder::with(&format!("liste = 1\n{GOOD}")).refusal();
    assert!(text.contains("`liste`"), "{text}");
}

#[test]
fn a_misspelt_key_is_refused_even_where_the_type_forgot_to() {
    let folder = Folder::with(&format!("{GOOD}\n[nested]\nknown = true\nknwon = false\n"));
    let text = folder.refusal();
    assert!(text.contains("`nested.knwon`"), "{text}");
    let folder = Folder::with(&format!("{GOOD}\n[nested]\nknown = true\n"));
    assert!(folder.load("LOAD_TEST_NONE").unwrap().nested.unwrap().known);
}

#[test]
fn wrong_kinds_missing_keys_and_broken_toml_are_named() {
    let text = Folder::with(&GOOD.replace("8443", "\"https\"")).refusal();
    assert!(text.contains("`listen.port`"), "{text}");
    let text = Folder::with(&GOOD.replace("8443", "70000")).refusal();
    assert!(text.contains("`listen.port`"), "{text}");
    let text = Folder::with(&GOOD.replace("10m", "soon")).refusal();
    assert!(
        text.contains("`listen.timeout`") && text.contains("soon"),
        "{text}"
    );
    let text = Folder::with(&GOOD.replace("port = 8443", "")).refusal();
    assert!(
        text.contains("`listen`") && text.contains("`port`"),
        "{text}"
    );
    let text = Folder::with(&GOOD.replace("port = 8443", "port = ")).refusal();
    assert!(text.contains("line 4"), "{text}");
    let text = Folder::with(&GOOD.replace("/etc/ca.crt", "")).refusal();
    assert!(text.contains("`listen.roots`"), "{text}");
}

#[test]
fn a_missing_file_is_named_and_not_looked_for_elsewhere() {
    let folder = Folder::with(GOOD);
    let missing = folder.0.path().join("deeper/svc.toml");
    let text = load::<Config>(&missing, "LOAD_TEST_NONE")
        .unwrap_err()
        .to_string();
    assert!(text.contains("deeper/svc.toml"), "{text}");
}

/// The environment belongs to the whole process, so each case runs in a process of its own.
fn with_environment(test: &str, variables: &[(&str, &str)], check: impl FnOnce()) {
    if std::env::var_os("LOAD_TEST_CHILD").is_some() {
        return check();
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env("LOAD_TEST_CHILD", "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&status.stdout);
    assert!(
        status.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

#[test]
fn the_environment_overrides_the_file() {
    let variables = [
        ("LOAD_TEST__LISTEN__PORT", "9443"),
        ("LOAD_TEST__LISTEN__ROOTS", "other/ca.crt"),
        ("LOAD_TEST__LISTEN__TIMEOUT", "5s"),
        ("LOAD_TEST__PEERS", "[dns:a.example, \"dns:b.example\"]"),
        ("LOAD_TEST_LISTEN_PORT", "not ours"),
    ];
    with_environment(
        "config::load::tests::the_environment_overrides_the_file",
        &variables,
        || {
            let folder = Folder::with(GOOD);
            let config = folder.load("LOAD_TEST").unwrap();
            assert_eq!(config.listen.port, 9443);
            assert_eq!(config.listen.timeout, Duration::from_secs(5));
            assert_eq!(&*config.listen.roots, folder.0.path().join("other/ca.crt"));
            assert_eq!(config.peers, ["dns:a.example", "dns:b.example"]);
        },
    );
}

#[test]
fn a_misspelt_variable_is_named() {
    with_environment(
        "config::load::tests::a_misspelt_variable_is_named",
        &[("LOAD_TEST__LISTEN__PROT", "9443")],
        || {
            let text = Folder::with(GOOD)
                .load("LOAD_TEST")
                .unwrap_err()
                .to_string();
            assert!(text.contains("LOAD_TEST__LISTEN__PROT"), "{text}");
        },
    );
}
