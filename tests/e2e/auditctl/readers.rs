//! What auditors read over gRPC of the same site: an archive that is streamed, who has read, counts, a watch; and
//! the same with the operators' tool.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use harness::clients::{Auditor, open_request};
use harness::process::wait_for;
use jiff::{SignedDuration, Timestamp};
use proto::access::export_response::Part;
use proto::access::{
    AccessStatisticsRequest, CountBy, ExportEnd, ExportRequest, SearchReadsRequest,
    WatchAccessRequest,
};
use proto::events as pb;
use records::timestamp_to_wire;
use tonic::Code;

use super::{DOOR, Desk, ended};
use crate::support::tool;
use crate::support::{PATIENCE, Scene};

/// What came of an export.
async fn streamed(auditor: &Auditor, asked: ExportRequest) -> Result<(Vec<u8>, Option<ExportEnd>)> {
    let asked = auditor.request(asked)?;
    let mut stream = auditor.audit.clone().export(asked).await?.into_inner();
    let (mut bytes, mut end) = (Vec::new(), None);
    while let Some(message) = stream.message().await? {
        anyhow::ensure!(end.is_none(), "something stands behind the end");
        match message.part.context("a part")? {
            Part::Chunk(chunk) => bytes.extend(chunk),
            Part::End(said) => end = Some(said),
        }
    }
    Ok((bytes, end))
}

/// The archive that is streamed is that of the tool, byte for byte, and proves the same.
pub(super) async fn take_an_archive(scene: &Scene, desk: &Desk, over_https: &[&str]) -> Result<()> {
    let served = format!("https://localhost:{}", scene.site().ports.tiles.number());
    let auditor = scene.auditor().await?;
    let from = Timestamp::now() - SignedDuration::from_hours(1);
    let asked = ExportRequest {
        complex_ids: vec!["sunrise".to_owned()],
        from: Some(timestamp_to_wire(from)),
        ..ExportRequest::default()
    };
    let exported = desk.path("https.tar");
    let since = from.to_string();
    let export = ["export", &served, "-o", &exported, "--from", &since];
    let logs = [
        "--log",
        "access.events.v1/sunrise",
        "--log",
        "registry.events.v1/sunrise",
    ];
    let export = [&export[..], &logs, over_https].concat();
    ended(&desk.run_trusting(&export, true).await?, 0);
    let (bytes, end) = streamed(&auditor, asked.clone()).await?;
    let end = end.context("the end")?;
    assert_eq!(end.size, bytes.len() as u64);
    assert_eq!(end.sha256, digest(&SHA256, &bytes).as_ref());
    assert!(end.records > 0);
    assert!(
        std::fs::read(&exported)? == bytes,
        "another archive than the tool's"
    );

    let (whole, cut) = (desk.path("streamed.tar"), desk.path("cut.tar"));
    std::fs::write(&whole, &bytes)?;
    // It brings the certificates of those who sign records.
    let verified = desk.run_trusting(&["verify", &whole], false).await?;
    assert!(ended(&verified, 0).contains("PROVEN"));
    std::fs::write(&cut, &bytes[..bytes.len() - 700])?;
    ended(&desk.run(&["verify", &cut]).await?, 3);

    let elsewhere = ExportRequest {
        complex_ids: vec!["sunrise".to_owned(), "sunset".to_owned()],
        ..asked
    };
    let refused = streamed(&auditor, elsewhere)
        .await
        .err()
        .context("refused")?;
    let refused: &tonic::Status = refused.downcast_ref().context("a status")?;
    assert_eq!(refused.code(), Code::NotFound);
    Ok(())
}

