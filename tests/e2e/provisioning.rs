//! Partners hold what they should and nothing else: whatever fails meanwhile, and whoever changes
//! what.

mod desk;
mod faults;
mod instances;
mod kept;
mod replaced;
mod rotation;
mod zone;
