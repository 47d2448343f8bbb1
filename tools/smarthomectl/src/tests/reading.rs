//! Wrong documents: all that is wrong is told, each with its place.

use super::{example, read};
use crate::files;

fn told(text: &str) -> Vec<String> {
    read(text).1.iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_is_good() {
    assert_eq!(example().len(), 12);
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let text = r#"kind: Device
device_id: sunrise.north-gate
nmae: North gate
type: SLUICE
operations: [OPEN_DOOR, FLY, OPEN_DOOR]
partner_id: Gate Keeper
enabled: "yes"
step_up:
  max_age_seconds: 0
---
kind: Grant
complex_id: sunrise
grant_id: 9d3e7a40
subject_ref: 5f0c2b9e-8a51-4d0e-9a63-0d8f5f6c1e01
role: OWNER
device_ids: [moonlight.main-door]
window:
  not_before: 2027-01-01T00:00:00Z
  not_after: 2026-01-01T00:00:00Z
"#;
    let device = "Device sunrise.north-gate";
    let expected = [
        format!("1:1: {device}: name: is missing"),
        format!("4:7: {device}: type: expected INTERCOM or DOOR or GATE or BARRIER"),
        format!("5:25: {device}: operations: expected OPEN_DOOR or OPEN_BARRIER"),
        format!("5:30: {device}: operations: stands in the list twice"),
        format!("6:13: {device}: partner_id: not a valid partner id: expected 1 to 63 of a-z, 0-9 and -, not beginning or ending with -"),
        format!("7:10: {device}: enabled: expected true or false"),
        format!("9:20: {device}: step_up.max_age_seconds: expected a number from 1 to 4294967295"),
        format!("3:1: {device}: nmae: there is no such field, but building_id, complex_id, cooldown_ms, device_id, enabled, entrance_id, kind, name, operations, partner_id, step_up, type"),
        "13:11: Grant: grant_id: not a valid grant id: expected a UUID in lower case with hyphens (RFC 9562)".to_owned(),
        "16:14: Grant: device_ids: expected a device of sunrise, the document's complex".to_owned(),
        "19:14: Grant: window.not_after: expected a time after not_before".to_owned(),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|line| format!("site.yaml:{line}"))
        .collect();
    assert_eq!(told(text), expected);
}

#[test]
fn places_are_one_and_of_the_complex() {
    let door = "kind: Device\ndevice_id: sunrise.door\nname: Door\ntype: DOOR\npartner_id: p\n\
                enabled: true\n";
    let both = format!("{door}building_id: sunrise.a\nentrance_id: sunrise.b\n");
    assert!(told(&both)[0].contains("8:14: ") && told(&both)[0].contains("expected one of"));
    let foreign = format!("{door}building_id: moonlight.a\n");
    assert!(
        told(&foreign)[0]
            .ends_with("building_id: expected a building of sunrise, the document's complex")
    );
    let entrance = "kind: Entrance\nentrance_id: sunrise.b\nbuilding_id: moonlight.a\nname: B\n";
    assert!(told(entrance)[0].contains("3:14: Entrance sunrise.b: building_id: expected"));
    let grant = "kind: Grant\ncomplex_id: sunrise\ngrant_id: 9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02\n\
                 subject_ref: 5f0c2b9e-8a51-4d0e-9a63-0d8f5f6c1e01\nrole: STAFF\n\
                 entrance_ids: [sunrise.b, moonlight.b]\n";
    assert!(told(grant)[0].contains("6:27: ") && told(grant)[0].contains("an entrance of sunrise"));
}

#[test]
fn what_was_written_is_not_repeated() {
    let secret = "+7 900 000-00-00";
    let text =
        format!("kind: Resident\ncomplex_id: sunrise\nsubject_ref: \"{secret}\"\nactive: true\n");
    let told = told(&text);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        !told[0].contains(secret) && told[0].contains(":3:14:"),
        "{told:?}"
    );
}

#[test]
fn a_document_that_is_none_is_told() {
    for (text, at) in [
        ("just text\n", "1:1"),
        ("kind: Barrier\n", "1:7"),
        ("name: North gate\n", "1:1"),
    ] {
        let told = told(text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(&format!("site.yaml:{at}:")), "{told:?}");
    }
}

#[test]
fn hours_are_written_as_on_a_clock() {
    let grant = |hours: &str| {
        format!(
            "kind: Grant\ncomplex_id: sunrise\ngrant_id: 9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02\n\
             subject_ref: 5f0c2b9e-8a51-4d0e-9a63-0d8f5f6c1e01\nrole: STAFF\nwindow: {hours}\n"
        )
    };
    for good in [
        "{from: \"22:00\", until: \"06:30\"}",
        "{from: 00:00, until: 24:00}",
        "{}",
    ] {
        assert!(told(&grant(good)).is_empty(), "{good}");
    }
    for wrong in [
        "{from: \"22:00\"}",
        "{until: \"22:00\"}",
        "{from: \"9:00\", until: \"10:00\"}",
        "{from: \"09:60\", until: \"10:00\"}",
        "{from: \"09:00\", until: \"24:01\"}",
        "{from: 540, until: 600}",
    ] {
        assert!(!told(&grant(wrong)).is_empty(), "{wrong}");
    }
}

#[test]
fn every_file_is_read_before_anything_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.yaml", "kind: Sluice\n");
    write("b.yml", "kind: [\n");
    write("c.json", r#"[{"kind": "Sluice"}]"#);
    write("notes.txt", "kind: Sluice\n");
    write("d.yaml", "# nothing\n");
    let missing = folder.path().join("missing.yaml");
    let problems = files::read(&[folder.path().to_owned(), missing]).unwrap_err();
    let files: Vec<_> = problems
        .iter()
        .map(|problem| problem.file.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(
        files,
        ["a.yaml", "b.yml", "c.json", "d.yaml", "missing.yaml"]
    );
}
