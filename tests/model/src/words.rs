//! Names of things, for traces.

use crate::actions::{Appending, Asking};
use crate::state::Stage;

/// An instance.
pub(crate) fn name(instance: u8) -> char {
    char::from(b'A' + instance)
}

/// A phase.
pub(crate) fn time(phase: u8) -> &'static str {
    match phase {
        0 => "the key is new",
        1 => "what was asked for has expired",
        2 => "the key is older than its window, within the leeway",
        3 => "late appends are void, settled commands are forgotten",
        _ => "eight days later the partner has forgotten",
    }
}

/// How an append ended.
pub(crate) fn appended(how: Appending) -> &'static str {
    match how {
        Appending::Acknowledged => "appended",
        Appending::TimedOut => "written, but the append times out",
        Appending::TimedOutPending => "on its way when the append times out",
        Appending::Failed => "not written",
    }
}

/// How a question to the fence ended.
pub(crate) fn asked(how: Asking) -> &'static str {
    match how {
        Asking::Answered => "",
        Asking::AnswerLost => ", whose answer is lost",
        Asking::Lost => " in vain",
    }
}

/// What a task does now.
pub(crate) fn stage(stage: Stage) -> String {
    match stage {
        Stage::Decided { verdict, .. } => format!("decides {verdict}"),
        Stage::Appended { .. } => "waits for its claim".to_owned(),
        Stage::Won => "may act".to_owned(),
        Stage::Waiting => "calls the partner".to_owned(),
        Stage::Completing(outcome) => format!("will record {outcome}"),
        Stage::GivingBack(outcome) => format!("answers {outcome}, and gives its use back"),
        Stage::NeedsUse => "needs a use of the pass".to_owned(),
        Stage::AskedForUse => "waits for its use".to_owned(),
        Stage::Following => "follows the winner".to_owned(),
        Stage::Done(told) => format!("answers {told:?}"),
        other => format!("{other:?}"),
    }
}
