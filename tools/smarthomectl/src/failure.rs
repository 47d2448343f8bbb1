//! Why the tool ends without having done what it was asked for.

use service::config::ConfigError;

use crate::problem::Problem;

/// Text for the operator, and the exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The files are wrong.
    #[error("{}", lines(.0))]
    Files(Vec<Problem>),
    /// Lines of a CSV file are wrong.
    #[error("{0}")]
    Lines(String),
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It was refused, or failed.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

impl Failure {
    /// 2 for bad files and configurations, 1 for the rest.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Files(_) | Failure::Lines(_) | Failure::Usage(_) | Failure::Config(_) => 2,
            Failure::Failed(_) => 1,
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    let mut text = format!("{} problems, nothing was changed:", problems.len());
    if let [_] = problems {
        text = "one problem, nothing was changed:".to_owned();
    }
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}
