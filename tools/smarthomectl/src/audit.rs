//! What auditors' commands share: `projector serve`, and how rows are printed.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use proto::access::audit_service_client::AuditServiceClient;
use serde::Serialize;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::cli::Rows;
use crate::client::channel;
use crate::config::Config;
use crate::failure::Failure;
use crate::login;
use crate::token::Token;

/// Connects to the service that `audit_endpoint` names.
///
/// # Errors
/// It isn't named, there is no token, or nobody answers.
pub(crate) async fn connect(
    config: &Config,
) -> Result<AuditServiceClient<InterceptedService<Channel, Token>>, Failure> {
    let endpoint = config.audit_endpoint.as_ref().ok_or_else(|| {
        let text = "the configuration has no `audit_endpoint`: set it to the listener of \
                    `projector serve`, e.g. \"https://audit.example:8443\"";
        Failure::Usage(text.to_owned())
    })?;
    login::keep_fresh(config).await?;
    let token = Token::new(config.token_file.clone())?;
    let channel = channel(config, &endpoint.0)
        .await
        .with_context(|| format!("can't connect to {}", endpoint.0))?;
    Ok(AuditServiceClient::with_interceptor(channel, token))
}

/// Prints rows: of a table the names of the columns first, where `head` says so. A row's fields are its columns.
///
/// # Errors
/// They can't be written.
pub(crate) fn print<T: Serialize>(rows: &[T], output: Rows, head: bool) -> Result<()> {
    let text = text(rows, output, head)?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("print")
}

fn text<T: Serialize>(rows: &[T], output: Rows, head: bool) -> Result<String> {
    if output == Rows::Json {
        let lines = rows.iter().map(serde_json::to_string);
        let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
        return Ok(lines.into_iter().map(|line| line + "\n").collect());
    }
    let mut table = csv::WriterBuilder::new()
        .delimiter(b'\t')
        .has_headers(head)
        .from_writer(Vec::new());
    for row in rows {
        table.serialize(row)?;
    }
    Ok(String::from_utf8(table.into_inner()?)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Serialize)]
    struct Row {
        who: &'static str,
        count: Option<u64>,
    }

    #[test]
    fn a_row_has_its_columns_whatever_it_holds() {
        let rows = [
            Row {
                who: "a\tb",
                count: Some(7),
            },
            Row {
                who: "",
                count: None,
            },
        ];
        let table = text(&rows, Rows::Table, true).unwrap();
        assert_eq!(table, "who\tcount\n\"a\tb\"\t7\n\t\n");
        assert!(!text(&rows, Rows::Table, false).unwrap().contains("who"));
        let json = text(&rows, Rows::Json, true).unwrap();
        assert_eq!(json.lines().count(), 2);
        assert!(json.starts_with(r#"{"who":"a\tb","count":7}"#));
    }
}
