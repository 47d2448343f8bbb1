//! The protocol of an open command holds as designed, and needs each of its parts.

mod designed;
mod needed;
mod spaces;
