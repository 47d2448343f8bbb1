//! What can be read, and is wrong, or perhaps wrong.

use jiff::Timestamp;

use super::{example, good, standing};
use crate::diff::{Diff, diff};
use crate::document::Document;
use crate::problem::Problem;
use crate::standing::Complexes;
use crate::{ended, files, overlap};

const SUBJECT: &str = "5f0c2b9e-8a51-4d0e-9a63-0d8f5f6c1e01";

fn diffs(documents: &[Document], standing: &Complexes) -> Vec<Diff> {
    let wanted = documents.iter().map(|one| (&one.complex, &one.entity));
    diff(wanted, standing)
}

fn words(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// A grant of one person, of 8 lines at most.
fn grant(id: u8, rest: &str) -> String {
    format!(
        "kind: Grant\ncomplex_id: meadow\n\
         grant_id: 00000000-0000-4000-8000-0000000000{id:02}\nsubject_ref: {SUBJECT}\n{rest}\n---\n"
    )
}

/// The same rights, and those that overlap, where the example stands without its people.
fn found(text: &str) -> (Vec<String>, Vec<String>) {
    let mut there = example();
    there.retain(|one| !one.place().contains("people.yaml"));
    let standing = standing(&there, 1);
    let documents = good(text);
    let found = overlap::grants(&documents, &diffs(&documents, &standing), &standing);
    (words(&found.same), words(&found.overlapping))
}

#[test]
fn the_same_right_twice_is_wrong() {
    let doors = "role: OWNER\ndevice_ids: [meadow.boiler-room, meadow.main-door]";
    let turned = "role: OWNER\ndevice_ids: [meadow.main-door, meadow.boiler-room]";
    let (same, overlapping) = found(&(grant(1, doors) + &grant(2, turned)));
    let expected = "site.yaml:8:1: Grant 00000000-0000-4000-8000-000000000002: the same right as \
                    Grant 00000000-0000-4000-8000-000000000001 at site.yaml:1; revoke or leave out \
                    one of them";
    assert_eq!(same, [expected]);
    assert!(overlapping.is_empty());
    for (one, two) in [
        // Withdrawn, of another role, or at other times.
        (doors.to_owned(), format!("{turned}\nrevoked: true")),
        (doors.to_owned(), turned.replace("OWNER", "STAFF")),
        (
            format!("{doors}\nwindow: {{not_after: 2027-01-01T00:00:00Z}}"),
            format!("{turned}\nwindow: {{not_before: 2027-01-01T00:00:00Z}}"),
        ),
    ] {
        assert!(
            found(&(grant(1, &one) + &grant(2, &two))).0.is_empty(),
            "{two}"
        );
    }
}

#[test]
fn rights_that_hold_at_once_are_told_where() {
    let place = |rest: &str| format!("role: OWNER\n{rest}");
    let staff = |rest: &str| format!("role: STAFF\n{rest}");
    let cases = [
        // The main door stands at the entrance, the entrance is in the tower.
        (
            "building_ids: [meadow.tower]",
            "device_ids: [meadow.main-door]",
            "meadow.main-door:",
        ),
        (
            "entrance_ids: [meadow.tower-1]",
            "building_ids: [meadow.tower]",
            "meadow.main-door:",
        ),
        ("", "entrance_ids: [meadow.tower-1]", "meadow.main-door:"),
        ("", "", "meadow.boiler-room and 2 more:"),
        (
            "building_ids: [meadow.tower]",
            "device_ids: [meadow.boiler-room]",
            "",
        ),
        (
            "window: {from: \"08:00\", until: \"12:00\"}",
            "window: {from: \"12:00\", until: \"20:00\"}",
            "",
        ),
        (
            "window: {weekdays: [5], from: \"22:00\", until: \"06:00\"}",
            "window: {weekdays: [6], from: \"05:00\", until: \"07:00\"}",
            "meadow.boiler-room and 2 more:",
        ),
        ("window: {weekdays: [1]}", "window: {weekdays: [2]}", ""),
        (
            "window: {not_after: 2027-01-01T00:00:00Z}",
            "window: {not_before: 2026-12-31T23:59:59Z}",
            "meadow.boiler-room and 2 more:",
        ),
        (
            "window: {not_after: 2027-01-01T00:00:00Z}",
            "window: {not_before: 2027-01-01T00:00:00Z}",
            "",
        ),
    ];
    for (one, two, expected) in cases {
        let (same, told) = found(&(grant(1, &place(one)) + &grant(2, &staff(two))));
        assert!(same.is_empty(), "{same:?}");
        if expected.is_empty() {
            assert!(told.is_empty(), "{one} {two}: {told:?}");
            continue;
        }
        let of_first = "overlaps Grant 00000000-0000-4000-8000-000000000001 at site.yaml:1 at ";
        assert_eq!(told.len(), 1, "{one} {two}");
        assert!(
            told[0].contains(&format!("{of_first}{expected}")),
            "{told:?}"
        );
    }
}

#[test]
fn another_persons_right_and_what_stands_so_are_left_alone() {
    let one = grant(1, "role: OWNER");
    let two = grant(2, "role: OWNER").replace(SUBJECT, "c1a4d7f2-3b68-4e95-a7c0-61e2b8d90f03");
    assert_eq!(found(&(one.clone() + &two)), (vec![], vec![]));

    let both = good(&(one.clone() + &grant(2, "role: OWNER")));
    let there = standing(&both, 4);
    let again = overlap::grants(&both, &diffs(&both, &there), &there);
    assert!(again.same.is_empty() && again.overlapping.is_empty());

    // Beside one that no file names.
    let there = standing(&good(&one), 4);
    let new = good(&grant(2, "role: OWNER"));
    let told = words(&overlap::grants(&new, &diffs(&new, &there), &there).same);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("000001 in the registry;"), "{told:?}");
}

