use eventlog::{GroupEvent, LogError, Topic};
use harness::pki::Profile;

use crate::site::{Site, record};

use Topic::{AccessEvents, DeviceStatus, IngressRejected, RegistryEvents, Subjects};

/// A process's own job: what it appends to, what it reads, its group.
struct Job {
    principal: &'static str,
    appends: &'static [Topic],
    reads: &'static [Topic],
    group: Option<&'static str>,
}

const JOBS: [Job; 4] = [
    Job {
        principal: "command-svc",
        appends: &[AccessEvents, RegistryEvents, Subjects, IngressRejected],
        reads: &[AccessEvents, RegistryEvents, Subjects],
        group: Some("command-svc.reconciler"),
    },
    Job {
        principal: "webhook-gw",
        appends: &[AccessEvents, DeviceStatus, IngressRejected],
        reads: &[RegistryEvents, AccessEvents, DeviceStatus, IngressRejected],
        group: None,
    },
    Job {
        principal: "projector",
        appends: &[],
        reads: &[AccessEvents, RegistryEvents, DeviceStatus, IngressRejected],
        group: Some("projector"),
    },
    Job {
        principal: "projector-serve",
        appends: &[],
        reads: &[Subjects],
        group: None,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_process_may_do_its_own_job_and_is_told_what_it_may_not() {
    let Some(site) = Site::start(1).await else {
        return;
    };
    for job in &JOBS {
        own_job(&site, job).await;
        told(&site, job).await;
    }
    // A service's certificate makes no operator, whatever its common name.
    for name in ["admin", "kafka", "operator.admin"] {
        let impostor = Profile::client(name).saved_as(&format!("impostor-{name}"));
        let impostor = site.pki.issue(&impostor).unwrap();
        let options = site.options(&impostor, &[], &[AccessEvents]);
        let text = site.refusal(options).await;
        assert!(text.contains("lacks a right"), "{text}");
    }
}

async fn own_job(site: &Site, job: &Job) {
    let who = site.pki.issue_client(job.principal, &[]).unwrap();
    let options = site.options(&who, job.appends, job.reads);
    let log = site.open(options).await.unwrap();
    for topic in job.appends {
        log.append(*topic, record("key", job.principal))
            .await
            .unwrap();
    }
    for topic in job.reads.iter().chain(job.appends) {
        log.end_offsets(*topic).await.unwrap();
    }
    if let Some(group) = job.group {
        let mut member = log.subscribe(group, job.reads).await.unwrap();
        let event = member.next(1).await.unwrap();
        assert!(matches!(event, GroupEvent::Assigned(_)), "{event:?}");
        member.close().await;
    }
    // Of another process's group it is told at once that it may not join.
    let mut member = log.subscribe("another", job.reads).await.unwrap();
    let refused = member.next(1).await;
    assert!(
        matches!(&refused, Err(LogError::Misconfigured(text)) if text.contains("group another")),
        "{refused:?}"
    );
}

/// Who declares a job that isn't its own is told so when it starts. Which rights there are and which
/// not is the harness's table of rights.
async fn told(site: &Site, job: &Job) {
    let who = site.pki.issue_client(job.principal, &[]).unwrap();
    let refused = |appends: &[Topic], reads: &[Topic], topic: Topic| {
        let options = site.options(&who, appends, reads);
        async move {
            let text = site.refusal(options).await;
            assert!(
                text.contains("lacks a right") && text.contains(topic.name()),
                "{text}"
            );
        }
    };
    let other = |own: &[Topic]| {
        let topics = Topic::ALL.into_iter();
        let mut others = topics.filter(|topic| !own.contains(topic));
        others.next().unwrap()
    };
    let (append, read) = (other(job.appends), other(job.reads));
    refused(&[append], &[], append).await;
    refused(&[], &[read], read).await;
}
