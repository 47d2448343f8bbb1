//! What each role may do, tried live, as one table that is reviewed like code: `rights.txt`.

use std::fmt::Write as _;

use harness::engines::cassandra::{Cql, KEYSPACE, PROJECTOR, PROJECTOR_SERVE, Verdict};
use projector::store::{self, Progress, StoreError};

use super::scene::Scene;

const REVIEWED: &str = include_str!("rights.txt");

/// Tables with a row for each: its key's columns, values for them, and where it is found.
const ROWS: [(&str, &str, &str, &str); 16] = [
    (
        "access",
        "complex, identity",
        "'c', 'i'",
        "complex = 'c' AND identity = 'i'",
    ),
    (
        "access_by_time",
        "complex, scope, bucket, time, off",
        "'c', 's', 1, 1, 1",
        "complex = 'c' AND scope = 's' AND bucket = 1",
    ),
    (
        "access_buckets",
        "complex, scope, bucket",
        "'c', 's', 1",
        "complex = 'c' AND scope = 's'",
    ),
    (
        "access_by_event",
        "complex, event, off",
        "'c', 00000000-0000-0000-0000-000000000001, 1",
        "complex = 'c' AND event = 00000000-0000-0000-0000-000000000001",
    ),
    (
        "claims",
        "complex, command, off",
        "'c', 00000000-0000-0000-0000-000000000001, 1",
        "complex = 'c' AND command = 00000000-0000-0000-0000-000000000001",
    ),
    (
        "completions",
        "complex, command, off",
        "'c', 00000000-0000-0000-0000-000000000001, 1",
        "complex = 'c' AND command = 00000000-0000-0000-0000-000000000001",
    ),
    (
        "digests",
        "complex, partner, partner_event, digest",
        "'c', 'p', 'e', 0x00",
        "complex = 'c' AND partner = 'p' AND partner_event = 'e'",
    ),
    ("device_states", "device, rank", "'d', 0x00", "device = 'd'"),
    (
        "devices_by_complex",
        "complex, device",
        "'c', 'd'",
        "complex = 'c'",
    ),
    (
        "leaves",
        "topic, complex, bucket, off",
        "'t', 'c', 1, 1",
        "topic = 't' AND complex = 'c' AND bucket = 1",
    ),
    (
        "leaf_buckets",
        "topic, complex, bucket",
        "'t', 'c', 1",
        "topic = 't' AND complex = 'c'",
    ),
    (
        "unreadable",
        "topic, part, bucket, off",
        "'t', 1, 1, 1",
        "topic = 't' AND part = 1 AND bucket = 1",
    ),
    (
        "progress",
        "topic, part",
        "'t', 1",
        "topic = 't' AND part = 1",
    ),
    (
        "heads",
        "topic, complex",
        "'t', 'c'",
        "topic = 't' AND complex = 'c'",
    ),
    (
        "halts",
        "topic, complex",
        "'t', 'c'",
        "topic = 't' AND complex = 'c'",
    ),
    ("schema_version", "name", "'n'", "name = 'n'"),
];

#[tokio::test]
async fn each_role_has_its_rights_and_no_others() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    let admin = scene.node.admin().await.unwrap();
    let replication = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}";
    admin
        .run(&format!(
            "CREATE KEYSPACE other WITH replication = {replication}"
        ))
        .await
        .unwrap();
    admin
        .run("CREATE TABLE other.t (name text PRIMARY KEY)")
        .await
        .unwrap();

    let mut table = String::new();
    let roles = [
        ("projector", PROJECTOR),
        ("projector_serve", PROJECTOR_SERVE),
    ];
    for (role, uri) in roles {
        let cql = scene
            .node
            .connect(&scene.identity(role, uri))
            .await
            .unwrap();
        for (name, columns, values, key) in ROWS {
            let of = format!("{KEYSPACE}.{name}");
            rows_of(&cql, role, &of, columns, values, key, &mut table).await;
        }
        rows_of(
            &cql,
            role,
            "other.t",
            "name",
            "'n'",
            "name = 'n'",
            &mut table,
        )
        .await;
        for statement in OTHERS {
            let verdict = tried(&cql, statement).await;
            writeln!(table, "{role:16} {statement:70} {verdict}").unwrap();
        }
    }
    let written = scene.folder().join("rights.txt");
    std::fs::write(&written, &table).unwrap();
    assert!(
        table == REVIEWED,
        "other rights than in rights.txt:\n{table}"
    );
    through_the_adapter(&scene).await;
    passwords_change_nothing(&scene).await;
}

