//! Generated registries and commands, and the rules of opening a second time.
//!
//! A [`World`] is everything that [`domain::decide()`] looks at: what is registered, and the
//! openings of the last minutes. An [`Ask`] is one question to it. Both come from a seed, the
//! same ones each time. The property tests of `domain` use them, and so does the comparison with
//! [`POLICY`], the same rules in another language, another form and with other arithmetic: whole
//! rules that forbid, no order of checks, weekdays and hours from a calendar.
//!
//! A new rule is one policy in `policy.cedar`, one attribute in `policy.cedarschema`, and one
//! field in `generate/`: the comparison fails until all three exist.

mod ask;
mod dice;
mod generate;
mod history;
mod reduce;
mod world;

pub use ask::Ask;
pub use dice::Dice;
pub use generate::{ask, world};
pub use history::{PassUse, Past};
pub use reduce::reduced;
pub use world::{Site, World};

/// The rules, in Cedar.
pub const POLICY: &str = include_str!("policy.cedar");
/// What the rules speak of, as a Cedar schema.
pub const SCHEMA: &str = include_str!("policy.cedarschema");
