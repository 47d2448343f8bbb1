//! Whatever the spelling: one plate, one token.
#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::error::KeyError;
use crate::keyring::Keyring;
use crate::keys::{KeyProvider, Purpose};
use crate::token::{TokenKey, TokenKeyRoots};

/// The letters of plates, and as they are typed in Cyrillic.
const LOOK_ALIKES: [(char, char); 12] = [
    ('A', 'А'),
    ('B', 'В'),
    ('E', 'Е'),
    ('K', 'К'),
    ('M', 'М'),
    ('H', 'Н'),
    ('O', 'О'),
    ('P', 'Р'),
    ('C', 'С'),
    ('T', 'Т'),
    ('Y', 'У'),
    ('X', 'Х'),
];

const SEPARATORS: [&str; 8] = ["", " ", "-", "  ", " - ", "\u{a0}", "|", "\u{2013}"];

/// Any plate of any format, in its one spelling.
fn plates() -> impl Strategy<Value = String> {
    let format = select(&FORMATS[..]);
    let region = prop_oneof![1..100u32, 100..1000u32];
    let letters = vec(select(LETTERS.as_bytes()), LONGEST);
    let digits = vec(0..10u32, LONGEST);
    (format, region, letters, digits).prop_map(|(format, region, letters, digits)| {
        let mut text = String::new();
        for ((kind, letter), digit) in format.chars().zip(letters).zip(digits) {
            match kind {
                '@' => text.push(char::from(letter)),
                '#' => text.push_str(&digit.to_string()),
                itself => text.push(itself),
            }
        }
        format!("{text}{region:02}")
    })
}

/// A plate as somebody may write it: with either alphabet, in either case, separated, with its
/// country or without.
fn spelled(plate: &str, ways: &[(bool, bool, usize)], country: &str) -> String {
    let mut text = String::new();
    for (character, (cyrillic, lower, separator)) in plate.chars().zip(ways.iter().cycle()) {
        let twin = LOOK_ALIKES.iter().find(|(latin, _)| *latin == character);
        let typed = twin
            .filter(|_| *cyrillic)
            .map_or(character, |(_, twin)| *twin);
        text.push_str(SEPARATORS[*separator]);
        if *lower {
            text.extend(typed.to_lowercase());
        } else {
            text.push(typed);
        }
    }
    text + country
}

fn ways() -> impl Strategy<Value = Vec<(bool, bool, usize)>> {
    vec((any::<bool>(), any::<bool>(), 0..SEPARATORS.len()), 1..12)
}

struct Roots;

impl KeyProvider for Roots {
    fn keyring(&self, _: Purpose) -> Result<Keyring, KeyError> {
        let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        let text = format!(r#"{{"keys":[{{"version":1,"key":"{key}"}}]}}"#);
        Keyring::from_json(text.as_bytes())
    }
}

fn key() -> TokenKey {
    let roots = TokenKeyRoots::load(&Roots).unwrap();
    let (complex, partner) = ("sunrise".parse().unwrap(), "gatekeeper".parse().unwrap());
    roots.token_key(&complex, &partner, 1).unwrap()
}

proptest! {
    #[test]
    fn a_plate_has_one_token_in_every_spelling(
        plate in plates(),
        ways in ways(),
        country in select(vec!["", "RUS", " rus", "-РУС", " рус"]),
    ) {
        let text = spelled(&plate, &ways, country);
        let read = Plate::parse(&text).unwrap();
        prop_assert_eq!(read.expose(), plate.as_str());
        let token = key().token(&read);
        prop_assert!(token == key().token(&Plate::parse(&plate).unwrap()));
    }

    #[test]
    fn two_plates_have_two_tokens(one in plates(), two in plates(), ways in ways()) {
        prop_assume!(one != two);
        let token = |plate: &str| key().token(&Plate::parse(&spelled(plate, &ways, "")).unwrap());
        prop_assert!(token(&one) != token(&two));
    }

    /// One character more, less or other makes another plate or none, never the same one.
    #[test]
    fn a_slip_of_the_pen_is_another_plate_or_none(
        plate in plates(),
        at in 0..LONGEST,
        slip in select(vec!["", "7", "A", "00", "D", "Ж", "٧", "@", "RUS"]),
    ) {
        let at = at.min(plate.len() - 1);
        let wrong = format!("{}{slip}{}", &plate[..at], &plate[at + 1..]);
        prop_assume!(wrong != plate);
        if let Ok(read) = Plate::parse(&wrong) {
            prop_assert_ne!(read.expose(), plate.as_str());
        }
    }

    /// Whatever is refused is not repeated, and whatever is read is read again as the same.
    #[test]
    fn any_text_is_a_plate_or_is_not_repeated(text in "[А-Яа-яA-Za-z0-9 .@-]{0,16}") {
        match Plate::parse(&text) {
            Ok(plate) => {
                let again = Plate::parse(plate.expose()).unwrap();
                prop_assert!(plate == again);
                prop_assert!(FORMATS.iter().any(|format| fits(plate.expose(), format)));
            }
            Err(error) => {
                for shown in [error.to_string(), format!("{error:?}")] {
                    prop_assert!(text.trim().len() < 4 || !shown.contains(text.trim()));
                }
            }
        }
    }

    /// A region is two digits but 00, or three that don't begin with 0.
    #[test]
    fn a_region_is_what_the_standard_permits(number in 0..1000u32, digits in 0..5usize) {
        let region = format!("{number:0digits$}");
        let expected = match region.len() {
            2 => region != "00",
            3 => !region.starts_with('0'),
            _ => false,
        };
        let plate = format!("A123BC{region}");
        prop_assert_eq!(Plate::parse(&plate).is_ok(), expected, "{}", plate);
    }
}
