//! What a topic must be set to, compared with what it is set to.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ResourceSpecifier};
use rdkafka::error::KafkaError;

use super::clients::{Clients, FRAME_BYTES, QUESTION};
use super::events::Events;
use super::failure::to_log_error;
use crate::retention::Keep;
use crate::{LogError, LogOptions, Topic};

/// Compares the settings of every topic in use.
pub(super) async fn check(clients: &Clients) -> Result<(), LogError> {
    let admin: AdminClient<Events> = clients
        .asking()
        .create_with_context(Events::new())
        .map_err(|error| LogError::Misconfigured(error.to_string()))?;
    let topics: Vec<_> = clients
        .used()
        .map(|topic| (topic, clients.names().topic(topic)))
        .collect();
    let resources: Vec<_> = topics
        .iter()
        .map(|(_, name)| ResourceSpecifier::Topic(name))
        .collect();
    let options = AdminOptions::new().request_timeout(Some(QUESTION));
    let described = admin
        .describe_configs(&resources, &options)
        .await
        .map_err(|error| to_log_error(&error, "the topics' settings"))?;
    let mut wrong = Vec::new();
    for ((topic, name), answer) in topics.iter().zip(described) {
        let found = answer.map_err(|code| {
            let what = format!("settings of {name} (right DescribeConfigs)");
            to_log_error(&KafkaError::AdminOp(code), &what)
        });
        let found = found?;
        // The client leaves out why it was told nothing: it is denied.
        if found.entries.is_empty() {
            wrong.push(format!(
                "the settings of topic {name} are not told; grant DescribeConfigs with kafka-acls"
            ));
            continue;
        }
        wrong.extend(compare(*topic, name, &found, clients.options()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(LogError::Misconfigured(format!(
        "{}; change the topics with kafka-configs, or this log's options",
        wrong.join("; ")
    )))
}

/// What a setting must be.
enum Rule {
    Is(String),
    AtLeast(u64),
}

fn rules(topic: Topic, options: &LogOptions) -> Vec<(&'static str, Rule)> {
    let is = |value: &str| Rule::Is(value.to_owned());
    let replicas = options
        .kafka
        .as_ref()
        .map_or(1, |kafka| u64::from(kafka.min_insync_replicas.get()));
    let bytes = (options.max_record_bytes + FRAME_BYTES) as u64;
    let mut rules = vec![
        ("message.timestamp.type", is("LogAppendTime")),
        ("min.insync.replicas", Rule::AtLeast(replicas)),
        ("unclean.leader.election.enable", is("false")),
        ("max.message.bytes", Rule::AtLeast(bytes)),
    ];
    let keep = options.retention.of(topic);
    if topic.is_compacted() {
        rules.push(("cleanup.policy", is("compact")));
        rules.push(("delete.retention.ms", Rule::Is(kept(keep, i64::MAX))));
    } else {
        rules.push(("cleanup.policy", is("delete")));
        rules.push(("retention.ms", Rule::Is(kept(keep, -1))));
        rules.push(("retention.bytes", is("-1")));
    }
    rules
}

fn kept(keep: Keep, forever: i64) -> String {
    match keep {
        Keep::Forever => forever.to_string(),
        Keep::For(duration) => Duration::as_millis(&duration).to_string(),
    }
}

fn compare(topic: Topic, name: &str, found: &ConfigResource, options: &LogOptions) -> Vec<String> {
    let judge = |(setting, rule): (&str, Rule)| {
        let entry = found.get(setting).and_then(|entry| entry.value.as_deref());
        let value = entry.unwrap_or("not told");
        let (holds, expected) = match rule {
            Rule::Is(expected) => (value == expected, expected),
            Rule::AtLeast(least) => {
                let holds = value.parse::<u64>().is_ok_and(|value| value >= least);
                (holds, format!("at least {least}"))
            }
        };
        (!holds).then(|| format!("{setting} of topic {name} is {value}, but must be {expected}"))
    };
    rules(topic, options)
        .into_iter()
        .filter_map(judge)
        .collect()
}
