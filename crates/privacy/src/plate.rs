//! Russian number plates in one spelling, so that one plate has one token.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::Malformed;

/// A number plate: upper case, the twelve Cyrillic letters that plates use as their Latin
/// look-alikes, no separators, the region at the end. Not shown in `Debug`; wiped when dropped.
///
/// Formats of GOST R 50577-2018, section 3. The spelling doesn't name the format, so where two
/// formats give the same characters (a taxi of a three-digit region, a trailer of a two-digit
/// one), two vehicles have one token, as they have for any camera that reads characters only.
#[derive(Clone, PartialEq, Eq)]
pub struct Plate(Zeroizing<String>);

/// Everything before the region: `@` is one of the twelve letters, `#` a digit, anything else
/// itself. The code of the region follows. The small plates of the standard, of cars (1A) and of
/// motorcycles, have the characters of the large ones.
const FORMATS: [&str; 12] = [
    "@###@@",  // cars, lorries, buses (types 1, 1A)
    "@@###",   // taxis and public transport (1B)
    "@@####",  // trailers (2, 6)
    "####@@",  // motorcycles, tractors, military (3, 4, 5, 7, 8)
    "###CD#",  // heads of diplomatic missions (9)
    "###D###", // diplomatic (10)
    "###T###", // staff of missions (10)
    "@@###@",  // transit (15)
    "T@@###",  // leaving the country for good (19)
    "@####",   // police (20)
    "###@",    // police trailers (21)
    "####@",   // police motorcycles (22)
];

/// Characters of the longest plate, a diplomatic one of a three-digit region.
const LONGEST: usize = 10;

/// The country, as plates show it below the region, and as it is spelled with Cyrillic letters (РУС).
/// No plate of its own ends in letters.
const COUNTRY: [&str; 2] = ["RUS", "PYC"];

const LETTERS: &str = "ABEKMHOPCTYX";

impl Plate {
    /// Reads a plate as people write it.
    ///
    /// # Errors
    /// [`Malformed`] where it has none of the formats. The text is not repeated.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed {
            kind: "number plate",
            expected: "a Russian plate with its region, such as A000AA00",
        };
        // Room for all of it at once: a growing buffer would leave unwiped copies behind.
        let room = LONGEST + COUNTRY[0].len();
        let mut plate = Zeroizing::new(String::with_capacity(room));
        for character in text.chars().filter(|c| !is_separator(*c)) {
            if plate.len() == room {
                return Err(malformed);
            }
            plate.push(normalised(character).ok_or(malformed)?);
        }
        let country = COUNTRY.iter().find(|country| plate.ends_with(**country));
        let length = plate.len() - country.map_or(0, |country| country.len());
        plate.truncate(length);
        if FORMATS.iter().any(|format| fits(&plate, format)) {
            Ok(Self(plate))
        } else {
            Err(malformed)
        }
    }

    /// The plate. Personal data: for its owner's eyes and for tokens, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Plate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plate(..)")
    }
}

fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || "-_.·|/\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}".contains(character)
}

/// The character as it stands in a plate, if it does; always ASCII.
fn normalised(character: char) -> Option<char> {
    Some(match character {
        'А' | 'а' => 'A',
        'В' | 'в' => 'B',
        'Е' | 'е' => 'E',
        'К' | 'к' => 'K',
        'М' | 'м' => 'M',
        'Н' | 'н' => 'H',
        'О' | 'о' => 'O',
        'Р' | 'р' => 'P',
        'С' | 'с' => 'C',
        'Т' | 'т' => 'T',
        'У' | 'у' => 'Y',
        'Х' | 'х' => 'X',
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => return None,
    })
}

fn fits(plate: &str, format: &str) -> bool {
    let Some((number, region)) = plate.split_at_checked(format.len()) else {
        return false;
    };
    number.chars().zip(format.chars()).all(|(c, f)| match f {
        '@' => LETTERS.contains(c),
        '#' => c.is_ascii_digit(),
        itself => c == itself,
    }) && is_region(region)
}

/// Two digits but 00, or three that don't begin with 0: what a code can look like. Which are given
/// out is a list of the ministry's that grows, and military ones are of another list.
fn is_region(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits
        && matches!(text.len(), 2 | 3)
        && text != "00"
        && !(text.len() == 3 && text.starts_with('0'))
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_plate_has_one_spelling() {
        for text in [
            "А123ВС77",
            "а123вс77",
            "A123BC77",
            "a123bc77",
            " а 123 вс | 77 ",
            "A-123-BC/77",
            "А123BС 77",
            "A\u{a0}123\u{2011}BC.77",
            "A123BC77RUS",
            "а 123 вс / 77 rus",
            "А123ВС 77 РУС",
        ] {
            assert_eq!(Plate::parse(text).unwrap().expose(), "A123BC77", "{text}");
        }
        assert_eq!(
            Plate::parse("авекмн").unwrap_err().kind,
            "number plate",
            "letters alone are no plate"
        );
        let all = Plate::parse("Х000ТУ777").unwrap();
        assert_eq!(all.expose(), "X000TY777");
    }

    #[test]
    fn all_formats_are_known() {
        for (text, expected) in [
            ("О001ОО 99", "O001OO99"),
            ("О001ОО 799", "O001OO799"),
            ("АК 123 77", "AK12377"),
            ("АК 123 777", "AK123777"),
            ("АК 1234 77", "AK123477"),
            ("АК 1234 777", "AK1234777"),
            ("1234 АК 77", "1234AK77"),
            ("1234 АК 777", "1234AK777"),
            ("001 CD 1 77", "001CD177"),
            ("001 D 123 77", "001D12377"),
            ("001 D 123 777", "001D123777"),
            ("001 Т 123 77", "001T12377"),
            ("АК 123 М 77", "AK123M77"),
            ("ТАК 123 77", "TAK12377"),
            ("А 1234 77", "A123477"),
            ("123 А 77", "123A77"),
            ("1234 А 77", "1234A77"),
        ] {
            assert_eq!(Plate::parse(text).unwrap().expose(), expected);
        }
    }

    #[test]
    fn what_is_no_plate_is_refused_without_repeating_it() {
        for text in [
            "",
            "77",
            "Д123ВС77",
            "D123BC77",
            "A123BC7",
            "A123BC077",
            "A123BC7777",
            "A12BC77",
            "A123ВЙ77",
            "A١٢٣BC77",
            "A123BC00",
            "A123BC000",
            "A123BCRUS",
            "A123BC77RUSRUS",
            "RUSA123BC77",
            "A123BC77RU",
            "CANARY-4711",
            &"A".repeat(10_000),
        ] {
            let error = Plate::parse(text).unwrap_err();
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(text.len() < 3 || !shown.contains(text), "{shown}");
            }
        }
    }

    #[test]
    fn nothing_shows_a_plate() {
        let plate = Plate::parse("A123BC77").unwrap();
        assert_eq!(format!("{plate:?}"), "Plate(..)");
        assert_eq!(format!("{:#?}", Some(plate)), "Some(\n    Plate(..),\n)");
    }
}
