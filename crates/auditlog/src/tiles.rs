use object_store::path::Path;
use tlog_tiles::{HASH_SIZE, Tile};

use crate::{Error, LogId, MAX_LEAF_BYTES, Position};

/// How many leaves a full entry bundle has, and how many hashes a full tile (C2SP tlog-tiles).
pub const ENTRIES_PER_BUNDLE: u64 = 256;

/// The most leaves that a log may hold; larger sizes in a checkpoint are refused.
pub const MAX_LEAVES: u64 = 1 << 48;

/// The height of a tile.
pub(crate) const HEIGHT: u8 = 8;
/// The width of a full tile or bundle.
pub(crate) const FULL: u32 = 256;

/// One object of a log, by its coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// `tile/<L>/<N>[.p/<W>]`
    Hashes { level: u8, index: u64, width: u32 },
    /// `tile/entries/<N>[.p/<W>]`
    Entries { index: u64, width: u32 },
    /// `offset/<N>`
    Offset { index: u64 },
    /// `position/<N>[.p/<W>]`
    Positions { index: u64, width: u32 },
    /// `checkpoint`
    Checkpoint,
    /// `cosigned`
    Cosigned,
    /// `pruned`
    Pruned,
}

impl Name {
    /// The path below the log's prefix. `tlog_tiles` encodes the numbers, but names the height
    /// too, and calls the entries "data", as the Go checksum database does; C2SP doesn't.
    pub(crate) fn relative(self) -> String {
        let data = |index, width| Tile::new(HEIGHT, 0, index, width, true).path();
        match self {
            Self::Hashes {
                level,
                index,
                width,
            } => Tile::new(HEIGHT, level, index, width, false)
                .path()
                .replacen("tile/8/", "tile/", 1),
            Self::Entries { index, width } => {
                data(index, width).replacen("tile/8/data/", "tile/entries/", 1)
            }
            Self::Offset { index } => data(index, FULL).replacen("tile/8/data/", "offset/", 1),
            Self::Positions { index, width } => {
                data(index, width).replacen("tile/8/data/", "position/", 1)
            }
            Self::Checkpoint => "checkpoint".to_owned(),
            Self::Cosigned => "cosigned".to_owned(),
            Self::Pruned => "pruned".to_owned(),
        }
    }

    pub(crate) fn path(self, log: &LogId) -> Path {
        log.path(&self.relative())
    }

    /// The prefix under which this object's partial forms are kept.
    pub(crate) fn partials(self, log: &LogId) -> Path {
        log.path(&format!("{}.p", self.full().relative()))
    }

    /// Whether this is the partial form of a tile or bundle.
    pub(crate) fn is_partial(self) -> bool {
        matches!(self, Self::Hashes { width, .. } | Self::Entries { width, .. } | Self::Positions { width, .. } if width < FULL)
    }

    /// The same object at full width.
    pub(crate) fn full(self) -> Self {
        match self {
            Self::Hashes { level, index, .. } => Self::Hashes {
                level,
                index,
                width: FULL,
            },
            Self::Entries { index, .. } => Self::Entries { index, width: FULL },
            Self::Positions { index, .. } => Self::Positions { index, width: FULL },
            other => other,
        }
    }

    /// The most bytes that such an object can have; what is larger is not read into memory.
    pub(crate) fn max_bytes(self) -> u64 {
        match self {
            Self::Hashes { width, .. } => u64::from(width) * HASH_SIZE as u64,
            Self::Entries { width, .. } => u64::from(width) * (2 + MAX_LEAF_BYTES as u64),
            Self::Offset { .. } => 21,
            Self::Positions { width, .. } => u64::from(width) * Position::BYTES as u64,
            Self::Checkpoint | Self::Cosigned => 64 * 1024,
            Self::Pruned => 4 << 20,
        }
    }

    pub(crate) fn mismatch(self, log: &LogId, detail: &'static str) -> Error {
        Error::Mismatch {
            log: log.to_string(),
            object: self.relative(),
            detail,
        }
    }
}

impl From<Tile> for Name {
    fn from(tile: Tile) -> Self {
        Self::Hashes {
            level: tile.level(),
            index: tile.level_index(),
            width: tile.width(),
        }
    }
}

/// How many subtrees of height 8 × `level` a tree of `size` leaves has.
pub(crate) fn nodes(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(HEIGHT) * u32::from(level))
        .unwrap_or(0)
}

/// How many of them stand in the unfinished tile.
pub(crate) fn partial_width(size: u64, level: u8) -> u32 {
    (nodes(size, level) % u64::from(FULL)) as u32
}

/// The tiles and bundles that growing from `from` to `to` leaves makes full.
pub(crate) fn completed(from: u64, to: u64) -> Vec<Name> {
    let mut names = Vec::new();
    for level in 0..HEIGHT {
        for index in nodes(from, level + 1)..nodes(to, level + 1) {
            if level == 0 {
                names.push(Name::Entries { index, width: FULL });
                names.push(Name::Positions { index, width: FULL });
            }
            names.push(Name::Hashes {
                level,
                index,
                width: FULL,
            });
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_c2sp() {
        let cases = [
            (0, 0, FULL, "tile/0/000"),
            (0, 999, FULL, "tile/0/999"),
            (0, 1000, FULL, "tile/0/x001/000"),
            (1, 1234, 5, "tile/1/x001/234.p/5"),
            (2, 1_234_067, FULL, "tile/2/x001/x234/067"),
            (0, 1_234_067, 255, "tile/0/x001/x234/067.p/255"),
        ];
        for (level, index, width, path) in cases {
            let name = Name::Hashes {
                level,
                index,
                width,
            };
            assert_eq!(name.relative(), path);
        }
        let entries = |index, width| Name::Entries { index, width }.relative();
        assert_eq!(entries(0, 7), "tile/entries/000.p/7");
        assert_eq!(entries(1234, FULL), "tile/entries/x001/234");
        assert_eq!(Name::Offset { index: 1234 }.relative(), "offset/x001/234");
        let positions = |index, width| Name::Positions { index, width }.relative();
        assert_eq!(positions(1234, 7), "position/x001/234.p/7");
    }

    #[test]
    fn widths_follow_the_example_of_the_standard() {
        // C2SP tlog-tiles, "Partial Tiles": a tree of size 70,000.
        assert_eq!(nodes(70_000, 1), 273);
        assert_eq!(
            [0, 1, 2, 3].map(|l| partial_width(70_000, l)),
            [112, 17, 1, 0]
        );
        assert_eq!([0, 1].map(|l| partial_width(256, l)), [0, 1]);
        assert_eq!(nodes(u64::MAX, 8), 0);
        let full = completed(0, 70_000);
        let count = |level| {
            full.iter()
                .filter(|n| matches!(n, Name::Hashes { level: l, .. } if *l == level))
                .count()
        };
        assert_eq!([0, 1, 2].map(count), [273, 1, 0]);
    }
}
