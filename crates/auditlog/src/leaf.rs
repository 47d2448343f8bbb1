use aws_lc_rs::digest;
use bytes::Bytes;

use crate::TreeHash;

/// The most bytes that one leaf can have: the length before it has 16 bits (C2SP tlog-tiles,
/// "Log entries").
pub const MAX_LEAF_BYTES: usize = 65_535;

const OVERSIZED: &str = "\0auditlog oversized record v1\n";

/// One leaf: the bytes that are hashed into the tree and kept in its bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    bytes: Bytes,
    append_time: Option<i64>,
}

impl Leaf {
    /// The leaf of a record: its value, verbatim.
    ///
    /// A value above [`MAX_LEAF_BYTES`] is stood in for by an [`OversizedRecord`], from which
    /// whoever has the record can still prove that it is the one. `partition` and `offset` are
    /// its place in the event log.
    pub fn of(value: Bytes, partition: u32, offset: u64) -> Self {
        if value.len() <= MAX_LEAF_BYTES {
            return Self::plain(value);
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, &value).as_ref());
        let stand_in = OversizedRecord {
            partition,
            offset,
            length: value.len() as u64,
            sha256,
        };
        Self::plain(stand_in.encode().into())
    }

    fn plain(bytes: Bytes) -> Self {
        Self {
            bytes,
            append_time: None,
        }
    }

    /// The same leaf of a record that the event log took in at this time, in milliseconds since
    /// 1970. It is no part of the leaf and of no root; it is kept beside it ([`Position`]).
    ///
    /// [`Position`]: crate::Position
    pub fn appended_at(self, millis: i64) -> Self {
        Self {
            append_time: Some(millis),
            ..self
        }
    }

    pub(crate) fn append_time(&self) -> Option<i64> {
        self.append_time
    }

    /// The leaf's bytes, as they stand in its bundle.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256(0x00 || leaf), RFC 6962 section 2.1.
    pub fn hash(&self) -> TreeHash {
        leaf_hash(&self.bytes)
    }
}

pub(crate) fn leaf_hash(bytes: &[u8]) -> TreeHash {
    tlog_tiles::record_hash(bytes).0
}

/// What stands in a log for a record that is too large for a leaf.
///
/// Its bytes are ASCII lines, in this order:
/// ```text
/// <0x00>auditlog oversized record v1
/// partition <decimal>
/// offset <decimal>
/// length <decimal, bytes of the value>
/// sha256 <64 lower-case hexadecimal digits, of the value>
/// ```
/// The zero byte in front can't start a protobuf message (field number 0 is illegal), so no
/// readable record looks like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OversizedRecord {
    /// The record's partition in the event log.
    pub partition: u32,
    /// The record's offset in that partition.
    pub offset: u64,
    /// The length of its value in bytes.
    pub length: u64,
    /// The SHA-256 of its value (not a leaf hash: nothing is put before it).
    pub sha256: [u8; 32],
}

impl OversizedRecord {
    /// Reads a leaf that stands in for a large record; `None` when it is an ordinary one.
    pub fn parse(leaf: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(leaf).ok()?.strip_prefix(OVERSIZED)?;
        let mut lines = text.lines();
        let partition = field(lines.next(), "partition ")?.parse().ok()?;
        let offset = field(lines.next(), "offset ")?.parse().ok()?;
        let length = field(lines.next(), "length ")?.parse().ok()?;
        let sha256 = unhex(field(lines.next(), "sha256 ")?)?;
        let parsed = Self {
            partition,
            offset,
            length,
            sha256,
        };
        // One text for one record: what isn't written exactly so isn't one, nor is what describes a
        // value that would have been a leaf itself.
        let large = length > MAX_LEAF_BYTES as u64;
        (large && parsed.encode().as_bytes() == leaf).then_some(parsed)
    }

    fn encode(&self) -> String {
        let sha256: String = self.sha256.iter().map(|b| format!("{b:02x}")).collect();
        format!(
            "{OVERSIZED}partition {}\noffset {}\nlength {}\nsha256 {sha256}\n",
            self.partition, self.offset, self.length
        )
    }
}

fn field<'a>(line: Option<&'a str>, name: &str) -> Option<&'a str> {
    line?.strip_prefix(name)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_is_its_leaf_up_to_the_limit() {
        for length in [0, 1, MAX_LEAF_BYTES] {
            let value = Bytes::from(vec![7; length]);
            assert_eq!(Leaf::of(value.clone(), 0, 0).bytes(), &value);
        }
    }

    #[test]
    fn a_larger_value_is_described() {
        let value = Bytes::from(vec![b'a'; MAX_LEAF_BYTES + 1]);
        let leaf = Leaf::of(value.clone(), 3, 41);
        let parsed = OversizedRecord::parse(leaf.bytes()).unwrap();
        assert_eq!(
            (parsed.partition, parsed.offset, parsed.length),
            (3, 41, 65_536)
        );
        assert_eq!(
            parsed.sha256,
            digest::digest(&digest::SHA256, &value).as_ref()
        );
        assert!(leaf.bytes().starts_with(
            b"\0auditlog oversized record v1\npartition 3\noffset 41\nlength 65536\nsha256 "
        ));
        assert_ne!(leaf, Leaf::of(value, 3, 42));
    }

    #[test]
    fn only_the_exact_form_is_a_stand_in() {
        let good = Leaf::of(vec![0; 70_000].into(), 1, 2);
        let text = std::str::from_utf8(good.bytes()).unwrap();
        assert!(OversizedRecord::parse(text.as_bytes()).is_some());
        for bad in [
            text.replace("offset 2", "offset 02"),
            text.replace("offset 2", "offset +2"),
            format!("{text}\n"),
            text.trim_end().to_owned(),
            text[1..].to_owned(),
            text.replace("sha256 ", "sha256 A"),
            text.replace("length 70000", "length 65535"),
        ] {
            assert_eq!(OversizedRecord::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
