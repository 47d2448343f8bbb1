//! `smarthomectl get`: what stands in a complex, as documents that `apply` takes back.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use domain::ComplexId;
use domain::registry::Entity;

use crate::cli::{Format, GetArgs};
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::tree::{self, Tree};

/// Runs it.
///
/// # Errors
/// A refusal or a failure; a complex that is not registered is one.
pub(crate) async fn run(config: &Config, args: &GetArgs) -> Result<(), Failure> {
    let complex = &args.complex;
    let standing = Client::connect(config).await?.standing(complex).await?;
    let entities: Vec<_> = standing.0.values().map(|entity| &entity.state).collect();
    Ok(print(complex, &entities, args.output)?)
}

fn print(complex: &ComplexId, entities: &[&Entity], format: Format) -> anyhow::Result<()> {
    if entities.is_empty() {
        bail!("there is no complex {complex}");
    }
    let text = written(complex, entities, format)?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("print")
}

/// The documents: in YAML one after the other, in JSON as one array.
pub(crate) fn written(
    complex: &ComplexId,
    entities: &[&Entity],
    format: Format,
) -> anyhow::Result<String> {
    let documents: Vec<Tree> = entities
        .iter()
        .map(|entity| tree::document(complex, entity))
        .collect();
    Ok(match format {
        Format::Yaml => {
            let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
            serde_saphyr::to_string_multiple_with_options(&documents, options)?
        }
        Format::Json => serde_json::to_string_pretty(&documents)? + "\n",
    })
}
