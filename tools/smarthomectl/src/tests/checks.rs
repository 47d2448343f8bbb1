//! What is found before anything is sent.

use super::{example, good, standing};
use crate::check;
use crate::diff::diff;
use crate::document::Document;
use crate::standing::Complexes;

const SUBJECT: &str = "5f0c2b9e-8a51-4d0e-9a63-0d8f5f6c1e01";
const GRANT: &str = "9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02";

fn alone(text: &str) -> Vec<String> {
    let problems = check::alone(&good(text));
    problems.iter().map(ToString::to_string).collect()
}

fn against(text: &str, standing: &Complexes) -> Vec<String> {
    let documents: Vec<Document> = good(text);
    let wanted = documents.iter().map(|one| (&one.complex, &one.entity));
    let diffs = diff(wanted, standing);
    let problems = check::against(&documents, &diffs, standing);
    problems.iter().map(ToString::to_string).collect()
}

fn pass(id: u8, grant: &str, secret: &str) -> String {
    format!(
        "kind: GuestPass\ncomplex_id: meadow\npass_id: 00000000-0000-4000-8000-0000000000{id:02}\n\
         secret_hash: {secret}\ngrant_id: {grant}\ndevice_ids: [meadow.main-door]\n---\n"
    )
}

const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const OTHER: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[test]
fn the_example_has_no_problem() {
    let example = example();
    assert_eq!(check::alone(&example), []);
    let wanted = example.iter().map(|one| (&one.complex, &one.entity));
    let diffs = diff(wanted, &Complexes::new());
    assert_eq!(check::against(&example, &diffs, &Complexes::new()), []);
}

#[test]
fn one_entity_twice_names_both_places() {
    let resident =
        format!("kind: Resident\ncomplex_id: meadow\nsubject_ref: {SUBJECT}\nactive: true\n");
    let told = alone(&format!("{resident}---\n{resident}"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("site.yaml:6:1: Resident"), "{told:?}");
    assert!(told[0].ends_with("first at site.yaml:1"), "{told:?}");
    let elsewhere = resident.replace("meadow", "sunrise");
    assert_eq!(alone(&format!("{resident}---\n{elsewhere}")), [""; 0]);
}

#[test]
fn one_secret_opens_one_pass() {
    assert_eq!(
        alone(&(pass(1, GRANT, SECRET) + &pass(2, GRANT, OTHER))),
        [""; 0]
    );
    let told = alone(&(pass(1, GRANT, SECRET) + &pass(2, GRANT, SECRET)));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains(": secret_hash: the pass at site.yaml:1"),
        "{told:?}"
    );
    assert!(!told[0].contains(SECRET), "{told:?}");
}

#[test]
fn what_no_registry_takes_is_told_by_the_files_alone() {
    let reserved = "kind: Complex\ncomplex_id: unassigned\nname: x\ntime_zone: UTC\n";
    let told = alone(reserved);
    assert_eq!(
        told,
        ["site.yaml:1:1: Complex unassigned: reserved complexes hold no such entity"]
    );
    let nowhere = pass(1, GRANT, SECRET).replace("device_ids: [meadow.main-door]\n", "");
    assert!(alone(&nowhere)[0].contains("a pass names its devices"));
}

#[test]
fn what_is_named_must_be_there() {
    let standing = standing(&example(), 1);
    assert_eq!(against(&pass(1, GRANT, SECRET), &standing), [""; 0]);
    let grant = "00000000-0000-4000-8000-000000000009";
    let told = against(&pass(1, grant, SECRET), &standing);
    let expected = format!("grant_id: no grant {grant} in the registry or the files");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("site.yaml:5:11: ") && told[0].ends_with(&expected),
        "{told:?}"
    );

    let perimeter = "kind: Perimeter\ncomplex_id: meadow\npartner_id: locksmith\n";
    let told = against(perimeter, &standing);
    assert!(
        told[0].contains("3:13: ") && told[0].contains("no partner locksmith"),
        "{told:?}"
    );
    let partner = "---\nkind: Partner\npartner_id: locksmith\nname: L\nwebhook_san: dns:l.example\n\
                   attestation_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    assert_eq!(
        against(&format!("{perimeter}{partner}"), &standing),
        [""; 0]
    );

    let lost = format!("kind: Resident\ncomplex_id: medow\nsubject_ref: {SUBJECT}\nactive: true\n");
    let told = against(&lost, &standing);
    assert!(told[0].contains("complex_id: no complex medow"), "{told:?}");
}

#[test]
fn a_place_that_is_named_must_be_there() {
    let standing = standing(&example(), 1);
    let door = |place: &str| {
        format!(
            "kind: Device\ndevice_id: meadow.main-door\nname: Door\ntype: DOOR\n\
             partner_id: gatekeeper\nenabled: true\n{place}\n"
        )
    };
    assert_eq!(
        against(&door("building_id: meadow.tower"), &standing),
        [""; 0]
    );
    let told = against(&door("entrance_id: meadow.tower-2"), &standing);
    let expected = "site.yaml:7:14: Device meadow.main-door: entrance_id: no entrance \
                    meadow.tower-2 in the registry or the files";
    assert_eq!(told, [expected]);
    let added = "---\nkind: Entrance\nentrance_id: meadow.tower-2\nname: Подъезд 2\n\
                 building_id: meadow.annex\n";
    let both = door("entrance_id: meadow.tower-2") + added;
    let told = against(&both, &standing);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("building_id: no building meadow.annex"),
        "{told:?}"
    );
    let grant = format!(
        "kind: Grant\ncomplex_id: meadow\ngrant_id: {GRANT}\nsubject_ref: {SUBJECT}\n\
         role: OWNER\nbuilding_ids: [meadow.tower, meadow.annex]\nentrance_ids: [meadow.low]\n"
    );
    let told = against(&grant, &standing).join("\n");
    assert!(
        told.contains("building_ids: no building meadow.annex"),
        "{told}"
    );
    assert!(
        told.contains("entrance_ids: no entrance meadow.low"),
        "{told}"
    );
    assert!(!told.contains("meadow.tower "), "{told}");
}

#[test]
fn what_the_registry_refuses_is_told_and_what_stands_is_not() {
    let grant = format!(
        "kind: Grant\ncomplex_id: meadow\ngrant_id: {GRANT}\nsubject_ref: {SUBJECT}\nrole: OWNER\n"
    );
    let revoked = grant.clone() + "revoked: true\n";
    let mut registered = example();
    registered.retain(|one| !one.place().contains("people.yaml"));
    registered.extend(good(&revoked));
    let standing = standing(&registered, 5);
    // Its subject is no resident, but that is how it stands.
    assert_eq!(against(&revoked, &standing), [""; 0]);
    let told = against(&grant, &standing);
    assert!(
        told[0].contains("a revoked grant stays revoked"),
        "{told:?}"
    );
    assert!(told[1].contains("subject_ref: no resident"), "{told:?}");
}
