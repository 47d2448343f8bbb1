//! Cosignatures: that a checkpoint was seen, and continues what was seen before (C2SP tlog-cosignature,
//! Ed25519).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

/// What marks a key of cosignatures.
const COSIGNATURE: u8 = 4;
const PRIVATE: &str = "PRIVATE+KEY+";

/// Whose cosignatures count: `<name>+<id>+<base64>`, of type 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    public: [u8; 32],
}

impl std::str::FromStr for WitnessKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "expected a witness' verifier key, <name>+<id>+<base64> of type 04";
        let (name, rest) = text.trim().split_once('+').ok_or(wrong)?;
        let (_, encoded) = rest.split_once('+').ok_or(wrong)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| wrong)?;
        let [COSIGNATURE, public @ ..] = bytes.as_slice() else {
            return Err(wrong);
        };
        let key = Self {
            name: name.to_owned(),
            public: public.try_into().map_err(|_| wrong)?,
        };
        if key.text() == text.trim() && is_name(name) {
            Ok(key)
        } else {
            Err(wrong)
        }
    }
}

impl<'de> serde::Deserialize<'de> for WitnessKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl WitnessKey {
    /// As text, `<name>+<id>+<base64>`.
    pub fn text(&self) -> String {
        let [a, b, c, d] = self.id();
        let encoded = BASE64_STANDARD.encode([&[COSIGNATURE], &self.public[..]].concat());
        format!("{}+{a:02x}{b:02x}{c:02x}{d:02x}+{encoded}", self.name)
    }

    /// Who it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let named = [self.name.as_bytes(), b"\n", &[COSIGNATURE], &self.public].concat();
        let hash = digest(&SHA256, &named);
        let mut id = [0; 4];
        id.copy_from_slice(&hash.as_ref()[..4]);
        id
    }

    /// When the witness saw a checkpoint; none where the note has no good cosignature of it.
    pub fn seen(&self, note: &str) -> Option<Timestamp> {
        self.cosignature(note).map(|(_, seen)| seen)
    }

    /// The witness' line below a checkpoint's note, without its newline, and when it saw it; none where it
    /// has no good one.
    pub fn cosignature<'a>(&self, note: &'a str) -> Option<(&'a str, Timestamp)> {
        let (body, signatures) = note.split_once("\n\n")?;
        let prefix = format!("\u{2014} {} ", self.name);
        let own = signatures
            .lines()
            .filter_map(|line| Some((line, line.strip_prefix(&prefix)?)));
        own.filter_map(|(line, encoded)| Some((line, BASE64_STANDARD.decode(encoded).ok()?)))
            .find_map(|(line, bytes)| {
                let (id, rest) = bytes.split_first_chunk::<4>()?;
                let (time, signature) = rest.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                let message = message(body, time);
                let good = *id == self.id()
                    && UnparsedPublicKey::new(&ED25519, &self.public)
                        .verify(message.as_bytes(), signature)
                        .is_ok();
                let at = Timestamp::from_second(i64::try_from(time).ok()?).ok()?;
                good.then_some((line, at))
            })
    }
}

/// What a cosignature signs; `body` is the note's without its last newline.
fn message(body: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{body}\n")
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'+')
}

/// Makes cosignatures, with a private key of one line: `PRIVATE+KEY+<name>+<base64>`, of a byte 04 and the
/// seed of RFC 8032.
pub struct Cosigner {
    pair: Ed25519KeyPair,
    key: WitnessKey,
}

impl Cosigner {
    /// A new key, with the text of its file.
    ///
    /// # Errors
    /// Why there is none: the name is not of printable characters without spaces and `+`, or the system
    /// gives no randomness.
    pub fn generate(name: &str) -> Result<(Self, String), &'static str> {
        let mut seed = [0; 32];
        let filled = SystemRandom::new().fill(&mut seed);
        filled.map_err(|_| "the system gives no randomness")?;
        let made = Self::of(name, &seed);
        let made =
            made.ok_or("a witness' name is of printable characters, without spaces and +")?;
        let encoded = BASE64_STANDARD.encode([&[COSIGNATURE], &seed[..]].concat());
        let text = format!("{PRIVATE}{name}+{}\n", encoded);
        Ok((made, text))
    }

    /// Reads the text of its file; none where it is no such key.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, encoded) = text.trim().strip_prefix(PRIVATE)?.split_once('+')?;
        let bytes = BASE64_STANDARD.decode(encoded).ok()?;
        let [COSIGNATURE, seed @ ..] = bytes.as_slice() else {
            return None;
        };
        Self::of(name, seed)
    }

    fn of(name: &str, seed: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let key = WitnessKey {
            name: name.to_owned(),
            public: pair.public_key().as_ref().try_into().ok()?,
        };
        is_name(name).then_some(Self { pair, key })
    }

    /// What checks its cosignatures.
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// The signature line of a checkpoint's note, with its newline.
    pub fn line(&self, note: &str, now: Timestamp) -> Option<String> {
        let (body, _) = note.split_once("\n\n")?;
        let time = u64::try_from(now.as_second()).ok()?;
        let signature = self.pair.try_sign(message(body, time).as_bytes()).ok()?;
        let bytes = [&self.key.id()[..], &time.to_be_bytes(), signature.as_ref()].concat();
        let encoded = BASE64_STANDARD.encode(bytes);
        Some(format!("\u{2014} {} {encoded}\n", self.key.name))
    }
}
