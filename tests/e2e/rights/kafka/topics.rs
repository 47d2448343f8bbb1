//! Topics: those of the service, one of somebody else, and one of Kafka's own.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use eventlog::Topic;
use rdkafka::admin::{AdminClient, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::super::table::{Row, Verdict};
use super::judge::{PATIENCE, Right, code, only, until};
use super::outside::Outside;
use super::principal::{Principal, asking, doing};

type Admin = AdminClient<DefaultClientContext>;

/// The last is tried when all else is done.
pub(super) const OPERATIONS: [&str; 9] = [
    "Describe",
    "DescribeConfigs",
    "Read",
    "Write",
    "Create",
    "Alter",
    "AlterConfigs",
    "DeleteRecords",
    "Delete",
];

/// Nobody's business.
pub(super) const FOREIGN: &str = "other";
const OFFSETS: &str = "__consumer_offsets";
const RIGHT: Right = Right::lacking(Code::TopicAuthorizationFailed);

/// Makes the foreign topic and Kafka's own, and says which there are.
///
/// # Errors
/// They are others than those of [`Topic::ALL`] and these.
pub(super) fn prepare(control: &Principal) -> Result<Vec<String>> {
    let admin = &control.admin;
    create(admin, FOREIGN)?;
    // It is made when a coordinator is first looked for, which then has to take it over.
    let consumer = control.consumer("first")?;
    let mut list = TopicPartitionList::new();
    list.add_partition(FOREIGN, 0);
    until(|heard| {
        let asked = consumer.committed_offsets(list.clone(), PATIENCE).map(drop);
        heard.extend(asked.as_ref().err().map(ToString::to_string));
        Ok(asked.ok().map(|()| Verdict::Allowed))
    })?;
    let metadata = admin.inner().fetch_metadata(None, PATIENCE)?;
    let mut found: Vec<_> = metadata
        .topics()
        .iter()
        .map(|t| t.name().to_owned())
        .collect();
    let mut known: Vec<_> = Topic::ALL.map(|t| t.name().to_owned()).into();
    known.extend([FOREIGN.to_owned(), OFFSETS.to_owned()]);
    found.sort();
    known.sort();
    ensure!(found == known, "the topics are {found:?}, not {known:?}");
    // Kafka's own stand last.
    found.sort_by_key(|name| name.starts_with('_'));
    Ok(found)
}

fn create(admin: &Admin, name: &str) -> Result<()> {
    let new = [NewTopic::new(name, 3, TopicReplication::Fixed(1))];
    only(Handle::current().block_on(admin.create_topics(&new, &doing())))?;
    let end = Instant::now() + PATIENCE;
    let there = || -> Result<bool> {
        let metadata = admin.inner().fetch_metadata(Some(name), PATIENCE)?;
        Ok(metadata.topics()[0].error().is_none())
    };
    while !there()? {
        ensure!(Instant::now() < end, "topic {name} doesn't appear");
    }
    Ok(())
}

/// Everything but deletion, which none of this is.
pub(super) fn try_all(who: &Principal, topic: &str, outside: &Outside) -> Result<Vec<Verdict>> {
    let admin = &who.admin;
    let runtime = Handle::current();
    let beyond = |codes| RIGHT.or_beyond(codes);
    let told = |operation| {
        let asked = [who.name.as_str(), operation, topic];
        outside.verdict(asked, "TopicAuthorizationException", &[])
    };

    let new = [NewTopic::new(topic, 3, TopicReplication::Fixed(1))];
    let created = only(runtime.block_on(admin.create_topics(&new, &asking())));
    let more = [NewPartitions::new(topic, 4)];
    let altered = only(runtime.block_on(admin.create_partitions(&more, &asking())));
    let judged = [
        RIGHT.judge(describe(admin.inner(), topic)),
        told("DescribeConfigs"),
        read(who, topic),
        beyond(&[Code::InvalidTopic]).judge(write(who, topic)),
        beyond(&[Code::TopicAlreadyExists]).judge(created),
        RIGHT.judge(altered),
        told("AlterConfigs"),
        // A compacted topic has no records to delete; Kafka's own keep theirs.
        beyond(&[Code::PolicyViolation, Code::InvalidTopic]).judge(delete_none(admin, topic)),
    ];
    let named = judged.into_iter().zip(OPERATIONS);
    named
        .map(|(verdict, operation)| verdict.context(operation))
        .collect()
}

/// What every other request begins with: who may read or write may ask where.
fn describe<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<(), KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), PATIENCE)?;
    let error = metadata.topics().first().and_then(|topic| topic.error());
    error.map_or(Ok(()), |error| Err(KafkaError::MetadataFetch(error.into())))
}

/// A record, or the end where there is none.
fn read(who: &Principal, topic: &str) -> Result<Verdict> {
    let consumer = who.consumer("tail")?;
    if RIGHT.judge(describe(consumer.client(), topic))? == Verdict::Denied {
        return Ok(Verdict::Denied);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&list)?;
    until(|heard| match consumer.poll(PATIENCE / 20) {
        None => Ok(None),
        Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => Ok(Some(Verdict::Allowed)),
        Some(Err(error)) => {
            heard.push(error.to_string());
            Ok(code(&error).and_then(|code| RIGHT.of_code(code)))
        }
    })
}

fn write(who: &Principal, topic: &str) -> Result<(), KafkaError> {
    let producer: FutureProducer = who.client().create()?;
    describe(producer.client(), topic)?;
    let record = FutureRecord::to(topic).partition(0).key("key");
    let sent = producer.send_result(record.payload("tried"));
    let sent = sent.map_err(|(error, _)| error)?;
    let delivered = Handle::current().block_on(sent);
    let delivered = delivered.map_err(|_| KafkaError::Canceled)?;
    delivered.map(drop).map_err(|(error, _)| error)
}

/// Deletes the records before the first.
fn delete_none(admin: &Admin, topic: &str) -> Result<(), KafkaError> {
    describe(admin.inner(), topic)?;
    let mut none = TopicPartitionList::new();
    none.add_partition_offset(topic, 0, Offset::Offset(0))?;
    let deleted = Handle::current().block_on(admin.delete_records(&none, &doing()))?;
    let mut answers = deleted.elements().into_iter();
    answers.try_for_each(|partition| partition.error())
}

/// Deletes for good; what somebody could delete is there again for the next.
pub(super) async fn try_delete(everybody: &[Principal], rows: &mut [Row]) -> Result<()> {
    let control = everybody.last().context("somebody")?;
    for row in rows {
        let who = everybody.iter().find(|who| who.name == row.who);
        let (who, control) = (who.context("somebody")?.clone(), control.clone());
        let topic = row.what.clone();
        let delete = move || -> Result<Verdict> {
            let deleted = who.admin.delete_topics(&[&topic], &doing());
            let verdict = RIGHT.judge(only(Handle::current().block_on(deleted)));
            let verdict = verdict.with_context(|| format!("{}: delete {topic}", who.name))?;
            if verdict == Verdict::Allowed && who.name != control.name {
                create(&control.admin, &topic)?;
            }
            Ok(verdict)
        };
        row.verdicts.push(spawn_blocking(delete).await??);
    }
    Ok(())
}
