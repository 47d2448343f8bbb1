//! What is asked about, chosen from the registry.

use domain::registry::{Perimeter, Registry};
use domain::vocabulary::Operation;
use domain::{ComplexId, DeviceId, PartnerId};

/// Stands for a complex, and for a device, where the registry has none that fits.
const NOBODYS: &str = "perimeter-probe";

/// A perimeter, and devices inside and outside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What the partner may do here.
    pub perimeter: Perimeter,
    /// A door or intercom of this complex.
    pub door: DeviceId,
    /// A barrier or gate of this complex.
    pub barrier: DeviceId,
    /// A device of another complex, that the perimeter's first operation opens. Of a complex where
    /// the partner has a perimeter too, if there is one: nobody else's device is ever named to it.
    pub elsewhere: DeviceId,
}

impl Target {
    /// Chooses for a partner's perimeter in `complex`. A device that is not registered is made up:
    /// a partner has to refuse before it looks whether it is there.
    ///
    /// None where the partner has no perimeter there.
    pub fn choose(registry: &Registry, complex: &ComplexId, partner: &PartnerId) -> Option<Self> {
        let (_, perimeter) = registry.perimeter(complex, partner)?;
        let operation = perimeter.operations.first();
        let operation = operation.copied().unwrap_or(Operation::OpenDoor);
        let other = registry
            .perimeters_of(partner)
            .into_iter()
            .map(|perimeter| perimeter.complex.clone())
            .find(|other| other != complex && !other.is_reserved());
        let other = other.or_else(|| NOBODYS.parse().ok())?;
        if other == *complex {
            return None;
        }
        let device = |complex: &ComplexId, operation| {
            let fits = registry.devices(complex).find(|device| {
                device.partner == *partner && device.operations.contains(&operation)
            });
            fits.map(|device| device.id.clone())
                .or_else(|| format!("{complex}.{NOBODYS}").parse().ok())
        };
        Some(Self {
            perimeter: perimeter.clone(),
            door: device(complex, Operation::OpenDoor)?,
            barrier: device(complex, Operation::OpenBarrier)?,
            elsewhere: device(&other, operation)?,
        })
    }

    /// A device of this complex that `operation` opens.
    pub(crate) fn device(&self, operation: Operation) -> &DeviceId {
        match operation {
            Operation::OpenDoor => &self.door,
            Operation::OpenBarrier => &self.barrier,
        }
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
pub(super) mod tests;
