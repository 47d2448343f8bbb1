//! Marker values, and every spelling in which one could leak.

use aho_corasick::AhoCorasick;
use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest spelling that can't be met by chance in what is searched.
const SHORTEST: usize = 9;

/// Values that must not be found, each with a name for it.
#[derive(Debug, Default)]
pub(crate) struct Canaries {
    names: Vec<String>,
    spellings: Vec<Vec<u8>>,
}

impl Canaries {
    /// A text; in any case, also where letters are not ASCII.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        for (case, text) in [
            ("", text.to_owned()),
            (", small", text.to_lowercase()),
            (", capital", text.to_uppercase()),
        ] {
            self.bytes(&format!("{name}{case}"), text.as_bytes());
            let units = || text.encode_utf16();
            let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
            self.spelt(format!("{name}{case}, in UTF-16"), little);
            self.spelt(format!("{name}{case}, in UTF-16"), big);
            let escaped: String = units().map(|unit| format!("\\u{unit:04x}")).collect();
            self.spelt(format!("{name}{case}, escaped"), escaped.into_bytes());
        }
    }

    /// Bytes; as they are, and in what is made of bytes to be read.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.spelt(name.to_owned(), bytes.to_vec());
        let pairs = |before: &str| -> Vec<u8> {
            let pairs = bytes.iter().map(|byte| format!("{before}{byte:02x}"));
            pairs.collect::<String>().into_bytes()
        };
        self.spelt(format!("{name}, in hexadecimal"), pairs(""));
        self.spelt(format!("{name}, percent-encoded"), pairs("%"));
        self.spelt(format!("{name}, escaped"), pairs("\\x"));
        let url = url::form_urlencoded::byte_serialize(bytes).collect::<String>();
        self.spelt(format!("{name}, in a form"), url.into_bytes());
        let debug = bytes.escape_ascii().to_string();
        self.spelt(format!("{name}, escaped"), debug.into_bytes());
        for before in 0..3 {
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let text = engine.encode([&[0; 2][..before], bytes].concat());
                // Digits that depend on these bytes alone.
                let (from, until) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
                let digits = text.as_bytes()[from..until].to_vec();
                self.spelt(format!("{name}, in base64"), digits);
            }
        }
    }

    fn spelt(&mut self, name: String, spelling: Vec<u8>) {
        if spelling.len() >= SHORTEST && !self.spellings.contains(&spelling) {
            self.names.push(name);
            self.spellings.push(spelling);
        }
    }

    /// To look for all of them at once, in any case of ASCII letters.
    pub(crate) fn search(&self) -> Result<Search> {
        ensure!(!self.spellings.is_empty(), "nothing to look for");
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&self.spellings)?;
        Ok(Search {
            automaton,
            names: self.names.clone(),
        })
    }
}

/// A search for canaries.
pub(crate) struct Search {
    automaton: AhoCorasick,
    names: Vec<String>,
}

impl Search {
    /// The first that is in `bytes`.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.automaton.find(bytes)?;
        Some(&self.names[found.pattern().as_usize()])
    }
}

#[test]
fn a_canary_is_found_in_every_spelling() -> Result<()> {
    let mut canaries = Canaries::default();
    canaries.text("marker", "Анна-Marker-7f");
    let search = canaries.search()?;
    let marker = "Анна-Marker-7f".as_bytes();
    let hex: String = marker.iter().map(|byte| format!("{byte:02X}")).collect();
    let percent: String = marker.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut spellings = vec![
        "Анна-Marker-7f".to_owned(),
        "АННА-MARKER-7F".to_owned(),
        "анна-mArKer-7f".to_owned(),
        hex,
        percent,
        format!("{:?}", String::from_utf8_lossy(marker)),
        marker.escape_ascii().to_string(),
    ];
    for before in ["", "x", "xy", "xyz"] {
        for after in ["", "z", "zz"] {
            let text = [before.as_bytes(), marker, after.as_bytes()].concat();
            spellings.push(STANDARD_NO_PAD.encode(&text));
            spellings.push(URL_SAFE_NO_PAD.encode(&text));
        }
    }
    for spelling in spellings {
        let inside = format!("{{\"field\":\"{spelling}\"}}");
        assert!(search.find(inside.as_bytes()).is_some(), "{spelling}");
    }
    let wide: Vec<u8> = "Анна-Marker-7f"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert!(search.find(&wide).is_some());
    assert_eq!(
        search.find(b"\xd0\x90\xd0\xbd\xd0\xbd\xd0\xb0-Marker"),
        None
    );
    Ok(())
}
