//! Fields of requests as they come to what they mean; every wrong one is named.

use std::str::FromStr;

use domain::id::{ComplexId, DeviceId};
use jiff::Timestamp;
use records::timestamp_from_wire;
use tonic_types::FieldViolation;

use super::status::Refusal;

const DEFAULT_PAGE: usize = 50;
const LARGEST_PAGE: u32 = 500;

/// What is wrong with a request, so far.
#[derive(Default)]
pub(super) struct Fields(Vec<FieldViolation>);

impl Fields {
    pub(super) fn wrong(&mut self, field: &str, description: impl Into<String>) {
        self.0.push(FieldViolation::new(field, description));
    }

    /// A field that must be there.
    pub(super) fn parse<T: FromStr<Err: ToString>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        let parsed = text
            .parse()
            .map_err(|error: T::Err| self.wrong(field, error.to_string()));
        parsed.ok()
    }

    pub(super) fn parse_some<T: FromStr<Err: ToString>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        if text.is_empty() {
            None
        } else {
            self.parse(field, text)
        }
    }

    pub(super) fn word<T>(
        &mut self,
        field: &str,
        number: i32,
        from: fn(i32) -> Option<T>,
    ) -> Option<T> {
        let word = from(number);
        if word.is_none() && number != 0 {
            self.wrong(field, "not a value of this enum");
        }
        word
    }

    pub(super) fn time(
        &mut self,
        field: &'static str,
        at: Option<&prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        let at = timestamp_from_wire(field, at?);
        at.map_err(|_| self.wrong(field, "not a google.protobuf.Timestamp"))
            .ok()
    }

    pub(super) fn span(
        &mut self,
        from: Option<&prost_types::Timestamp>,
        until: Option<&prost_types::Timestamp>,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let (from, until) = (self.time("from", from), self.time("until", until));
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            self.wrong("until", "must be after `from`");
        }
        (from, until)
    }

    pub(super) fn device_of(
        &mut self,
        complex: Option<&ComplexId>,
        text: &str,
    ) -> Option<DeviceId> {
        let device: Option<DeviceId> = self.parse_some("device_id", text);
        if let (Some(device), Some(complex)) = (&device, complex)
            && device.complex() != *complex
            && !complex.is_reserved()
        {
            self.wrong("device_id", "not a device of `complex_id`");
        }
        device
    }

    pub(super) fn page_size(&mut self, size: u32) -> usize {
        if size > LARGEST_PAGE {
            self.wrong("page_size", format!("at most {LARGEST_PAGE}"));
        }
        match size {
            0 => DEFAULT_PAGE,
            size => usize::try_from(size).unwrap_or(DEFAULT_PAGE),
        }
    }

    /// What was read, if nothing was wrong.
    pub(super) fn done<T>(self, read: Option<T>) -> Result<T, Refusal> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Refusal::Fields(self.0)),
        }
    }
}