#[test]
fn a_perimeter_that_is_over_is_told_unless_it_is_closed_or_stands_so() {
    let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let perimeter = |rest: &str| {
        good(&format!(
            "kind: Perimeter\ncomplex_id: meadow\npartner_id: gatekeeper\n{rest}\n"
        ))
    };
    let told = |documents: &[Document], standing: &Complexes| {
        words(&ended::perimeters(
            documents,
            &diffs(documents, standing),
            now,
        ))
    };
    let nothing = Complexes::new();
    let over = perimeter("not_after: 2026-11-24T12:00:00Z");
    let expected = "site.yaml:4:12: Perimeter gatekeeper: not_after: has passed, so nothing would \
                    open; write a later time, or `closed: true` to end it";
    assert_eq!(told(&over, &nothing), [expected]);
    assert!(told(&over, &standing(&over, 2)).is_empty());
    for good in [
        "not_after: 2026-11-24T12:00:01Z",
        "not_after: 2026-11-24T12:00:00Z\nclosed: true",
        "closed: false",
    ] {
        assert!(told(&perimeter(good), &nothing).is_empty(), "{good}");
    }
}

#[test]
fn what_is_no_yaml_or_no_utf_8_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let resident = "kind: Resident\ncomplex_id: meadow\nactive: true\n";
    let utf_16: Vec<u8> = "\u{feff}kind: Resident\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let windows_1251 = [resident.as_bytes(), b"name: \xcb\xf3\xe3\n"].concat();
    let cases: [(&str, &[u8], &str); 6] = [
        ("indent", b"kind: Complex\n  name: x\n", "2:"),
        (
            "bracket",
            b"kind: Grant\ndevice_ids: [meadow.a\nrole: OWNER\n",
            "3:",
        ),
        ("tab", b"kind: Complex\nname:\n\t- x\n", "3:"),
        ("twice", b"kind: Complex\nname: a\nname: b\n", "3:"),
        ("utf16", &utf_16, "1:1: this is UTF-16"),
        (
            "windows",
            &windows_1251,
            "4:1: this is not UTF-8, but perhaps Windows-1251",
        ),
    ];
    for (name, bytes, at) in cases {
        let path = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&path, bytes).unwrap();
        let problems = words(&files::read(std::slice::from_ref(&path)).unwrap_err());
        let expected = format!("{name}.yaml:{at}");
        assert!(problems[0].contains(&expected), "{name}: {problems:?}");
    }
}
