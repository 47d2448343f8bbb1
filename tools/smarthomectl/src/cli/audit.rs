//! Of `accesses` and `statistics`.

use clap::{Args, ValueEnum};
use domain::vocabulary::{ActorKind, Automation, Method, Outcome, Reason, Verdict};
use domain::{ComplexId, DeviceId};
use jiff::Timestamp;
use proto::access::{AccessKind, CountBy};
use uuid::Uuid;

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rows {
    /// A line of text each, its columns apart by tabs, under their names.
    Table,
    /// A line of JSON each.
    Json,
}

/// Of `accesses`.
#[derive(Debug, Args)]
pub(crate) struct AccessesArgs {
    /// Complex id
    pub(crate) complex: ComplexId,

    /// First instant (RFC 3339) [default: the beginning]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,

    /// First instant after it [default: no end]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,

    /// Only of this person or pass, by reference
    #[arg(long, value_name = "REF")]
    pub(crate) subject: Option<Uuid>,

    /// Only at this device
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<DeviceId>,

    /// Only the access that this event is
    #[arg(long, value_name = "ID")]
    pub(crate) event: Option<Uuid>,

    /// Only commands with this effective outcome, e.g. EXECUTED
    #[arg(long, value_parser = outcome)]
    pub(crate) outcome: Option<Outcome>,

    /// Only AUTOMATIC or only MANUAL ones
    #[arg(long, value_parser = automation)]
    pub(crate) automation: Option<Automation>,

    /// Only by an actor of this kind, e.g. GUEST
    #[arg(long, value_parser = actor)]
    pub(crate) actor: Option<ActorKind>,

    /// Only of this kind: COMMAND, OBSERVED or UNREADABLE
    #[arg(long, value_parser = kind)]
    pub(crate) kind: Option<AccessKind>,

    /// Only decisions with this verdict: ALLOW or DENY
    #[arg(long, value_parser = verdict)]
    pub(crate) verdict: Option<Verdict>,

    /// Only decisions for this reason, e.g. NO_GRANT
    #[arg(long, value_parser = reason)]
    pub(crate) reason: Option<Reason>,

    /// Only in this way, e.g. PLATE
    #[arg(long, value_parser = method)]
    pub(crate) method: Option<Method>,

    /// At most so many, the newest [default: all]
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<usize>,

    /// How they are printed
    #[arg(short, long, value_enum, default_value_t = Rows::Table)]
    pub(crate) output: Rows,
}

/// Of `statistics`.
#[derive(Debug, Args)]
pub(crate) struct StatisticsArgs {
    /// Complex id
    pub(crate) complex: ComplexId,

    /// First instant (RFC 3339); whole hours count
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Timestamp,

    /// First instant after it, at most 400 days later [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,

    /// By HOUR, DAY or WEEKDAY_AND_HOUR
    #[arg(long, value_parser = by, default_value = "DAY")]
    pub(crate) by: CountBy,

    /// Time zone of hours and days, by its IANA name
    #[arg(long, value_name = "NAME", default_value = "UTC")]
    pub(crate) zone: String,

    /// Only at this device
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<DeviceId>,

    /// Counts each device by itself
    #[arg(long)]
    pub(crate) by_device: bool,

    /// How they are printed
    #[arg(short, long, value_enum, default_value_t = Rows::Table)]
    pub(crate) output: Rows,
}

/// The value of this name.
fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|value| name(*value) == text);
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|value| name(*value)).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn outcome(text: &str) -> Result<Outcome, String> {
    named(Outcome::ALL, Outcome::as_str, text)
}

fn automation(text: &str) -> Result<Automation, String> {
    named(Automation::ALL, Automation::as_str, text)
}

fn actor(text: &str) -> Result<ActorKind, String> {
    named(ActorKind::ALL, ActorKind::as_str, text)
}

fn verdict(text: &str) -> Result<Verdict, String> {
    named(Verdict::ALL, Verdict::as_str, text)
}

fn reason(text: &str) -> Result<Reason, String> {
    named(Reason::ALL, Reason::as_str, text)
}

fn method(text: &str) -> Result<Method, String> {
    named(Method::ALL, Method::as_str, text)
}

fn kind(text: &str) -> Result<AccessKind, String> {
    use AccessKind::{Command, Observed, Unreadable};
    let name = |kind: AccessKind| kind.as_str_name();
    named(&[Command, Observed, Unreadable], name, text)
}

fn by(text: &str) -> Result<CountBy, String> {
    use CountBy::{Day, Hour, WeekdayAndHour};
    let name = |by: CountBy| by.as_str_name();
    named(&[Hour, Day, WeekdayAndHour], name, text)
}
