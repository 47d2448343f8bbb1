//! One line: a person and what they may open.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use csv::StringRecord;
use domain::registry::Grant;
use domain::vocabulary::GrantRole;
use domain::window::Window;
use domain::{BuildingId, ComplexId, DeviceId, EntranceId, GrantId, IdError, SubjectRef};
use http::Uri;
use jiff::Timestamp;
use uuid::Uuid;

use super::bad::Bad;
use super::header::{
    BUILDING_IDS, DEVICE_IDS, ENTRANCE_IDS, GRANT_ID, Header, ISSUER, NOT_AFTER, NOT_BEFORE, ROLE,
    USER_ID,
};
use crate::scalar;

/// Namespace of grants that no line names (RFC 9562, section 5.5): UUIDv5 of the URL
/// `urn:smarthome:smarthomectl:grants`.
const GRANTS: Uuid = Uuid::from_u128(0x6805_9272_24f0_5eaf_b7e6_8b4e_852f_792f);
/// The longest issuer and the longest user id, in bytes; the service has the last word.
const MAX_TEXT: usize = 512;

/// Somebody who logs in. Not to be printed: a user id is a personal datum.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Person {
    /// `iss` of their tokens.
    pub(crate) issuer: Arc<str>,
    /// `sub` of their tokens.
    pub(crate) user_id: String,
}

/// What a person may open, and when.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Right {
    /// As what.
    pub(crate) role: GrantRole,
    /// Nothing here and no place is all of the complex.
    pub(crate) devices: BTreeSet<DeviceId>,
    pub(crate) buildings: BTreeSet<BuildingId>,
    pub(crate) entrances: BTreeSet<EntranceId>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
}

/// A good line.
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) person: Arc<Person>,
    /// In the order of the line.
    pub(crate) devices: Vec<DeviceId>,
    /// In the order of the line.
    pub(crate) buildings: Vec<BuildingId>,
    /// In the order of the line.
    pub(crate) entrances: Vec<EntranceId>,
    pub(crate) right: Right,
    /// As the line names it.
    pub(crate) grant: Option<GrantId>,
}

impl Line {
    /// The grant that the line wants for the person's reference. Where the line names none, its id
    /// is made of the right, so that the same line is the same grant.
    pub(crate) fn grant(&self, complex: &ComplexId, subject: SubjectRef) -> Grant {
        let right = &self.right;
        let made = || {
            GrantId(Uuid::new_v5(
                &GRANTS,
                right.name(complex, subject).as_bytes(),
            ))
        };
        Grant {
            id: self.grant.unwrap_or_else(made),
            subject,
            role: right.role,
            devices: right.devices.iter().cloned().collect(),
            buildings: right.buildings.iter().cloned().collect(),
            entrances: right.entrances.iter().cloned().collect(),
            window: Window {
                not_before: right.not_before,
                not_after: right.not_after,
                ..Window::default()
            },
            revoked: false,
        }
    }
}

impl Right {
    /// One text for one right of one reference. It names grants that stand, and never changes.
    fn name(&self, complex: &ComplexId, subject: SubjectRef) -> String {
        let devices: Vec<_> = self.devices.iter().map(DeviceId::as_str).collect();
        let buildings: Vec<_> = self.buildings.iter().map(BuildingId::as_str).collect();
        let entrances: Vec<_> = self.entrances.iter().map(EntranceId::as_str).collect();
        // A grant that names no place is called as it was before there were any.
        let places = match (buildings.is_empty(), entrances.is_empty()) {
            (true, true) => String::new(),
            _ => format!("\n{}\n{}", buildings.join(" "), entrances.join(" ")),
        };
        let time = |time: Option<Timestamp>| time.map(|at| at.to_string()).unwrap_or_default();
        format!(
            "{complex}\n{subject}\n{}\n{}\n{}\n{}{places}",
            self.role.as_str(),
            devices.join(" "),
            time(self.not_before),
            time(self.not_after)
        )
    }
}

/// Reads lines of one file.
pub(crate) struct LineReader<'a> {
    pub(crate) complex: &'a ComplexId,
    pub(crate) header: &'a Header,
    /// Most lines have one issuer.
    pub(crate) issuer: Arc<str>,
}

