//! The named ways to fail.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::Refusal;

/// The name of a way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// The device says no.
    Reject,
    /// The device can't be reached.
    Offline,
    /// It takes longer.
    Slow,
    /// Accepted, never answered, never opened.
    HangBeforeOpen,
    /// Opened, never answered.
    HangAfterOpen,
    /// The connection closes before anything was recorded.
    ResetBeforeOpen,
    /// Opened, then the connection closes.
    ResetAfterOpen,
    /// Opened, the answer breaks off.
    TruncateBody,
    /// Answered 429.
    #[serde(rename = "http_429")]
    Http429,
    /// Answered 500, without a known problem.
    #[serde(rename = "http_500")]
    Http500,
    /// Answered 503.
    #[serde(rename = "http_503")]
    Http503,
    /// Opened, answered 404.
    NotFoundLie,
    /// Opened, answered with something that isn't JSON.
    GarbageJson,
}

impl Mode {
    #[cfg(test)]
    pub(crate) const ALL: [Mode; 13] = [
        Mode::Reject,
        Mode::Offline,
        Mode::Slow,
        Mode::HangBeforeOpen,
        Mode::HangAfterOpen,
        Mode::ResetBeforeOpen,
        Mode::ResetAfterOpen,
        Mode::TruncateBody,
        Mode::Http429,
        Mode::Http500,
        Mode::Http503,
        Mode::NotFoundLie,
        Mode::GarbageJson,
    ];
}

/// Which side of the point of no return is slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SlowStage {
    /// The command waits in a queue; it can still be forbidden or expire.
    BeforeActuation,
    /// The motor is slow; the opening can't be stopped any more.
    #[default]
    AfterActuation,
}

/// A way to fail with its particulars, as the control API takes and shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    pub(crate) mode: Mode,
    /// Milliseconds, for `slow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ms: Option<u64>,
    /// For `slow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<SlowStage>,
    /// The code, for `reject`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
}

/// A failure and for how many more opens it holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Armed {
    #[serde(flatten)]
    pub(crate) failure: Failure,
    /// Without it: until deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u32>,
}

impl Armed {
    /// Counts one open; tells whether that was the last.
    pub(super) fn count_down(&mut self) -> bool {
        self.times.as_mut().is_some_and(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        })
    }
}

/// What a failure does before the device would move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing: it moves, taking this much longer.
    Move(Duration),
    /// The command is held: for a time, or until it is forbidden or expires.
    Hold(Option<Duration>),
    /// It ends without moving.
    Refuse(Refusal),
    /// The device says no.
    Reject(String),
    /// The request is lost, nothing is recorded.
    Lose,
}

/// What a failure does to the answer of the request that brought the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Hang,
    Reset,
    Truncate,
    BareServerError,
    NotFound,
    Garbage,
}

impl Failure {
    /// Whether the particulars fit the mode; says what is wrong.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let slow = self.mode == Mode::Slow;
        if slow != self.ms.is_some() {
            return Err(("/ms", "required with slow, and only there"));
        }
        if self.stage.is_some() && !slow {
            return Err(("/stage", "only with slow"));
        }
        match &self.code {
            Some(_) if self.mode != Mode::Reject => Err(("/code", "only with reject")),
            Some(code) if !(1..=64).contains(&code.len()) => Err(("/code", "1 to 64 bytes")),
            _ => Ok(()),
        }
    }

    /// What it does before the device would move.
    pub(crate) fn before(&self) -> Before {
        let slow = Duration::from_millis(self.ms.unwrap_or(0));
        match self.mode {
            Mode::Reject => Before::Reject(
                self.code
                    .clone()
                    .unwrap_or_else(|| "blocked_by_guard".into()),
            ),
            Mode::Offline => Before::Refuse(Refusal::DeviceOffline),
            Mode::Slow if self.stage == Some(SlowStage::BeforeActuation) => {
                Before::Hold(Some(slow))
            }
            Mode::Slow => Before::Move(slow),
            Mode::HangBeforeOpen => Before::Hold(None),
            Mode::ResetBeforeOpen => Before::Lose,
            Mode::Http429 => Before::Refuse(Refusal::RateLimited),
            Mode::Http500 => Before::Refuse(Refusal::Internal),
            Mode::Http503 => Before::Refuse(Refusal::Unavailable),
            Mode::HangAfterOpen
            | Mode::ResetAfterOpen
            | Mode::TruncateBody
            | Mode::NotFoundLie
            | Mode::GarbageJson => Before::Move(Duration::ZERO),
        }
    }

    /// What it does to the answer.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self.mode {
            Mode::HangBeforeOpen | Mode::HangAfterOpen => Some(Fault::Hang),
            Mode::ResetBeforeOpen | Mode::ResetAfterOpen => Some(Fault::Reset),
            Mode::TruncateBody => Some(Fault::Truncate),
            Mode::Http500 => Some(Fault::BareServerError),
            Mode::NotFoundLie => Some(Fault::NotFound),
            Mode::GarbageJson => Some(Fault::Garbage),
            Mode::Reject | Mode::Offline | Mode::Slow | Mode::Http429 | Mode::Http503 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_failure_is_in_the_readme() {
        let readme = include_str!("../../README.md");
        for mode in Mode::ALL {
            let name = serde_json::to_value(mode).unwrap();
            let row = format!("| `{}` |", name.as_str().unwrap());
            assert!(readme.contains(&row), "not in the README: {row}");
        }
    }
}
