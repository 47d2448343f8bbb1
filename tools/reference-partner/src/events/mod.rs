//! Events as the contract has them: CloudEvents 1.0, structured JSON.

mod book;
mod status;
mod vocabulary;
mod withheld;

pub(crate) use book::{Book, Page};
pub(crate) use status::{Status, StatusChange};
pub(crate) use vocabulary::{Access, DoorAlarm, Happening, Method, Reading};
pub(crate) use withheld::Withheld;
