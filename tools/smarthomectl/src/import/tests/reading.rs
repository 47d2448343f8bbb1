//! What can be wrong with a file.

use domain::vocabulary::GrantRole;

use super::{HEADER, read, unreadable, words};
use crate::import::bad;

const GRANT: &str = "9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02";
/// Stands in every bad file where a person may, and never in what is told of it.
const CANARY: &str = "canary-4711";

/// The problems of a file of one line, which is the second.
#[track_caller]
fn one(line: &str) -> String {
    let read = read(&format!("{HEADER}\n{line}\n"));
    assert!(read.good.is_empty(), "{line}");
    let words = words(&read.bad);
    assert!(!words.concat().contains(CANARY), "{words:?}");
    words.join(" | ")
}

#[test]
fn good_lines_are_what_they_say() {
    let text = format!(
        "{HEADER}\nhttps://login.example,4711,OWNER,,,,\n\n\
         https://login.example,4712,STAFF,\"sunrise.b;sunrise.a  sunrise.c\",\
         2026-01-01T00:00:00+03:00,2027-01-01T00:00:00+03:00,{GRANT}\n"
    );
    let read = read(&text);
    assert_eq!(words(&read.bad), [""; 0]);
    let [first, second] = &read.good[..] else {
        panic!("{} lines", read.good.len());
    };
    assert_eq!((first.number, second.number), (2, 4));
    assert_eq!(first.person.user_id, "4711");
    assert!(first.right.devices.is_empty() && first.grant.is_none());
    assert_eq!(second.right.role, GrantRole::Staff);
    let devices: Vec<_> = second.right.devices.iter().map(|id| id.as_str()).collect();
    assert_eq!(devices, ["sunrise.a", "sunrise.b", "sunrise.c"]);
    let from = second.right.not_before.unwrap();
    assert_eq!(from.to_string(), "2025-12-31T21:00:00Z");
    assert_eq!(second.grant.unwrap().to_string(), GRANT);
}

#[test]
fn every_wrong_field_is_told_with_line_and_column() {
    let cases = [
        (",canary-4711,OWNER,,,,", "2: issuer: is empty"),
        (
            "login.example,canary-4711,OWNER,,,,",
            "2: issuer: expected the https URL",
        ),
        (
            "canary-4711,u,OWNER,,,,",
            "2: issuer: expected the https URL",
        ),
        ("https://i.example,,OWNER,,,,", "2: user_id: is empty"),
        ("https://i.example, ,OWNER,,,,", "2: user_id: is empty"),
        (
            "https://i.example, canary-4711,OWNER,,,,",
            "2: user_id: has a space",
        ),
        (
            "https://i.example,canary-4711\u{7f},OWNER,,,,",
            "2: user_id: has a space before or after it, or a control",
        ),
        ("https://i.example,u,,,,,", "2: role: is empty"),
        (
            "https://i.example,u,canary-4711,,,,",
            "2: role: expected OWNER or HOUSEHOLD or STAFF",
        ),
        ("https://i.example,u,owner,,,,", "2: role: expected OWNER"),
        (
            "https://i.example,u,OWNER,canary-4711,,,",
            "2: device_ids: device 1: not a valid device id",
        ),
        (
            "https://i.example,u,OWNER,sunrise.a meadow.canary-4711,,,",
            "2: device_ids: device 2: expected a device of sunrise",
        ),
        (
            "https://i.example,u,OWNER,sunrise.a sunrise.a,,,",
            "2: device_ids: device 2: stands in the field twice",
        ),
        (
            "https://i.example,u,OWNER,,canary-4711,,",
            "2: not_before: expected a time",
        ),
        (
            "https://i.example,u,OWNER,,,2026-01-01,",
            "2: not_after: expected a time",
        ),
        (
            "https://i.example,u,OWNER,,2026-01-02T00:00:00Z,2026-01-01T00:00:00Z,",
            "2: not_after: expected a time after not_before",
        ),
        (
            "https://i.example,u,OWNER,,2026-01-01T03:00:00+03:00,2026-01-01T00:00:00Z,",
            "2: not_after: expected a time after not_before",
        ),
        (
            "https://i.example,u,OWNER,,,,canary-4711",
            "2: grant_id: not a valid grant id",
        ),
        (
            "https://i.example,canary-4711,OWNER,,,",
            "2: : expected 7 fields as in the header, found 6",
        ),
        (
            "https://i.example,canary-4711,OWNER,,,,,",
            "2: : expected 7 fields as in the header, found 8",
        ),
        (",,,,,,", "2: : the line is empty; delete it"),
    ];
    for (line, expected) in cases {
        let told = one(line);
        assert!(told.starts_with(expected), "{line}: {told}");
        assert!(!told.contains(" | "), "{line}: {told}");
    }
    let long = format!("https://i.example,{},OWNER,,,,", "u".repeat(513));
    assert_eq!(one(&long), "2: user_id: is longer than 512 bytes");
}

#[test]
fn all_that_is_wrong_with_a_line_is_told() {
    let told = one("i,,LANDLORD,gate,soon,later,mine");
    let columns: Vec<_> = told
        .split(" | ")
        .map(|one| one.split(": ").nth(1))
        .collect();
    let all = HEADER.split(',').map(Some);
    assert_eq!(columns, all.collect::<Vec<_>>());
}

