//! The program itself, as an operator meets it.

use std::process::{Command, Output};

fn check(text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook-gw.toml");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook-gw"));
    command
        .arg("--config")
        .arg(&path)
        .arg("--check-config")
        .output()
        .unwrap()
}

const GOOD: &str = include_str!("good.toml");

#[test]
fn a_good_configuration_is_good() {
    let output = check(GOOD);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_misspelt_key_ends_it_with_2_and_its_name() {
    let output = check(&GOOD.replace("operators_key", "operator_key"));
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("operator_key"), "{told}");
}
