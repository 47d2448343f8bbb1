//! The document of the topics names what the log has.

use eventlog::{Keep, Retention, Topic};

const DOCUMENT: &str = include_str!("../../../proto/asyncapi.yaml");

#[test]
fn every_topic_stands_in_the_document_with_its_retention() {
    let addresses: Vec<&str> = DOCUMENT
        .lines()
        .filter_map(|line| line.trim().strip_prefix("address: "))
        .collect();
    assert_eq!(addresses.len(), Topic::ALL.len());
    for topic in Topic::ALL {
        let (_, channel) = DOCUMENT.split_once(&format!("address: {topic}\n")).unwrap();
        let channel = channel.split("address: ").next().unwrap();
        let kept = match Retention::default().of(topic) {
            Keep::Forever => "-1".to_owned(),
            Keep::For(duration) => duration.as_millis().to_string(),
        };
        let key = if topic.is_compacted() {
            "delete.retention.ms"
        } else {
            "          retention.ms"
        };
        assert!(
            channel.contains(&format!("{key}: {kept}\n")),
            "{topic}: {key}: {kept}"
        );
        let policy = if topic.is_compacted() {
            "compact"
        } else {
            "delete"
        };
        assert!(
            channel.contains(&format!("cleanup.policy: [{policy}]")),
            "{topic}"
        );
    }
}
