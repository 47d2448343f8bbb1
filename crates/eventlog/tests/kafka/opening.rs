use std::num::NonZeroU32;

use eventlog::{LogError, LogOptions, Topic};
use harness::pki::{Pki, Profile, Validity};
use harness::process::free_port;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::site::{Site, with_kafka};

const ONE: [Topic; 1] = [Topic::AccessEvents];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_found_when_the_log_is_opened() {
    let Some(site) = Site::start(1).await else {
        return;
    };
    site.open(site.admin()).await.unwrap();
    certificates(&site).await;
    addresses(&site).await;
    topics(&site).await;
}

async fn certificates(site: &Site) {
    let rogue = Pki::rogue(&site.dir.path().join("rogue")).unwrap();
    let stranger = rogue.issue(&Profile::client("admin").unit("operators"));
    let expired = Profile::client("admin")
        .unit("operators")
        .saved_as("expired");
    let expired = site.pki.issue(&expired.validity(Validity::Expired));
    for who in [stranger.unwrap(), expired.unwrap()] {
        let text = site.refusal(site.options(&who, &ONE, &ONE)).await;
        assert!(text.contains("kafka.certificate"), "{text}");
    }
    // A broker that shows a certificate of another authority.
    let deceived = with_kafka(site.admin(), |kafka| {
        kafka.ca = Some(rogue.bundle().to_owned())
    });
    let text = site.refusal(deceived).await;
    assert!(text.contains("kafka.ca"), "{text}");
    // Files that aren't there, or don't belong together.
    let absent = with_kafka(site.admin(), |kafka| {
        kafka.private_key = Some("/no/such/key".into())
    });
    let text = site.refusal(absent).await;
    assert!(text.contains("kafka.private_key /no/such/key"), "{text}");
    let other = site.pki.issue_client("other", &[]).unwrap();
    let mixed = with_kafka(site.admin(), |kafka| {
        kafka.private_key = Some(other.private_key)
    });
    site.refusal(mixed).await;
}

async fn addresses(site: &Site) {
    let nobody = free_port().unwrap();
    let url = format!("kafka://localhost:{}", nobody.number());
    let unreachable = eventlog::open(&url.parse().unwrap(), site.admin()).await;
    assert!(matches!(unreachable.err(), Some(LogError::Unavailable(_))));
    let plain = with_kafka(site.admin(), |kafka| {
        (kafka.ca, kafka.certificate, kafka.private_key) = (None, None, None);
        kafka.insecure = true;
    });
    assert!(site.open(plain).await.is_err());
    let without = LogOptions::default();
    let text = site.refusal(without).await;
    assert!(text.contains("section `kafka`"), "{text}");
}

async fn topics(site: &Site) {
    let elsewhere = with_kafka(site.admin(), |kafka| kafka.prefix = "none.".to_owned());
    let text = site.refusal(elsewhere).await;
    assert!(
        text.contains("none.access.events.v1") && text.contains("kafka-topics"),
        "{text}"
    );

    let five = LogOptions {
        partitions: NonZeroU32::new(5).unwrap(),
        ..site.admin()
    };
    let text = site.refusal(five).await;
    assert!(
        text.contains("3 partitions") && text.contains("partitions is 5"),
        "{text}"
    );

    let safer = with_kafka(site.admin(), |kafka| {
        kafka.min_insync_replicas = NonZeroU32::new(2).unwrap();
    });
    let text = site.refusal(safer).await;
    assert!(
        text.contains("min.insync.replicas of topic access.events.v1 is 1"),
        "{text}"
    );

    let good = [
        ("message.timestamp.type", "LogAppendTime"),
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "false"),
        ("cleanup.policy", "delete"),
        ("retention.ms", "94608000000"),
        ("retention.bytes", "-1"),
    ];
    let bad = [
        ("message.timestamp.type", "CreateTime"),
        ("unclean.leader.election.enable", "true"),
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", "604800000"),
        ("retention.bytes", "1000000"),
        ("max.message.bytes", "100000"),
    ];
    let admin: AdminClient<DefaultClientContext> = site.client().create().unwrap();
    for (number, (setting, value)) in bad.into_iter().enumerate() {
        let prefix = format!("bad{number}.");
        let name = format!("{prefix}access.events.v1");
        let others = good.into_iter().filter(|(key, _)| *key != setting);
        let topic = NewTopic::new(&name, 3, TopicReplication::Fixed(1));
        let topic = others.fold(topic, |topic, (key, value)| topic.set(key, value));
        let new = [topic.set(setting, value)];
        let made = admin.create_topics(&new, &AdminOptions::new()).await;
        made.unwrap().remove(0).unwrap();

        let options = site.options(site.kafka.admin(), &ONE, &ONE);
        let text = site
            .refusal(with_kafka(options, |kafka| kafka.prefix = prefix))
            .await;
        let told = format!("{setting} of topic {name} is {value}, but must be");
        assert!(text.contains(&told), "{text}");
    }
}