/// What isn't about a row.
const OTHERS: [&str; 12] = [
    "SELECT role FROM system_auth.roles",
    "SELECT identity FROM system_auth.identity_to_role",
    "CREATE TABLE smarthome_views.t (name text PRIMARY KEY)",
    "ALTER TABLE smarthome_views.heads ADD note text",
    "DROP TABLE smarthome_views.heads",
    "DROP KEYSPACE smarthome_views",
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE ROLE r",
    "GRANT MODIFY ON KEYSPACE other TO projector",
    "GRANT MODIFY ON KEYSPACE smarthome_views TO projector_serve",
    "ALTER ROLE projector WITH SUPERUSER = true",
    "ADD IDENTITY 'spiffe://smarthome/x' TO ROLE 'admin'",
];

async fn rows_of(
    cql: &Cql,
    role: &str,
    table: &str,
    columns: &str,
    values: &str,
    key: &str,
    out: &mut String,
) {
    let statements = [
        ("SELECT", format!("SELECT * FROM {table} WHERE {key}")),
        (
            "INSERT",
            format!("INSERT INTO {table} ({columns}) VALUES ({values})"),
        ),
        ("DELETE", format!("DELETE FROM {table} WHERE {key}")),
        ("TRUNCATE", format!("TRUNCATE {table}")),
    ];
    write!(out, "{role:16} {table:36}").unwrap();
    for (verb, statement) in statements {
        // What version the tables have is every reader's to know and stays as it is.
        let verdict = match (verb, table.ends_with(".schema_version")) {
            ("TRUNCATE", true) => "-",
            _ => tried(cql, &statement).await,
        };
        write!(out, " {verb} {verdict:7}").unwrap();
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
}

async fn tried(cql: &Cql, statement: &str) -> &'static str {
    match cql.try_run(statement).await.unwrap() {
        Verdict::Allowed => "allowed",
        Verdict::Denied => "denied",
    }
}

/// Whoever opens the store to write with the certificate of one who reads can't.
async fn through_the_adapter(scene: &Scene) {
    let serve = scene.identity("projector-serve", PROJECTOR_SERVE);
    let views = scene.views(&serve, &scene.pki);
    let store = store::open_configured(&views).await.unwrap();
    let progress = Progress {
        topic: eventlog::Topic::AccessEvents,
        partition: 0,
        next: 1,
    };
    let written = store.apply(Vec::new(), progress).await;
    assert!(
        matches!(&written, Err(StoreError::Refused(why)) if why.contains("lacks a right")),
        "{written:?}"
    );
    let next = scene.reader().progress(progress.topic, 0).await.unwrap();
    assert_eq!(next, None);
}

/// The well-known password of a new cluster opens nothing.
async fn passwords_change_nothing(scene: &Scene) {
    let serve = scene.identity("projector-serve", PROJECTOR_SERVE);
    let (node, roots) = (scene.node.address(), scene.pki.bundle());
    let login = Some(("cassandra", "cassandra"));
    let cql = Cql::connect(node, roots, &serve, login).await.unwrap();
    assert_eq!(tried(&cql, "CREATE ROLE r").await, "denied");
    let nobody = scene.pki.issue_client("nobody", &[]).unwrap();
    assert!(Cql::connect(node, roots, &nobody, login).await.is_err());
}
