//! Opening by command: all the way, once, and with everything on record.

mod denied;
mod duplicates;
mod guest;
mod limited;
mod my_devices;
mod places;
mod step_up;
mod whole;
