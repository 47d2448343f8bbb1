//! The files of `deploy/kafka` as calls of Kafka's own commands.

const TOPICS: &str = include_str!("../../../../deploy/kafka/topics.txt");
const ACLS: &str = include_str!("../../../../deploy/kafka/acls.txt");

/// The calls that make a cluster of so many nodes ready for the services whose topics and groups
/// have this prefix. The files are written for three nodes or more; on fewer, topics have as many
/// replicas as there are nodes.
pub(super) fn calls(nodes: usize, prefix: &str) -> Vec<String> {
    let topics = lines(TOPICS).map(|line| {
        let line = match nodes {
            0..3 => line
                .replace(
                    "--replication-factor 3",
                    &format!("--replication-factor {nodes}"),
                )
                .replace("min.insync.replicas=2", "min.insync.replicas=1"),
            _ => line.to_owned(),
        };
        format!("topics {line}")
    });
    let acls = lines(ACLS).map(|line| format!("acls {line}"));
    topics
        .chain(acls)
        .map(|call| named(&call, prefix))
        .collect()
}

/// The calls that take back what [`calls`] made.
pub(super) fn removal(prefix: &str) -> Vec<String> {
    let topics = lines(TOPICS).filter_map(|line| {
        let (_, rest) = line.split_once("--topic ")?;
        let topic = rest.split_whitespace().next()?;
        Some(format!("topics --delete --topic {topic}"))
    });
    let acls = lines(ACLS).map(|line| {
        let line = line.replacen("--add", "--remove --force", 1);
        format!("acls {line}")
    });
    acls.chain(topics)
        .map(|call| named(&call, prefix))
        .collect()
}

fn named(call: &str, prefix: &str) -> String {
    call.replace("--topic ", &format!("--topic {prefix}"))
        .replace("--group ", &format!("--group {prefix}"))
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}
