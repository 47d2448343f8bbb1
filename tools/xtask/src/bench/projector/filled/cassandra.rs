//! More accesses in a Cassandra keyspace.

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use scylla::client::session::Session;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset};
use uuid::Uuid;

use super::More;

/// Accesses of one subject at one device that follow each other, and are sent together.
const TOGETHER: u64 = 16;
/// Such groups at once.
const AT_ONCE: usize = 32;
const DAY: i128 = 86_400 * 1_000_000_000;
/// Days in a bucket of a subject.
const SUBJECT_DAYS: i128 = 30;

/// What is written, and what new accesses are made of.
struct Filling {
    session: Session,
    access: PreparedStatement,
    by_time: PreparedStatement,
    by_event: PreparedStatement,
    bucket: PreparedStatement,
    models: Vec<Model>,
}

/// An access that is there.
struct Model {
    complex: String,
    device: String,
    subject: Option<Uuid>,
    value: CqlValue,
}

/// Adds so many accesses, made of those that are there.
pub(super) async fn fill(
    session: Session,
    keyspace: &str,
    rows: u64,
    told: impl Fn(u64),
) -> Result<()> {
    session.use_keyspace(keyspace, false).await?;
    let insert = async |what: &str| {
        let insert = format!("INSERT INTO {what} USING TIMESTAMP 1");
        session.prepare(insert).await
    };
    let filling = Filling {
        access: insert("access (complex, identity, access) VALUES (?, ?, ?)").await?,
        by_time: insert(
            "access_by_time (complex, scope, bucket, time, off, identity, subject, device)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .await?,
        by_event: insert("access_by_event (complex, event, off, identity) VALUES (?, ?, ?, ?)")
            .await?,
        bucket: insert("access_buckets (complex, scope, bucket) VALUES (?, ?, ?)").await?,
        models: models(&session).await?,
        session,
    };
    let groups = (0..rows.div_ceil(TOGETHER)).map(|group| filling.group(group));
    let mut groups = futures::stream::iter(groups).buffer_unordered(AT_ONCE);
    let mut done = 0;
    while groups.try_next().await?.is_some() {
        done += TOGETHER;
        told(done.min(rows));
    }
    Ok(())
}

async fn models(session: &Session) -> Result<Vec<Model>> {
    let select = "SELECT complex, access FROM access LIMIT 4096";
    let found = session
        .query_unpaged(select, ())
        .await?
        .into_rows_result()?;
    let model = |(complex, value): (String, CqlValue)| {
        let field = |name: &str| match &value {
            CqlValue::UserDefinedType { fields, .. } => {
                let found = fields.iter().find(|(field, _)| field == name);
                found.and_then(|(_, value)| value.clone())
            }
            _ => None,
        };
        Some(Model {
            device: field("device")?.into_string()?,
            subject: field("subject").and_then(|subject| subject.as_uuid()),
            complex,
            value,
        })
    };
    let rows = found.rows::<(String, CqlValue)>()?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter_map(model).collect())
}

impl Filling {
    async fn group(&self, group: u64) -> Result<()> {
        let model = &self.models[group as usize % self.models.len()];
        let complex = model.complex.as_str();
        let (mut access, mut by_event) = (Vec::new(), Vec::new());
        let scopes = [
            Some(("all".to_owned(), 1)),
            Some((format!("device/{}", model.device), 1)),
            model
                .subject
                .map(|subject| (format!("subject/{subject}"), SUBJECT_DAYS)),
        ];
        let mut by_time: Vec<(String, i128, Vec<_>)> = scopes
            .into_iter()
            .flatten()
            .map(|(scope, days)| (scope, days, Vec::new()))
            .collect();
        let first = More::number(group * TOGETHER);
        for number in 0..TOGETHER {
            let more = More::number(group * TOGETHER + number);
            // All on the day of the first, so that they share partitions.
            let time = first.occurred_at.as_nanosecond().div_euclid(DAY) * DAY
                + more.occurred_at.as_nanosecond().rem_euclid(DAY);
            let (time, off) = (time, i64::try_from(more.offset)?);
            let identity = format!("event/{}", more.event);
            let value = model.value_at(&more, time, off)?;
            access.push((complex, identity.clone(), value));
            by_event.push((complex, more.event, off, identity.clone()));
            for (scope, days, entries) in &mut by_time {
                let bucket = i32::try_from(time.div_euclid(DAY * *days))?;
                entries.push((
                    complex,
                    scope.clone(),
                    bucket,
                    i64::try_from(time)?,
                    off,
                    identity.clone(),
                    MaybeUnset::from_option(model.subject),
                    model.device.as_str(),
                ));
            }
        }
        self.send(&self.access, access).await?;
        self.send(&self.by_event, by_event).await?;
        for (scope, _, entries) in by_time {
            let bucket = entries.first().map(|entry| entry.2).context("an entry")?;
            let place = (complex, scope, bucket);
            self.session.execute_unpaged(&self.bucket, place).await?;
            self.send(&self.by_time, entries).await?;
        }
        Ok(())
    }

    async fn send<V: scylla::serialize::row::SerializeRow>(
        &self,
        statement: &PreparedStatement,
        rows: Vec<V>,
    ) -> Result<()> {
        let statements = vec![statement.clone().into(); rows.len()];
        let batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        self.session.batch(&batch, rows).await?;
        Ok(())
    }
}

impl Model {
    /// The same at another time and place.
    fn value_at(&self, more: &More, time: i128, off: i64) -> Result<CqlValue> {
        let mut value = self.value.clone();
        if let CqlValue::UserDefinedType { fields, .. } = &mut value {
            for (name, field) in fields {
                match name.as_str() {
                    "off" => *field = Some(CqlValue::BigInt(off)),
                    "event" => *field = Some(CqlValue::Uuid(more.event)),
                    "occurred_at" => {
                        let at = Timestamp::from_nanosecond(time)?;
                        *field = Some(CqlValue::Text(at.to_string()));
                    }
                    _ => {}
                }
            }
        }
        Ok(value)
    }
}
