//! Reads, merges and types a configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::path;

/// A configuration that can't be used. The text names the file (or environment variable) and the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file isn't there or can't be read.
    #[error("can't read configuration {}: {reason}", file.display())]
    Unreadable {
        /// The file as it was asked for.
        file: PathBuf,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// A key that is misspelt, missing or has a value of the wrong kind; or text that isn't TOML.
    #[error("configuration {} is wrong:{problems}", file.display())]
    Invalid {
        /// The file as it was asked for.
        file: PathBuf,
        /// One line for each problem, each with the key and where it was set.
        problems: String,
    },
}

/// Loads `path` as TOML and lays the environment over it.
///
/// The variable `PREFIX__SECTION__KEY` overrides `key` of `[section]`; names are lower-cased,
/// values are read as a number, boolean, `[array]`, `{table}` or quoted text where they look like
/// one and as plain text otherwise. Relative paths ([`super::ConfigPath`], [`super::SecretFile`])
/// are resolved against the folder of the file.
///
/// Unknown keys are refused wherever they stand, also in structs without `deny_unknown_fields`.
/// A struct with `#[serde(flatten)]` would hide them, so configuration types don't use it.
///
/// # Errors
/// [`ConfigError`], which says what to correct and where.
pub fn load<T: DeserializeOwned>(path: &Path, env_prefix: &str) -> Result<T, ConfigError> {
    let unreadable = |reason| ConfigError::Unreadable {
        file: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let folder = std::path::absolute(path)
        .map_err(unreadable)?
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    let figment = Figment::from(Toml::string(&text))
        .merge(Env::prefixed(&format!("{env_prefix}__")).split("__"));
    let source = Source {
        file: path,
        env_prefix,
        figment: &figment,
    };
    match path::resolving_against(folder, || figment.extract::<Strict<T>>().map_err(Box::new)) {
        Ok(strict) if strict.unknown.is_empty() => Ok(strict.value),
        Ok(strict) => Err(source.invalid(strict.unknown.into_iter().map(|key| {
            (
                key.clone(),
                "there is no such key; correct or remove it".into(),
            )
        }))),
        Err(error) => Err(source.invalid(
            error
                .into_iter()
                .map(|one| (one.path.join("."), one.kind.to_string())),
        )),
    }
}

/// A value together with the keys that its type never looked at.
struct Strict<T> {
    value: T,
    unknown: Vec<String>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Strict<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut unknown = Vec::new();
        let value = serde_ignored::deserialize(deserializer, |path| unknown.push(dotted(&path)))?;
        Ok(Self { value, unknown })
    }
}

/// `section.key`, without the marks that serde_ignored leaves for options and newtypes.
fn dotted(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path as P;
    let join = |parent: &P<'_>, last: &str| match dotted(parent) {
        above if above.is_empty() => last.to_owned(),
        above => format!("{above}.{last}"),
    };
    match path {
        P::Root => String::new(),
        P::Seq { parent, index } => join(parent, &index.to_string()),
        P::Map { parent, key } => join(parent, key),
        P::Some { parent } | P::NewtypeStruct { parent } | P::NewtypeVariant { parent } => {
            dotted(parent)
        }
    }
}

struct Source<'a> {
    file: &'a Path,
    env_prefix: &'a str,
    figment: &'a Figment,
}

impl Source<'_> {
    fn invalid(&self, problems: impl Iterator<Item = (String, String)>) -> ConfigError {
        let mut text = String::new();
        for (key, problem) in problems {
            let place = self.place(&key);
            let _ = if key.is_empty() {
                write!(text, "\n  {place}: {problem}")
            } else {
                write!(text, "\n  `{key}` in {place}: {problem}")
            };
        }
        ConfigError::Invalid {
            file: self.file.to_owned(),
            problems: text,
        }
    }

    /// The file, or the environment variable that set the key.
    fn place(&self, key: &str) -> String {
        let from_environment = self
            .figment
            .find_metadata(key)
            .is_some_and(|metadata| metadata.name.contains("environment"));
        if from_environment {
            let variable = key.replace('.', "__").to_uppercase();
            format!("environment variable {}__{variable}", self.env_prefix)
        } else {
            self.file.display().to_string()
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
