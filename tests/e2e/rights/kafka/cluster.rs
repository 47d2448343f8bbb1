//! The cluster as a whole, and transactional ids: what a producer and a maker of topics need of it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::admin::{NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::table::{Row, Verdict};
use super::judge::{PATIENCE, Right, code, only, until};
use super::outside::Outside;
use super::principal::{Principal, asking};

pub(super) const OPERATIONS: [&str; 7] = [
    "Describe",
    "DescribeConfigs",
    "Create",
    "Alter",
    "AlterConfigs",
    "ClusterAction",
    "IdempotentWrite",
];
pub(super) const TRANSACTIONAL: [&str; 2] = ["Describe", "Write"];
/// Nobody has one.
pub(super) const TRANSACTIONAL_ID: &str = "any";

const MOMENT: Duration = Duration::from_millis(100);

/// What is tried with the services' own client.
pub(super) struct Inside {
    create: Verdict,
    idempotent_write: Verdict,
    transactional_write: Verdict,
}

/// `topic` is one that this principal may write to, if there is any.
pub(super) fn try_all(who: &Principal, topic: &str) -> Result<Inside> {
    let new = [NewTopic::new("new", 1, TopicReplication::Fixed(1))];
    let created = only(Handle::current().block_on(who.admin.create_topics(&new, &asking())));
    let create = Right::lacking(Code::TopicAuthorizationFailed);
    Ok(Inside {
        create: create.judge(created).context("Create")?,
        idempotent_write: idempotent_write(who, topic).context("IdempotentWrite")?,
        transactional_write: transactional_write(who).context("transactional Write")?,
    })
}

/// Kafka grants it to whoever may write to any topic.
fn idempotent_write(who: &Principal, topic: &str) -> Result<Verdict> {
    let right = Right::lacking(Code::ClusterAuthorizationFailed);
    let mut config = who.client();
    let producer: FutureProducer = config.set("enable.idempotence", "true").create()?;
    let send = || {
        let record = FutureRecord::to(topic).partition(0).key("key");
        let sent = producer.send_result(record.payload("tried"));
        sent.map_err(|(error, _)| error)
    };
    let mut sent = send()?;
    until(|heard| {
        // It ends the producer; the record itself is only told to be purged.
        if let Some((code, _)) = producer.client().fatal_error() {
            heard.push(code.to_string());
            return Ok(right.of_code(code));
        }
        let delivered = Handle::current().block_on(async { timeout(MOMENT, &mut sent).await });
        match delivered {
            Ok(Ok(Ok(_))) => Ok(Some(Verdict::Allowed)),
            Ok(Ok(Err((error, _)))) => {
                heard.push(error.to_string());
                if let Ok(again) = send() {
                    sent = again;
                }
                Ok(code(&error).and_then(|code| right.of_code(code)))
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    })
}

fn transactional_write(who: &Principal) -> Result<Verdict> {
    let mut config = who.client();
    let producer: FutureProducer = config.set("transactional.id", TRANSACTIONAL_ID).create()?;
    let right = Right::lacking(Code::TransactionalIdAuthorizationFailed);
    right.judge(producer.init_transactions(PATIENCE))
}

pub(super) fn row(who: &Principal, outside: &Outside, inside: &Inside) -> Result<Row> {
    let told = |operation| {
        let asked = [who.name.as_str(), operation, "cluster"];
        outside.verdict(asked, "ClusterAuthorizationException", &[])
    };
    let verdict = |operation| match operation {
        "Create" => Ok(inside.create),
        "IdempotentWrite" => Ok(inside.idempotent_write),
        told_by_kafka => told(told_by_kafka),
    };
    Ok(Row {
        who: who.name.clone(),
        what: String::new(),
        verdicts: OPERATIONS.map(verdict).into_iter().collect::<Result<_>>()?,
    })
}

pub(super) fn transactional_row(
    who: &Principal,
    outside: &Outside,
    inside: &Inside,
) -> Result<Row> {
    let described = outside.verdict(
        [&who.name, "Describe", TRANSACTIONAL_ID],
        "TransactionalIdAuthorizationException",
        &["TransactionalIdNotFoundException"],
    )?;
    Ok(Row {
        who: who.name.clone(),
        what: TRANSACTIONAL_ID.to_owned(),
        verdicts: vec![described, inside.transactional_write],
    })
}
