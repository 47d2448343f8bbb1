//! The view store, away.

use anyhow::{Context as _, Result};
use harness::clients::open_request;
use harness::engines::cassandra::Cassandra;
use harness::process::wait_until;
use proto::access::{Outcome, SearchAccessRequest};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::away::Away;
use crate::support::{PATIENCE, Scene, audit};

fn cassandra(scene: &mut Scene) -> Result<&mut Cassandra> {
    Ok(&mut scene.site_mut().cluster()?.engines()?.cassandra)
}

#[tokio::test]
async fn doors_open_without_the_views_and_auditors_are_told_to_come_again() -> Result<()> {
    let Some(mut scene) = super::scene(1).await? else {
        return Ok(());
    };
    let token = scene.token("anna").await?;
    for away in Away::ALL {
        eprintln!("the view store is {away:?}");
        away.go(cassandra(&mut scene)?).await?;
        let request = open_request("sunrise.main-door")?;
        let answer = scene.bff.open(&token, request).await?;
        assert_eq!(answer.outcome(), Outcome::Executed, "{away:?}: {answer:?}");
        let auditor = scene.auditor().await?;
        let search = auditor.request(SearchAccessRequest {
            complex_id: "sunrise".to_owned(),
            page_size: 10,
            ..SearchAccessRequest::default()
        })?;
        let refused = auditor.audit.clone().search_access(search).await;
        let status = refused.err().context("rows of a store that is away")?;
        assert_eq!(status.code(), Code::Unavailable, "{away:?}: {status:?}");
        let info = status.get_details_error_info().context("a reason")?;
        assert_eq!(info.reason, "VIEWS_UNAVAILABLE", "{away:?}");

        away.come_back(cassandra(&mut scene)?).await?;
        wait_until(PATIENCE, "the opening to be shown", || async {
            let Ok(auditor) = scene.auditor().await else {
                return false;
            };
            let rows = audit::search(&auditor, "sunrise").await.unwrap_or_default();
            rows.iter().any(|row| {
                row.command_id == answer.command_id && row.outcome == i32::from(Outcome::Executed)
            })
        })
        .await?;
        let record = audit::find(&auditor, "sunrise", "the opening", |row| {
            row.command_id == answer.command_id
        })
        .await?;
        let proven = audit::get(&auditor, &record).await?;
        audit::verify(scene.site(), &proven)?;
    }
    scene.finish().await
}
