//! Groups: those of the service, the one that readers without a group name, and somebody else's.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::super::table::Verdict;
use super::judge::{Right, code, only, until};
use super::principal::{Principal, doing};

pub(super) const GROUPS: [&str; 4] = ["another", "command-svc.reconciler", "projector", "tail"];
pub(super) const OPERATIONS: [&str; 3] = ["Describe", "Read", "Delete"];

const RIGHT: Right = Right::lacking(Code::GroupAuthorizationFailed);
/// How long to wait for one answer before listening to what else was said.
const MOMENT: Duration = Duration::from_millis(200);

/// `topic` is one that this principal may read, if there is any.
pub(super) fn try_all(who: &Principal, group: &str, topic: &str) -> Result<Vec<Verdict>> {
    let deleted = who.admin.delete_groups(&[group], &doing());
    let there = RIGHT.or_beyond(&[Code::GroupIdNotFound, Code::NonEmptyGroup]);
    let judged = [
        describe(who, group, topic),
        read(who, group, topic),
        there.judge(only(Handle::current().block_on(deleted))),
    ];
    let named = judged.into_iter().zip(OPERATIONS);
    named
        .map(|(verdict, operation)| verdict.context(operation))
        .collect()
}

/// Asks what the group has committed.
fn describe(who: &Principal, group: &str, topic: &str) -> Result<Verdict> {
    let consumer = who.consumer(group)?;
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, 0);
    until(|heard| {
        // While the coordinator is kept from us, only this says why.
        let told = consumer.poll(Duration::ZERO);
        let asked = consumer.committed_offsets(list.clone(), MOMENT).map(drop);
        let errors = [told.and_then(Result::err), asked.clone().err()];
        match asked {
            Ok(()) => Ok(Some(Verdict::Allowed)),
            Err(_) => Ok(verdict(errors.into_iter().flatten(), heard)),
        }
    })
}

/// Joins the group, then commits for it.
fn read(who: &Principal, group: &str, topic: &str) -> Result<Verdict> {
    let consumer = who.consumer(group)?;
    consumer.subscribe(&[topic])?;
    let joined = until(|heard| {
        let told = consumer.poll(MOMENT);
        if consumer.assignment()?.count() > 0 {
            return Ok(Some(Verdict::Allowed));
        }
        Ok(verdict(told.and_then(Result::err).into_iter(), heard))
    })?;
    if joined == Verdict::Denied {
        return Ok(joined);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(0))?;
    RIGHT
        .judge(consumer.commit(&list, CommitMode::Sync))
        .context("commit")
}

fn verdict(errors: impl Iterator<Item = KafkaError>, heard: &mut Vec<String>) -> Option<Verdict> {
    let mut found = None;
    for error in errors {
        found = found.or_else(|| code(&error).and_then(|code| RIGHT.of_code(code)));
        heard.push(error.to_string());
    }
    found
}
