//! Places as bytes. The first one says which form the others have.

use domain::event::DeviceSequence;

use super::Cursor;
use crate::serve::watch::{DeviceCursor, LeafCursor, Limits};
use crate::store::{AccessCursor, StatusCursor};

impl Cursor for AccessCursor {
    fn encode(self) -> Vec<u8> {
        [
            &[1][..],
            &self.time.to_be_bytes(),
            &self.offset.to_be_bytes(),
        ]
        .concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (time, rest) = bytes.strip_prefix(&[1])?.split_first_chunk()?;
        Some(Self {
            time: i64::from_be_bytes(*time),
            offset: u64::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

impl Cursor for LeafCursor {
    fn encode(self) -> Vec<u8> {
        [&[3][..], &self.0.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let leaf = bytes.strip_prefix(&[3])?.try_into().ok()?;
        Some(Self(u64::from_be_bytes(leaf)))
    }
}

impl Cursor for DeviceCursor {
    fn encode(self) -> Vec<u8> {
        let next = self.next.into_iter();
        let next = next.flat_map(|(partition, next)| {
            let numbers = [&partition.to_be_bytes()[..], &next.to_be_bytes()].concat();
            numbers.into_iter()
        });
        let head = [&[4][..], &self.time.to_be_bytes(), &self.limits.0];
        head.concat().into_iter().chain(next).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (time, rest) = bytes.strip_prefix(&[4])?.split_first_chunk()?;
        let (limits, rest) = rest.split_first_chunk()?;
        let (each, rest) = rest.as_chunks::<12>();
        let next = each.iter().map(|each| {
            let (partition, next) = each.split_first_chunk()?;
            let next = u64::from_be_bytes(next.try_into().ok()?);
            Some((u32::from_be_bytes(*partition), next))
        });
        let next = next.collect::<Option<_>>()?;
        rest.is_empty().then_some(Self {
            time: i64::from_be_bytes(*time),
            limits: Limits(*limits),
            next,
        })
    }
}

impl Cursor for StatusCursor {
    fn encode(self) -> Vec<u8> {
        let DeviceSequence { epoch, sequence } = self.sequence;
        let numbers = [epoch.to_be_bytes(), sequence.to_be_bytes()].concat();
        [&[2][..], &self.time.to_be_bytes(), &numbers].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (time, rest) = bytes.strip_prefix(&[2])?.split_first_chunk()?;
        let (epoch, sequence) = rest.split_first_chunk()?;
        Some(Self {
            time: i64::from_be_bytes(*time),
            sequence: DeviceSequence {
                epoch: u64::from_be_bytes(*epoch),
                sequence: u64::from_be_bytes(sequence.try_into().ok()?),
            },
        })
    }
}