#[test]
fn what_stands_there_twice_names_both_lines() {
    let text = format!(
        "{HEADER}\nhttps://i.example,canary-4711,OWNER,sunrise.a sunrise.b,,,\n\
         https://i.example,canary-4711,STAFF,sunrise.a sunrise.b,,,\n\
         https://other.example,canary-4711,OWNER,sunrise.a sunrise.b,,,\n\
         https://i.example,canary-4711,OWNER,sunrise.b;sunrise.a,,,{GRANT}\n\
         https://i.example,u,OWNER,,,,{GRANT}\n"
    );
    let text = text.replace("sunrise.b;sunrise.a", "\"sunrise.b;sunrise.a\"");
    // Delimited by commas: the semicolon in quotes is none of the header's.
    let read = read(&text);
    let twice = [
        "5: user_id: line 2 gives the same person the same right",
        "6: grant_id: line 5 has the same grant_id",
    ];
    assert_eq!(words(&read.bad), twice);
    let good: Vec<_> = read.good.iter().map(|line| line.number).collect();
    assert_eq!(good, [2, 3, 4]);
}

#[test]
fn a_wrong_header_is_told_whole_and_not_repeated() {
    let told = unreadable(b"role,canary-4711,role\nx,y,z\n");
    assert!(!told.concat().contains(CANARY), "{told:?}");
    let known = "issuer, user_id, role, device_ids, not_before, not_after, grant_id, building_ids, entrance_ids";
    let expected = [
        format!("1: column 2: there is no such column, but {known}"),
        "1: column 3: the same column as column 1".to_owned(),
        "1: issuer: the header lacks this column".to_owned(),
        "1: user_id: the header lacks this column".to_owned(),
    ];
    assert_eq!(told, expected);
    let told = unreadable(b"\n\nissuer;user_id,role\n");
    assert!(told[0].starts_with("3: : expected columns that are separated by , or by ;"));
    for empty in ["", "\n\r\n", "\u{feff}"] {
        let told = unreadable(empty.as_bytes());
        assert!(told[0].starts_with("1: : the file is empty"), "{told:?}");
    }
    let told = unreadable(b"issuer,user_id,role\n\n");
    assert_eq!(told, ["1: : there is no line below the header"]);
}

#[test]
fn another_encoding_is_told_with_its_line_and_not_guessed() {
    let windows = b"issuer;user_id;role\nhttps://i.example;u;OWNER\nhttps://i.example;\xE0\xED\xED\xE0;OWNER\n";
    let told = unreadable(windows);
    assert!(told[0].starts_with("3: : this is not UTF-8, but perhaps Windows-1251; save"));
    assert!(told[0].contains("CSV UTF-8"), "{told:?}");
    let text = "issuer,user_id,role\nhttps://i.example,u,OWNER\n";
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let marked = [&order(0xFEFF)[..], &wide(order)].concat();
        for bytes in [marked, wide(order)] {
            let told = unreadable(&bytes);
            assert!(
                told[0].starts_with("1: : this is UTF-16, not UTF-8; save"),
                "{told:?}"
            );
        }
    }
    let cut = [text.as_bytes(), b"https://i.example,u\xD0"].concat();
    assert!(unreadable(&cut)[0].starts_with("3: : this is not UTF-8"));
}

#[test]
fn an_open_quote_ends_the_reading_at_its_line() {
    let open = [
        "https://i.example,\"canary-4711,OWNER\nhttps://i.example,v,OWNER\n",
        "https://i.example,\"canary-4711,OWNER\nhttps://i.example,\"v\",OWNER\n",
        "https://i.example,\"canary-4711\n\",OWNER\n",
        "https://i.example,\"canary-4711",
        "https://i.example,cana\"ry-4711,OWNER\n",
    ];
    for lines in open {
        for end in ["\n", "\r\n"] {
            let text = format!("issuer,user_id,role\n,u,OWNER\n{lines}").replace('\n', end);
            let told = unreadable(text.as_bytes());
            assert_eq!(told.len(), 2, "{told:?}");
            assert_eq!(told[0], "2: issuer: is empty");
            assert!(
                told[1].starts_with("3: : a quote (\") is opened here"),
                "{told:?}"
            );
            assert!(!told.concat().contains(CANARY), "{told:?}");
        }
    }
}

#[test]
fn many_problems_are_printed_in_part_and_reported_whole() {
    let lines = "https://i.example,,OWNER,,,,\n".repeat(25);
    let read = read(&format!("{HEADER}\n{lines}"));
    let file = std::path::Path::new("residents.csv");
    let printed = bad::listing(file, &read.bad, None);
    assert!(
        printed.starts_with("\n  residents.csv:2: user_id: is empty\n"),
        "{printed}"
    );
    assert_eq!(printed.matches("is empty").count(), 20);
    assert!(
        printed.ends_with("\n  and 5 more; --report FILE writes all of them"),
        "{printed}"
    );
    let exactly = bad::listing(file, &read.bad[..20], None);
    assert!(!exactly.contains("more"), "{exactly}");

    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.csv");
    bad::write(&report, &read.bad).unwrap();
    let text = std::fs::read_to_string(&report).unwrap();
    assert!(
        text.starts_with("line,column,problem\n2,user_id,is empty\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 26);
    bad::write(&report, &[]).unwrap();
    assert_eq!(
        std::fs::read_to_string(&report).unwrap(),
        "line,column,problem\n"
    );
}