/// Who has read, how much there was, and what comes.
pub(super) async fn read_on(scene: &Scene, desk: &Desk) -> Result<()> {
    let auditor = scene.auditor().await?;
    let mut audit = auditor.audit.clone();
    let watch = auditor.request(WatchAccessRequest {
        complex_id: "sunrise".to_owned(),
        ..WatchAccessRequest::default()
    })?;
    let mut watch = audit.watch_access(watch).await?.into_inner();
    let anna = scene.token("anna").await?;
    let opened = scene.bff.open(&anna, open_request(DOOR)?).await?;
    loop {
        let message = watch.message().await?.context("it goes on")?;
        if message
            .record
            .is_some_and(|record| record.command_id == opened.command_id)
        {
            break;
        }
    }

    let now = Timestamp::now();
    let statistics = auditor.request(AccessStatisticsRequest {
        complex_id: "sunrise".to_owned(),
        from: Some(timestamp_to_wire(now - SignedDuration::from_hours(24))),
        until: Some(timestamp_to_wire(now + SignedDuration::from_hours(1))),
        by: CountBy::Day.into(),
        ..AccessStatisticsRequest::default()
    })?;
    let counts = audit
        .access_statistics(statistics)
        .await?
        .into_inner()
        .counts;
    let allowed = counts.iter().filter(|count| {
        let result = count.result.as_ref();
        result.is_some_and(|result| result.verdict() == pb::Verdict::Allow)
    });
    assert!(
        allowed.map(|count| count.count).sum::<u64>() >= 4,
        "{counts:?}"
    );

    // What was read stands there, the export with the persons in it.
    let export = wait_for(PATIENCE, "the export among the reads", || async {
        let asked = SearchReadsRequest {
            complex_id: "sunrise".to_owned(),
            ..SearchReadsRequest::default()
        };
        let asked = auditor.request(asked).ok()?;
        let reads = auditor.audit.clone().search_reads(asked).await.ok()?;
        let mut reads = reads.into_inner().reads.into_iter();
        reads.find(|read| read.method() == pb::ReadMethod::Export)
    })
    .await?;
    assert!(export.shown > 0 && export.further == "log=ACCESS log=REGISTRY");
    with_the_tool(scene, desk).await
}

async fn with_the_tool(scene: &Scene, desk: &Desk) -> Result<()> {
    let (site, token) = (scene.site(), desk.path("tool-token"));
    std::fs::write(&token, scene.token("auditor").await?)?;
    std::fs::set_permissions(&token, Permissions::from_mode(0o600))?;
    let config = desk.path("smarthomectl.toml");
    let (certificate, roots) = (&site.certificates.auditor, site.pki.bundle());
    std::fs::write(
        &config,
        format!(
            "endpoint = \"{0}\"\naudit_endpoint = \"{0}\"\ntoken_file = \"{token}\"\n[tls]\n\
             certificate = \"{1}\"\nprivate_key = \"{2}\"\nserver_roots = \"{3}\"\n",
            format_args!("https://localhost:{}", site.ports.audit.number()),
            certificate.certificate.display(),
            certificate.private_key.display(),
            roots.display(),
        ),
    )?;
    let since = (Timestamp::now() - SignedDuration::from_hours(1)).to_string();
    let denied = [
        "accesses",
        "sunrise",
        "--verdict",
        "DENY",
        "--reason",
        "NO_GRANT",
        "--from",
        &since,
    ];
    let denied = [&denied[..], &["--config", &config]].concat();
    let table = tool::run("smarthomectl", denied, &desk.folder).await?;
    let text = ended(&table, 0);
    assert!(text.starts_with("time\tkind\tdevice"), "{text}");
    assert!(
        text.lines()
            .skip(1)
            .all(|row| row.contains("\tDENY\tNO_GRANT\t")),
        "{text}"
    );
    assert!(text.lines().count() > 1, "{text}");
    let counted = [
        "statistics",
        "sunrise",
        "--from",
        &since,
        "--by",
        "HOUR",
        "-o",
        "json",
    ];
    let counted = [&counted[..], &["--config", &config]].concat();
    let counted = tool::run("smarthomectl", counted, &desk.folder).await?;
    let rows: Result<Vec<serde_json::Value>, _> = ended(&counted, 0)
        .lines()
        .map(serde_json::from_str)
        .collect();
    let executed = |row: &serde_json::Value| row["outcome"] == "EXECUTED" && row["count"].is_u64();
    assert!(rows?.iter().any(executed), "{}", counted.text);
    Ok(())
}
