//! The difference between files and registry, and what is sent.

use domain::registry::Entity;

use super::{example, good, standing};
use crate::diff::{Diff, diff};
use crate::document::Document;
use crate::show::Plan;
use crate::standing::Complexes;

fn between(documents: &[Document], standing: &Complexes) -> Vec<Diff> {
    let wanted = documents.iter().map(|one| (&one.complex, &one.entity));
    diff(wanted, standing)
}

/// The example with its yard barrier changed.
fn changed(change: impl Fn(&mut domain::registry::Device)) -> Vec<Document> {
    let mut documents = example();
    for document in &mut documents {
        if let Entity::Device(device) = &mut document.entity
            && device.id.as_str() == "meadow.yard-barrier"
        {
            change(device);
        }
    }
    documents
}

#[test]
fn nothing_is_changed_that_stands_as_it_should() {
    let example = example();
    let diffs = between(&example, &standing(&example, 7));
    assert!(diffs.iter().all(|diff| diff.changes.is_empty()));
    let plan = Plan(&diffs).to_string();
    assert_eq!(plan, "Plan: 0 to create, 0 to change, 12 unchanged.\n");
}

#[test]
fn all_is_new_where_nothing_stands_and_partners_come_first() {
    let mut example = example();
    example.reverse();
    let diffs = between(&example, &Complexes::new());
    let complexes: Vec<_> = diffs.iter().map(|diff| diff.complex.as_str()).collect();
    assert_eq!(complexes, ["global", "meadow"]);
    let versions = diffs.iter().flat_map(|diff| &diff.changes);
    assert!(versions.clone().all(|change| change.version == 0));
    assert_eq!(versions.count(), 12);
}

#[test]
fn changes_are_shown_field_by_field() {
    let standing = standing(&example(), 3);
    let wanted = changed(|device| {
        device.cooldown_ms = 0;
        device.enabled = false;
        device.step_up = Some(domain::registry::StepUp {
            max_age_seconds: 60,
            acr: None,
        });
    });
    let plan = Plan(&between(&wanted, &standing)).to_string();
    let expected = "\
meadow:
  ~ Device meadow.yard-barrier
      ~ enabled: true → false
      + step_up.max_age_seconds: 60
      - cooldown_ms: 3000

Plan: 0 to create, 1 to change, 11 unchanged.
";
    assert_eq!(plan, expected);
    let shown = Plan(&between(&example()[..1], &Complexes::new())).to_string();
    assert!(
        shown.starts_with("meadow:\n  + Complex meadow\n      + name: ЖК «Луговой»\n"),
        "{shown}"
    );
}

#[test]
fn the_order_of_a_list_says_nothing() {
    let grant = |devices: &str| {
        good(&format!(
            "kind: Grant\ncomplex_id: sunrise\ngrant_id: 9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02\n\
             subject_ref: 5f0c2b9e-8a51-4d0e-9a63-0d8f5f6c1e01\nrole: STAFF\n\
             device_ids: [{devices}]\n"
        ))
    };
    let standing = standing(&grant("sunrise.a, sunrise.b"), 1);
    let count = |devices| between(&grant(devices), &standing)[0].changes.len();
    assert_eq!(count("sunrise.b, sunrise.a"), 0);
    assert_eq!(count("sunrise.b"), 1);
}

#[test]
fn the_same_change_has_one_key_and_another_change_another() {
    let key = |documents: &[Document], version| {
        let diffs = between(documents, &standing(&example(), version));
        let diff = diffs.iter().find(|diff| !diff.changes.is_empty());
        diff.map(|diff| diff.change_set("a note").id)
    };
    let wanted = changed(|device| device.enabled = false);
    let mut reversed = wanted.clone();
    reversed.reverse();
    assert!(key(&wanted, 3).is_some());
    assert_eq!(key(&wanted, 3), key(&reversed, 3), "order of the files");
    assert_ne!(key(&wanted, 3), key(&wanted, 4), "another version");
    let other = changed(|device| device.cooldown_ms = 1);
    assert_ne!(key(&wanted, 3), key(&other, 3), "another content");
}

#[test]
fn a_set_expects_the_versions_that_were_read() {
    let mut wanted = changed(|device| device.enabled = false);
    let resident = "kind: Resident\ncomplex_id: meadow\n\
                    subject_ref: 00000000-0000-4000-8000-000000000001\nactive: true\n";
    wanted.extend(good(resident));
    let diffs = between(&wanted, &standing(&example(), 3));
    let diff = diffs.iter().find(|diff| !diff.changes.is_empty()).unwrap();
    let set = diff.change_set("why");
    let versions: Vec<_> = set.changes.iter().map(|one| one.expected_version).collect();
    assert_eq!((versions, set.note.as_str()), (vec![3, 0], "why"));
}
