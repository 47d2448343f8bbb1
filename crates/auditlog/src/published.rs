use std::fmt;

use crate::MAX_LEAVES;
use crate::tiles::{FULL, Name};

/// The highest level that a path can name (C2SP tlog-tiles, "Merkle Tree").
const TOP_LEVEL: u8 = 63;

/// An object of a log that C2SP tlog-tiles publishes, named by its path below the log's prefix.
///
/// There is one path for each object, and nothing else is one: [`PublishedObject::parse`] reads
/// exactly what `to_string` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublishedObject {
    /// `checkpoint`: the newest signed size and root.
    Checkpoint,
    /// `cosigned`, no part of C2SP: the newest checkpoint that witnesses have cosigned.
    Cosigned,
    /// `tile/<L>/<N>[.p/<W>]`: `width` consecutive hashes of subtrees of height 8 × `level`.
    Tile {
        /// 0 for the hashes of leaves.
        level: u8,
        /// Which tile of its level.
        index: u64,
        /// 1 to 256 hashes.
        width: u32,
    },
    /// `tile/entries/<N>[.p/<W>]`: `width` leaves.
    Entries {
        /// Which bundle.
        index: u64,
        /// 1 to 256 leaves.
        width: u32,
    },
    /// `pruned`, no part of C2SP: which bundles were taken away, as [`Pruned`](crate::Pruned) says.
    Pruned,
    /// `position/<N>[.p/<W>]`, no part of C2SP: where the records of `width` leaves stand in the
    /// event log, as [`Position`](crate::Position) says.
    Positions {
        /// Of which bundle.
        index: u64,
        /// 1 to 256 leaves.
        width: u32,
    },
}

impl PublishedObject {
    /// The object with this path; none if the path isn't one, or isn't written in the only way
    /// that it can be.
    pub fn parse(path: &str) -> Option<Self> {
        let object = match path.split_once('/') {
            None => match path {
                "checkpoint" => Self::Checkpoint,
                "cosigned" => Self::Cosigned,
                "pruned" => Self::Pruned,
                _ => return None,
            },
            Some(("position", number)) => {
                let (index, width) = numbered(number)?;
                Self::Positions { index, width }
            }
            Some((kind, rest)) => {
                let (level, number) = (kind == "tile").then(|| rest.split_once('/'))??;
                let (index, width) = numbered(number)?;
                match level {
                    "entries" => Self::Entries { index, width },
                    level => Self::Tile {
                        level: u8::try_from(decimal(level)?).ok()?,
                        index,
                        width,
                    },
                }
            }
        };
        (object.is_possible() && object.to_string() == path).then_some(object)
    }

    fn is_possible(self) -> bool {
        match self {
            Self::Checkpoint | Self::Cosigned | Self::Pruned => true,
            Self::Tile { level, width, .. } => level <= TOP_LEVEL && (1..=FULL).contains(&width),
            Self::Entries { width, .. } | Self::Positions { width, .. } => {
                (1..=FULL).contains(&width)
            }
        }
    }

    pub(crate) fn name(self) -> Name {
        match self {
            Self::Checkpoint => Name::Checkpoint,
            Self::Cosigned => Name::Cosigned,
            Self::Pruned => Name::Pruned,
            Self::Tile {
                level,
                index,
                width,
            } => Name::Hashes {
                level,
                index,
                width,
            },
            Self::Entries { index, width } => Name::Entries { index, width },
            Self::Positions { index, width } => Name::Positions { index, width },
        }
    }
}

/// The path.
impl fmt::Display for PublishedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().relative())
    }
}

/// `<N>[.p/<W>]`.
fn numbered(text: &str) -> Option<(u64, u32)> {
    let (number, width) = match text.split_once(".p/") {
        Some((number, width)) => (number, u32::try_from(decimal(width)?).ok()?),
        None => (text, FULL),
    };
    Some((index(number)?, width))
}

/// `x001/x234/067` is 1,234,067. At most what a log may have leaves.
fn index(path: &str) -> Option<u64> {
    let mut index: u64 = 0;
    for group in path.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(decimal(digits)?)?;
    }
    (index < MAX_LEAVES).then_some(index)
}

/// ASCII digits alone: no sign, as `u64::from_str` would take.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_has_one_path() {
        let tile = |level, index, width| PublishedObject::Tile {
            level,
            index,
            width,
        };
        let entries = |index, width| PublishedObject::Entries { index, width };
        let positions = |index, width| PublishedObject::Positions { index, width };
        for (path, object) in [
            ("checkpoint", PublishedObject::Checkpoint),
            ("cosigned", PublishedObject::Cosigned),
            ("pruned", PublishedObject::Pruned),
            ("tile/0/000", tile(0, 0, 256)),
            ("tile/63/999.p/255", tile(63, 999, 255)),
            ("tile/2/x001/x234/067", tile(2, 1_234_067, 256)),
            ("tile/entries/x001/234.p/1", entries(1234, 1)),
            ("tile/entries/x001/000", entries(1000, 256)),
            ("position/x001/000.p/9", positions(1000, 9)),
            ("position/000", positions(0, 256)),
        ] {
            assert_eq!(PublishedObject::parse(path), Some(object), "{path}");
            assert_eq!(object.to_string(), path);
        }
    }

    #[test]
    fn nothing_else_is_a_path() {
        for path in [
            "",
            "/checkpoint",
            "checkpoint/",
            "Checkpoint",
            "cosigned/",
            "pruned/",
            "pruned/000",
            "offset/000",
            "position",
            "position/",
            "position/0/000",
            "position/entries/000",
            "position/000.p/0",
            "position/000.p/256",
            "tile",
            "tile/",
            "tile//000",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/x001/x000",
            "tile/0/x1/000",
            "tile/0/X001/000",
            "tile/00/000",
            "tile/+0/000",
            "tile/-1/000",
            "tile/64/000",
            "tile/data/000",
            "tile/8/0/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/007",
            "tile/0/000.p/+7",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/000.p/7/",
            "tile/0/000.p/7.p/7",
            "tile/0/../000",
            "tile/entries/..%2f000",
            "tile/entries/00\u{0660}",
            "tile/0/000?x",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(PublishedObject::parse(path), None, "{path:?}");
        }
    }
}
