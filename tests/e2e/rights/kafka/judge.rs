//! What an answer of the brokers says about a right.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::super::table::Verdict;

/// How long any answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// One right: how its lack is said, and what is said only to those who have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    lacking: RDKafkaErrorCode,
    beyond: &'static [RDKafkaErrorCode],
}

impl Right {
    pub(super) const fn lacking(lacking: RDKafkaErrorCode) -> Self {
        Self {
            lacking,
            beyond: &[],
        }
    }

    /// Refusals for other reasons, which Kafka looks at when the right is there.
    pub(super) const fn or_beyond(self, beyond: &'static [RDKafkaErrorCode]) -> Self {
        Self { beyond, ..self }
    }

    /// What an error says; none if it is about something else.
    pub(super) fn of_code(self, code: RDKafkaErrorCode) -> Option<Verdict> {
        match code {
            code if code == self.lacking => Some(Verdict::Denied),
            code if self.beyond.contains(&code) => Some(Verdict::Allowed),
            _ => None,
        }
    }

    /// # Errors
    /// The answer is about something else.
    pub(super) fn judge(self, outcome: Result<(), KafkaError>) -> Result<Verdict> {
        match outcome {
            Ok(()) => Ok(Verdict::Allowed),
            Err(error) => code(&error)
                .and_then(|code| self.of_code(code))
                .ok_or_else(|| anyhow!("{error}, which is not about the right")),
        }
    }
}

pub(super) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// The answer to a request about one thing.
pub(super) fn only<T, E: Into<Failure>>(
    answers: Result<Vec<Result<T, E>>, KafkaError>,
) -> Result<(), KafkaError> {
    let answer = answers?.pop().ok_or(KafkaError::Canceled)?;
    answer
        .map(drop)
        .map_err(|error| KafkaError::AdminOp(error.into().0))
}

/// The code of an answer, whatever stands beside it.
pub(super) struct Failure(RDKafkaErrorCode);

impl From<RDKafkaErrorCode> for Failure {
    fn from(code: RDKafkaErrorCode) -> Self {
        Self(code)
    }
}

impl<T> From<(T, RDKafkaErrorCode)> for Failure {
    fn from((_, code): (T, RDKafkaErrorCode)) -> Self {
        Self(code)
    }
}

/// Asks again and again until there is a verdict.
///
/// # Errors
/// There is none in time; the text says what was heard instead.
pub(super) fn until(
    mut ask: impl FnMut(&mut Vec<String>) -> Result<Option<Verdict>>,
) -> Result<Verdict> {
    let end = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    while Instant::now() < end {
        if let Some(verdict) = ask(&mut heard)? {
            return Ok(verdict);
        }
    }
    Err(anyhow!("{heard:?}")).context("no answer about the right; heard instead")
}
