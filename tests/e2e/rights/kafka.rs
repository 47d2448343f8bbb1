//! Principals of Kafka: every topic, group, transactional id, and the cluster itself.

mod cluster;
mod groups;
mod judge;
mod outside;
mod principal;
mod topics;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use harness::engines::kafka::{Kafka, Layout};
use harness::pki::Pki;
use tokio::task::spawn_blocking;

use self::principal::{CONTROL, Principal};
use super::table::{Row, Section, Verdict};

/// None where there is no Kafka to be had, which has been said then.
pub(super) async fn tried(dir: &Path, pki: &Pki) -> Result<Option<Vec<Section>>> {
    let Some(kafka) = Kafka::start(dir, pki, &Layout::brokers(1)).await? else {
        return Ok(None);
    };
    let everybody = principal::all(&kafka, pki)?;
    let control = everybody.last().context("somebody")?.clone();
    let topics = spawn_blocking(move || topics::prepare(&control)).await??;
    // It answers only once all rights are in force.
    let outside = Arc::new(outside::try_all(&kafka, pki, &everybody, &topics).await?);

    let mut on_topics = each(&everybody, &topics, {
        let outside = Arc::clone(&outside);
        move |who, topic| topics::try_all(who, topic, &outside)
    })
    .await?;
    let own = Own(on_topics.clone());
    let reads = own.clone();
    let on_groups = each(&everybody, &groups::GROUPS, move |who, group| {
        groups::try_all(who, group, reads.topic(who, "Read"))
    });
    let on_groups = on_groups.await?;
    let inside = each_once(&everybody, move |who| {
        cluster::try_all(who, own.topic(who, "Write"))
    });
    let inside = inside.await?;
    let (mut on_cluster, mut on_ids) = (Vec::new(), Vec::new());
    for (who, inside) in everybody.iter().zip(&inside) {
        on_cluster.push(cluster::row(who, &outside, inside)?);
        on_ids.push(cluster::transactional_row(who, &outside, inside)?);
    }
    topics::try_delete(&everybody, &mut on_topics).await?;
    Ok(Some(vec![
        section("Kafka: topics", "topic", &topics::OPERATIONS, on_topics),
        section("Kafka: groups", "group", &groups::OPERATIONS, on_groups),
        section(
            "Kafka: transactional ids",
            "id",
            &cluster::TRANSACTIONAL,
            on_ids,
        ),
        section("Kafka: cluster", "", &cluster::OPERATIONS, on_cluster),
    ]))
}

/// Topics that principals have been found to have rights to.
#[derive(Clone)]
struct Own(Vec<Row>);

impl Own {
    /// The first that this principal may do this with; one that it may not where there is none.
    fn topic(&self, who: &Principal, operation: &str) -> &str {
        let place = topics::OPERATIONS
            .iter()
            .position(|name| *name == operation);
        let allowed = |row: &&Row| {
            let verdict = place.and_then(|place| row.verdicts.get(place));
            row.who == who.name && verdict == Some(&Verdict::Allowed)
        };
        let own = self.0.iter().find(allowed);
        own.map_or(topics::FOREIGN, |row| &row.what)
    }
}

/// Everybody at once, each on one object after the other.
async fn each<O, F>(everybody: &[Principal], objects: &[O], attempt: F) -> Result<Vec<Row>>
where
    O: AsRef<str>,
    F: Fn(&Principal, &str) -> Result<Vec<Verdict>> + Clone + Send + 'static,
{
    let objects: Vec<String> = objects.iter().map(|one| one.as_ref().to_owned()).collect();
    let rows = each_once(everybody, move |who| {
        let on = |what: &String| -> Result<Row> {
            let verdicts = attempt(who, what).with_context(|| what.clone())?;
            Ok(Row {
                who: who.name.clone(),
                what: what.clone(),
                verdicts,
            })
        };
        objects.iter().map(on).collect::<Result<Vec<_>>>()
    });
    Ok(rows.await?.into_iter().flatten().collect())
}

/// Everybody at once.
async fn each_once<T, F>(everybody: &[Principal], attempt: F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Fn(&Principal) -> Result<T> + Clone + Send + 'static,
{
    try_join_all(everybody.iter().map(|who| {
        let (who, attempt) = (who.clone(), attempt.clone());
        async move {
            let name = who.name.clone();
            let tried = spawn_blocking(move || attempt(&who)).await?;
            tried.with_context(|| format!("as {name}"))
        }
    }))
    .await
}

fn section(
    title: &'static str,
    what: &'static str,
    operations: &[&'static str],
    rows: Vec<Row>,
) -> Section {
    Section {
        title,
        heads: ["certificate (OU/CN)", what],
        operations: operations.to_vec(),
        rows,
        control: CONTROL,
    }
}
