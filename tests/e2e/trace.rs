//! `traceparent` from the caller through the log's records to the projector.

use anyhow::{Context as _, Result};
use domain::event::Body;
use eventlog::Topic;
use harness::clients::{open_request, with_token};
use harness::process::wait_for;
use harness::site::Part;
use proto::access::OpenResponse;
use serde_json::Value;
use toml::Value as Toml;

use crate::support::{Ground, PATIENCE, Scene};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn traced() -> Result<Scene> {
    let ground = Ground::prepare().await?;
    ground.configure(Part::Projector, |config| {
        let process = config.get_mut("process").and_then(Toml::as_table_mut);
        let telemetry = process.and_then(|process| process.get_mut("telemetry"));
        let telemetry = telemetry.and_then(Toml::as_table_mut).unwrap();
        telemetry.insert("filter".to_owned(), "info,projector=debug".into());
    })?;
    ground.build().await
}

/// Opens with this header.
async fn open(scene: &Scene, token: &str, traceparent: &str) -> Result<OpenResponse> {
    let mut request = with_token(open_request("sunrise.main-door")?, token)?;
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", traceparent.parse()?);
    Ok(scene.bff.access.clone().open(request).await?.into_inner())
}

/// The trace contexts of a command's records: decision and completion.
async fn carried(scene: &Scene, answer: &OpenResponse) -> Result<Vec<String>> {
    let events = scene.log.events(Topic::AccessEvents).await?;
    let ours = events.iter().filter(|(_, event)| {
        event.correlation == answer.command_id
            && matches!(
                event.body,
                Body::AccessDecided(_) | Body::CommandCompleted(_)
            )
    });
    ours.map(|(record, _)| Ok(record.traceparent().context("no traceparent")?.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_trace_goes_from_the_caller_to_the_projector() -> Result<()> {
    let scene = traced().await?;
    let token = scene.token("anna").await?;
    let answer = open(&scene, &token, &format!("00-{TRACE}-00f067aa0ba902b7-01")).await?;
    let carried_on = carried(&scene, &answer).await?;
    assert_eq!(carried_on.len(), 2, "{carried_on:?}");
    for traceparent in &carried_on {
        assert!(
            traceparent.starts_with(&format!("00-{TRACE}-")),
            "{traceparent}"
        );
        assert!(
            traceparent.ends_with("-01"),
            "sampled stays sampled: {traceparent}"
        );
        assert!(
            !traceparent.contains("00f067aa0ba902b7"),
            "an operation of its own"
        );
    }

    for kind in ["decided", "completed"] {
        let what = format!("the projector's line of {kind}");
        wait_for(PATIENCE, &what, || async { line(&scene, kind) }).await?;
    }
    let log = log_of(&scene, Part::CommandSvc)?;
    assert!(
        log.lines().any(|line| line.contains(TRACE)),
        "command-svc logs the trace"
    );

    // A header that is none starts a new trace and harms nobody.
    let answer = open(&scene, &token, "00-trace-me-please").await?;
    for traceparent in carried(&scene, &answer).await? {
        assert!(
            !traceparent.contains(TRACE) && traceparent.len() == 55,
            "{traceparent}"
        );
    }
    scene.finish().await
}

fn log_of(scene: &Scene, part: Part) -> Result<String> {
    let file = scene.site().dir.join(format!("logs/{}.log", part.name()));
    Ok(std::fs::read_to_string(file)?)
}

/// A structured line of the projector about a record of this kind and of the trace.
fn line(scene: &Scene, kind: &str) -> Option<Value> {
    let log = log_of(scene, Part::Projector).ok()?;
    let mut lines = log
        .lines()
        .filter(|line| line.contains("projected") && line.contains(TRACE) && line.contains(kind));
    serde_json::from_str(lines.next()?).ok()
}
