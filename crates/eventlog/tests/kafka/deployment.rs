//! What `deploy/kafka` says, against what the code expects.

use std::collections::BTreeMap;

use eventlog::{Keep, LogOptions, Topic};

const TOPICS: &str = include_str!("../../../../deploy/kafka/topics.txt");

fn words(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pairs: Vec<_> = words.windows(2).map(|pair| (pair[0], pair[1])).collect();
    pairs.into_iter()
}

#[test]
fn the_deployed_topics_are_what_a_log_with_default_options_expects() {
    let options = LogOptions::default();
    let lines = TOPICS.lines().filter(|line| line.starts_with("--create"));
    let mut topics = Vec::new();
    for line in lines {
        let value = |flag: &str| words(line).find(|(name, _)| *name == flag).unwrap().1;
        let settings: BTreeMap<&str, &str> = words(line)
            .filter(|(name, _)| *name == "--config")
            .map(|(_, setting)| setting.split_once('=').unwrap())
            .collect();
        let topic: Topic = value("--topic").parse().unwrap();
        let kept = |forever: &str| match options.retention.of(topic) {
            Keep::Forever => forever.to_owned(),
            Keep::For(duration) => duration.as_millis().to_string(),
        };
        assert_eq!(value("--partitions"), options.partitions.to_string());
        assert_eq!(value("--replication-factor"), "3");
        assert_eq!(settings["min.insync.replicas"], "2");
        assert_eq!(settings["message.timestamp.type"], "LogAppendTime");
        assert_eq!(settings["unclean.leader.election.enable"], "false");
        if topic.is_compacted() {
            assert_eq!(settings["cleanup.policy"], "compact");
            assert_eq!(settings["delete.retention.ms"], kept(""));
        } else {
            assert_eq!(settings["cleanup.policy"], "delete");
            assert_eq!(settings["retention.ms"], kept("-1"), "{topic}");
            assert_eq!(settings["retention.bytes"], "-1");
        }
        topics.push(topic);
    }
    topics.sort();
    assert_eq!(topics, Topic::ALL);
}
