//! What isn't about one of our tables: a line for each statement, a column for each role.

use anyhow::Result;

use super::super::table::{Row, Section};
use super::{CONTROL, Role, attempt};

/// In an order in which the operator can carry out all of them.
const STATEMENTS: [&str; 22] = [
    "SELECT key FROM system.local",
    "SELECT table_name FROM system_schema.tables",
    "SELECT role FROM system_auth.roles",
    "SELECT identity FROM system_auth.identity_to_role",
    "SELECT role FROM system_auth.role_permissions",
    "SELECT name FROM system_views.settings",
    "SELECT username FROM system_views.clients",
    "CREATE TABLE IF NOT EXISTS other.u (name text PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS smarthome_views.t (name text PRIMARY KEY, value text)",
    "CREATE INDEX IF NOT EXISTS ON smarthome_views.t (value)",
    "CREATE TYPE IF NOT EXISTS smarthome_views.u (name text)",
    "ALTER KEYSPACE smarthome_views WITH durable_writes = true",
    "CREATE KEYSPACE IF NOT EXISTS k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE ROLE IF NOT EXISTS r",
    "ALTER ROLE projector WITH SUPERUSER = true",
    "GRANT projector TO projector_serve",
    "GRANT MODIFY ON KEYSPACE other TO projector",
    "GRANT MODIFY ON KEYSPACE smarthome_views TO projector_serve",
    "REVOKE SELECT ON KEYSPACE smarthome_views FROM projector_serve",
    "ADD IDENTITY IF NOT EXISTS 'spiffe://smarthome/x' TO ROLE 'admin'",
    "DROP IDENTITY IF EXISTS 'spiffe://smarthome/x'",
    "DROP KEYSPACE IF EXISTS smarthome_views",
];

pub(super) async fn try_all(roles: &[Role]) -> Result<Section> {
    let mut rows: Vec<Row> = STATEMENTS.map(empty).into();
    for role in roles {
        for row in &mut rows {
            let verdict = attempt(role, &row.who).await?;
            row.verdicts.push(verdict);
        }
    }
    Ok(Section {
        title: "Cassandra: other statements",
        heads: ["statement", ""],
        operations: roles.iter().map(|role| role.name).collect(),
        rows,
        control: CONTROL,
    })
}

fn empty(statement: &str) -> Row {
    Row {
        who: statement.to_owned(),
        what: String::new(),
        verdicts: Vec::new(),
    }
}
