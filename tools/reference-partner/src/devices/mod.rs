//! The simulated hardware: what devices there are, and how each is told to fail.

mod failure;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub(crate) use failure::{Armed, Before, Failure, Fault, Mode, SlowStage};

use crate::command::Operation;
use crate::config::{Complex, Device, Kind};
use crate::ids::{ComplexId, DeviceId};

/// All devices of all complexes.
#[derive(Debug)]
pub(crate) struct Fleet {
    complexes: Vec<ComplexId>,
    devices: BTreeMap<DeviceId, (ComplexId, Device)>,
    failures: Mutex<BTreeMap<DeviceId, Armed>>,
}

impl Fleet {
    pub(crate) fn new(complexes: &[Complex]) -> Self {
        let devices = complexes.iter().flat_map(|complex| {
            let place =
                move |device: &Device| (device.id.clone(), (complex.id.clone(), device.clone()));
            complex.devices.iter().map(place)
        });
        Self {
            complexes: complexes.iter().map(|complex| complex.id.clone()).collect(),
            devices: devices.collect(),
            failures: Mutex::default(),
        }
    }

    /// All complexes.
    pub(crate) fn complexes(&self) -> &[ComplexId] {
        &self.complexes
    }

    /// A device and its complex.
    pub(crate) fn find(&self, device: &DeviceId) -> Option<(&ComplexId, &Device)> {
        self.devices
            .get(device)
            .map(|(complex, device)| (complex, device))
    }

    /// All devices with their complexes, by id.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&ComplexId, &Device)> {
        self.devices
            .values()
            .map(|(complex, device)| (complex, device))
    }

    /// The devices of one complex, by id.
    pub(crate) fn of<'a>(&'a self, complex: &'a ComplexId) -> impl Iterator<Item = &'a Device> {
        self.all()
            .filter(move |(of, _)| *of == complex)
            .map(|(_, device)| device)
    }

    /// Makes a device fail from now on.
    pub(crate) fn arm(&self, device: DeviceId, armed: Armed) {
        self.failures().insert(device, armed);
    }

    /// Makes a device work again.
    pub(crate) fn disarm(&self, device: &DeviceId) {
        self.failures().remove(device);
    }

    /// How a device is told to fail, for showing.
    pub(crate) fn armed(&self, device: &DeviceId) -> Option<Armed> {
        self.failures().get(device).cloned()
    }

    /// The failure that this open meets; counts it.
    pub(crate) fn take_failure(&self, device: &DeviceId) -> Option<Failure> {
        let mut failures = self.failures();
        let armed = failures.get_mut(device)?;
        let failure = armed.failure.clone();
        if armed.count_down() {
            failures.remove(device);
        }
        Some(failure)
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, BTreeMap<DeviceId, Armed>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    /// The operation that opens such a device.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::Door | Self::Intercom => Operation::OpenDoor,
            Self::Gate | Self::Barrier => Operation::OpenBarrier,
        }
    }
}
