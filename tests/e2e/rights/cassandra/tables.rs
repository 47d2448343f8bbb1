//! Tables: all that the keyspaces of the views have, and one of another keyspace.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use futures::future::try_join_all;
use harness::engines::cassandra::{Cql, KEYSPACE};

use super::super::table::{Row, Section, Verdict};
use super::{CONTROL, Role, SCHEMA, attempt};

/// Where every other generation of the views is.
const BESIDE: &str = "smarthome_views_b";
/// Nobody's business.
const FOREIGN: &str = "
CREATE KEYSPACE IF NOT EXISTS other
  WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 1};
CREATE TABLE IF NOT EXISTS other.t (name text PRIMARY KEY);";

/// The last is tried when all else is done.
const OPERATIONS: [&str; 7] = [
    "SELECT", "INSERT", "DELETE", "TRUNCATE", "ALTER", "GRANT", "DROP",
];

/// A table and the columns of its key.
struct Table {
    keyspace: String,
    name: String,
    /// Each with a value; the first so many are the partition's.
    key: Vec<(String, &'static str)>,
    partition: usize,
}

pub(super) async fn try_all(roles: &[Role], admin: &Cql) -> Result<Section> {
    admin.apply(FOREIGN).await?;
    let mut tables = known(admin, KEYSPACE).await?;
    tables.extend(known(admin, BESIDE).await?);
    tables.extend(known(admin, "other").await?);

    let mut rows = Vec::new();
    for role in roles {
        let on = tables.iter().map(|table| on_table(role, table));
        rows.extend(try_join_all(on).await?);
    }
    for role in roles {
        let own = rows.iter_mut().filter(|row| row.who == role.name);
        for (table, row) in tables.iter().zip(own) {
            let dropped = attempt(role, &format!("DROP TABLE {}", table.place())).await?;
            row.verdicts.push(dropped);
            // It is there again for the next.
            if dropped == Verdict::Allowed && role.name != CONTROL {
                admin.apply(SCHEMA).await?;
                admin.apply(FOREIGN).await?;
            }
        }
    }
    Ok(Section {
        title: "Cassandra: tables",
        heads: ["role", "table"],
        operations: OPERATIONS.to_vec(),
        rows,
        control: CONTROL,
    })
}

/// All but the last operation.
async fn on_table(role: &Role, table: &Table) -> Result<Row> {
    let mut verdicts = Vec::new();
    for statement in table.statements() {
        verdicts.push(attempt(role, &statement).await?);
    }
    let what = match table.keyspace.as_str() {
        KEYSPACE => table.name.clone(),
        _ => table.place(),
    };
    Ok(Row {
        who: role.name.to_owned(),
        what,
        verdicts,
    })
}

/// The tables that a keyspace has.
async fn known(admin: &Cql, keyspace: &str) -> Result<Vec<Table>> {
    let query = format!(
        "SELECT table_name, kind, column_name, type FROM system_schema.columns \
         WHERE keyspace_name = '{keyspace}'"
    );
    let mut tables = BTreeMap::new();
    for column in admin.texts(&query).await? {
        let [table, kind, column, of] = &column[..] else {
            bail!("a column is {column:?}");
        };
        let table = tables.entry(table.clone()).or_insert_with(|| Table {
            keyspace: keyspace.to_owned(),
            name: table.clone(),
            key: Vec::new(),
            partition: 0,
        });
        let value = match of.as_str() {
            "text" => "'x'",
            "int" | "bigint" => "1",
            "uuid" => "00000000-0000-0000-0000-000000000001",
            "blob" => "0x00",
            "boolean" => "true",
            _ if !matches!(kind.as_str(), "partition_key" | "clustering") => continue,
            other => bail!("a key of type {other}: say here what a value looks like"),
        };
        match kind.as_str() {
            "partition_key" => {
                table.key.insert(table.partition, (column.clone(), value));
                table.partition += 1;
            }
            "clustering" => table.key.push((column.clone(), value)),
            _ => {}
        }
    }
    Ok(tables.into_values().collect())
}

impl Table {
    fn place(&self) -> String {
        format!("{}.{}", self.keyspace, self.name)
    }

    /// One for each operation but the last.
    fn statements(&self) -> [String; 6] {
        let place = self.place();
        let columns: Vec<&str> = self.key.iter().map(|(column, _)| column.as_str()).collect();
        let values: Vec<&str> = self.key.iter().map(|(_, value)| *value).collect();
        let partition = self.key.iter().take(self.partition);
        let partition: Vec<String> = partition
            .map(|(c, value)| format!("{c} = {value}"))
            .collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        let partition = partition.join(" AND ");
        [
            format!("SELECT * FROM {place} WHERE {partition}"),
            format!("INSERT INTO {place} ({columns}) VALUES ({values})"),
            format!("DELETE FROM {place} WHERE {partition}"),
            format!("TRUNCATE {place}"),
            format!("ALTER TABLE {place} WITH comment = ''"),
            // To whom it gives nothing new.
            format!("GRANT SELECT ON TABLE {place} TO {CONTROL}"),
        ]
    }
}
