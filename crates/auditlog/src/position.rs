use bytes::Bytes;

/// Where a leaf's record stands in the event log, and since when: what a decision names its
/// inputs by.
///
/// The positions of a bundle's leaves stand beside it in `position/<N>[.p/<W>]`, 16 bytes each:
/// the offset and the append time in milliseconds since 1970, both 64 bit and big-endian. Like
/// `offset/<N>` they are no part of C2SP, and no root covers them: they come from whoever wrote the
/// log. The order of the records is the tree's and can't be changed by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The offset in the log's partition.
    pub offset: u64,
    /// When the event log took it in, in milliseconds since 1970.
    pub append_time: i64,
}

impl Position {
    /// How many bytes one takes.
    pub(crate) const BYTES: usize = 16;

    pub(crate) fn encode(positions: &[Self]) -> Bytes {
        let bytes = positions.iter().flat_map(|position| {
            let mut bytes = [0; Self::BYTES];
            bytes[..8].copy_from_slice(&position.offset.to_be_bytes());
            bytes[8..].copy_from_slice(&position.append_time.to_be_bytes());
            bytes
        });
        bytes.collect::<Vec<u8>>().into()
    }

    /// Offsets rise. Append times are the log's own word: clocks may go back.
    pub(crate) fn parse(bytes: &[u8], width: u32) -> Result<Vec<Self>, &'static str> {
        let (entries, []) = bytes.as_chunks::<{ Self::BYTES }>() else {
            return Err("ends inside a position");
        };
        if entries.len() != width as usize {
            return Err("has another number of positions than its name says");
        }
        let positions: Vec<Self> = entries.iter().map(Self::of).collect();
        if positions.is_sorted_by(|one, other| one.offset < other.offset) {
            Ok(positions)
        } else {
            Err("has offsets that don't rise")
        }
    }

    fn of(bytes: &[u8; Self::BYTES]) -> Self {
        let (offset, append_time) = bytes.split_at(8);
        Self {
            offset: offset.try_into().map_or(0, u64::from_be_bytes),
            append_time: append_time.try_into().map_or(0, i64::from_be_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(offset: u64, append_time: i64) -> Position {
        Position {
            offset,
            append_time,
        }
    }

    #[test]
    fn they_read_back_and_only_in_order() {
        let good = [at(0, -1), at(7, 5), at(8, 5)];
        let bytes = Position::encode(&good);
        let first = [[0; 8], [255; 8], [0, 0, 0, 0, 0, 0, 0, 7]].concat();
        assert_eq!(bytes[..24], first);
        assert_eq!(Position::parse(&bytes, 3).unwrap(), good);
        assert!(Position::parse(&bytes, 2).is_err());
        assert!(Position::parse(&bytes[1..], 3).is_err());
        for bad in [[at(7, 5), at(7, 5)], [at(7, 5), at(6, 5)]] {
            assert!(Position::parse(&Position::encode(&bad), 2).is_err());
        }
    }
}