impl LineReader<'_> {
    /// Reads a line, or notes all that is wrong with it.
    pub(crate) fn read(
        &mut self,
        number: u64,
        record: &StringRecord,
        bad: &mut Vec<Bad>,
    ) -> Option<Line> {
        if record.iter().all(|field| field.trim().is_empty()) {
            bad.push(Bad::whole(number, "the line is empty; delete it"));
            return None;
        }
        let (width, found) = (self.header.width, record.len());
        if found != width {
            let what = format!("expected {width} fields as in the header, found {found}");
            bad.push(Bad::whole(number, what));
            return None;
        }
        let header = self.header;
        let raw = |column| header.field(record, column);
        let given = |column| Some(raw(column).trim()).filter(|text| !text.is_empty());
        let mut good = Noting { number, bad };

        let issuer = good.one(ISSUER, given(ISSUER).ok_or_else(empty).and_then(issuer));
        let user_id = good.one(USER_ID, user_id(raw(USER_ID)));
        let roles = |text| scalar::one_of(text, GrantRole::ALL, GrantRole::as_str);
        let role = good.one(ROLE, given(ROLE).ok_or_else(empty).and_then(roles));
        let devices = self.devices(raw(DEVICE_IDS), &mut good);
        let buildings = self.buildings(raw(BUILDING_IDS), &mut good);
        let entrances = self.entrances(raw(ENTRANCE_IDS), &mut good);
        let mut time = |column| {
            let time = given(column).map(scalar::instant).transpose();
            good.one(column, time)
        };
        let (not_before, not_after) = (time(NOT_BEFORE), time(NOT_AFTER));
        if let (Some(Some(from)), Some(Some(until))) = (not_before, not_after)
            && until <= from
        {
            good.note(NOT_AFTER, "expected a time after not_before".to_owned());
            return None;
        }
        let grant = given(GRANT_ID).map(str::parse::<GrantId>).transpose();
        let grant = good.one(GRANT_ID, grant.map_err(|error| error.to_string()));

        let (issuer, devices) = (issuer?, devices?);
        let (buildings, entrances) = (buildings?, entrances?);
        if *self.issuer != *issuer {
            self.issuer = issuer.into();
        }
        Some(Line {
            number,
            person: Arc::new(Person {
                issuer: Arc::clone(&self.issuer),
                user_id: user_id?.to_owned(),
            }),
            right: Right {
                role: role?,
                devices: devices.iter().cloned().collect(),
                buildings: buildings.iter().cloned().collect(),
                entrances: entrances.iter().cloned().collect(),
                not_before: not_before?,
                not_after: not_after?,
            },
            devices,
            buildings,
            entrances,
            grant: grant?,
        })
    }

    fn devices(&self, text: &str, good: &mut Noting<'_>) -> Option<Vec<DeviceId>> {
        let column = (DEVICE_IDS, "device", "a device");
        ids(text, column, self.complex, DeviceId::complex, good)
    }

    fn buildings(&self, text: &str, good: &mut Noting<'_>) -> Option<Vec<BuildingId>> {
        let column = (BUILDING_IDS, "building", "a building");
        ids(text, column, self.complex, BuildingId::complex, good)
    }

    fn entrances(&self, text: &str, good: &mut Noting<'_>) -> Option<Vec<EntranceId>> {
        let column = (ENTRANCE_IDS, "entrance", "an entrance");
        ids(text, column, self.complex, EntranceId::complex, good)
    }
}

/// Reads the ids of one field, all of them of one complex.
fn ids<T: FromStr<Err = IdError> + PartialEq>(
    text: &str,
    (column, kind, one): (&'static str, &str, &str),
    complex: &ComplexId,
    complex_of: fn(&T) -> ComplexId,
    good: &mut Noting<'_>,
) -> Option<Vec<T>> {
    let (mut found, mut all) = (Vec::new(), true);
    let ids = text.split(|c: char| c == ';' || c.is_whitespace());
    for (place, id) in (1..).zip(ids.filter(|id| !id.is_empty())) {
        let what = match id.parse::<T>() {
            Err(error) => error.to_string(),
            Ok(id) if complex_of(&id) != *complex => format!("expected {one} of {complex}"),
            Ok(id) if !found.contains(&id) => {
                found.push(id);
                continue;
            }
            Ok(_) => "stands in the field twice".to_owned(),
        };
        good.note(column, format!("{kind} {place}: {what}"));
        all = false;
    }
    all.then_some(found)
}

/// Notes what is wrong with a line.
struct Noting<'a> {
    number: u64,
    bad: &'a mut Vec<Bad>,
}

impl Noting<'_> {
    fn note(&mut self, column: &'static str, what: String) {
        self.bad.push(Bad::at(self.number, column, what));
    }

    fn one<T>(&mut self, column: &'static str, read: Result<T, String>) -> Option<T> {
        read.map_err(|what| self.note(column, what)).ok()
    }
}

fn empty() -> String {
    "is empty".to_owned()
}

fn issuer(text: &str) -> Result<&str, String> {
    let uri = text.parse::<Uri>().ok();
    let is_url = uri.is_some_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some());
    if is_url && text.len() <= MAX_TEXT {
        Ok(text)
    } else {
        Err("expected the https URL that stands in the users' tokens as `iss`".to_owned())
    }
}

/// Taken as it stands: to an issuer, two ids that differ in a space are two people.
fn user_id(text: &str) -> Result<&str, String> {
    if text.trim().is_empty() {
        Err(empty())
    } else if text.trim() != text || text.chars().any(char::is_control) {
        Err("has a space before or after it, or a control character".to_owned())
    } else if text.len() > MAX_TEXT {
        Err(format!("is longer than {MAX_TEXT} bytes"))
    } else {
        Ok(text)
    }
}
