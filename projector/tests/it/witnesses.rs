//! Witnesses are shown every log that grows; what enough of them have cosigned is kept, and a rewritten
//! history gets nobody's word.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditlog::{LogId, rebuild_root, verify_consistency};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use jiff::Timestamp;
use object_store::ObjectStoreExt as _;
use projector::config::{WitnessConfig, WitnessesConfig};
use witness::{Cosigner, Request, WitnessKey};

use crate::fixture::Fixture;
use crate::run::{ORIGIN, Running, Site, project, rebuilt, wait};

/// A witness of this test's own, which can be made to fail; `auditctl witness` is tried end to end.
struct Seer {
    cosigner: Cosigner,
    /// Of each log the size and root that it cosigned last.
    seen: Mutex<BTreeMap<String, (u64, [u8; 32])>>,
    up: Mutex<bool>,
    refused: Mutex<u32>,
}

impl Seer {
    async fn start(name: &str) -> (Arc<Self>, WitnessConfig) {
        let (cosigner, _) = Cosigner::generate(name).unwrap();
        let key: WitnessKey = cosigner.key().clone();
        let seer = Arc::new(Self {
            cosigner,
            seen: Mutex::default(),
            up: Mutex::new(true),
            refused: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/add-checkpoint", post(add))
            .with_state(Arc::clone(&seer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = url.parse().unwrap();
        (seer, WitnessConfig { url, key })
    }

    fn judge(&self, body: &str) -> (StatusCode, String) {
        let request = Request::parse(body).unwrap();
        let note = &request.note;
        let lines: Vec<&str> = note.lines().collect();
        let origin = lines[0].to_owned();
        let size: u64 = lines[1].parse().unwrap();
        let root = tlog_root(lines[2]);
        let mut seen = self.seen.lock().unwrap();
        let (known, before) = seen
            .get(&origin)
            .copied()
            .unwrap_or((0, rebuild_root::<&[u8]>([])));
        if request.old != known || known == size && before != root {
            return (StatusCode::CONFLICT, format!("{known}\n"));
        }
        let grown = known == 0 || known == size;
        if !grown && verify_consistency(known, before, size, root, &request.proof).is_err() {
            return (StatusCode::UNPROCESSABLE_ENTITY, String::new());
        }
        seen.insert(origin, (size, root));
        let line = self.cosigner.line(note, Timestamp::now()).unwrap();
        (StatusCode::OK, line)
    }
}

fn tlog_root(text: &str) -> [u8; 32] {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).unwrap();
    bytes.try_into().unwrap()
}

async fn add(State(seer): State<Arc<Seer>>, body: String) -> (StatusCode, String) {
    if !*seer.up.lock().unwrap() {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    let answer = seer.judge(&body);
    if answer.0 != StatusCode::OK {
        *seer.refused.lock().unwrap() += 1;
    }
    answer
}

fn asking(list: &[&WitnessConfig], quorum: usize) -> Option<Arc<WitnessesConfig>> {
    let asked = WitnessesConfig {
        quorum: Some(quorum),
        interval: Duration::from_millis(5),
        ca_file: None,
        list: list.iter().copied().cloned().collect(),
    };
    asked.check().unwrap();
    Some(Arc::new(asked))
}

impl Site {
    /// Of each log how many leaves the cosigned checkpoint has, and who cosigned it.
    async fn witnessed(
        &self,
        logs: &BTreeMap<LogId, (u64, [u8; 32])>,
        by: &[&WitnessConfig],
    ) -> BTreeMap<LogId, (u64, usize)> {
        let mut found = BTreeMap::new();
        for log in logs.keys() {
            if let Some(cosigned) = self.reader(log).cosigned().await.unwrap() {
                let seen = |one: &&&WitnessConfig| one.key.seen(cosigned.note()).is_some();
                let count = by.iter().filter(seen).count();
                found.insert(log.clone(), (cosigned.size(), count));
            }
        }
        found
    }
}

/// What is found when so many have seen all of it.
fn all(logs: &BTreeMap<LogId, (u64, [u8; 32])>, by: usize) -> BTreeMap<LogId, (u64, usize)> {
    let sizes = logs
        .iter()
        .map(|(log, (size, _))| (log.clone(), (*size, by)));
    sizes.collect()
}

#[tokio::test]
async fn what_enough_witnesses_have_seen_is_kept_and_the_others_follow() {
    let (first, one) = Seer::start("witness.example/1").await;
    let (second, two) = Seer::start("witness.example/2").await;
    *second.up.lock().unwrap() = false;
    let fixture = Fixture::new();
    fixture.workload(1).await;
    let mut site = Site::new().await;
    // What was there before anybody was asked is shown too.
    project(&fixture, &site, 64).await;
    let logs = rebuilt(&*fixture.log).await;
    site.asked = asking(&[&one, &two], 1);
    let running = Running::start(&fixture, &site, 64);
    wait(async || site.witnessed(&logs, &[&one, &two]).await == all(&logs, 1)).await;
    // The one that was away catches up, with logs that have not grown since.
    *second.up.lock().unwrap() = true;
    wait(async || site.witnessed(&logs, &[&one, &two]).await == all(&logs, 2)).await;
    fixture.workload(2).await;
    running.caught_up(&*fixture.log, &*site.views).await;
    let logs = rebuilt(&*fixture.log).await;
    wait(async || site.witnessed(&logs, &[&one, &two]).await == all(&logs, 2)).await;
    running.stop().await;
    for log in logs.keys() {
        let served = site.reader(log).checkpoint_for_others().await.unwrap();
        assert!(one.key.seen(served.note()).is_some(), "{log}");
    }
    assert_eq!(
        *first.refused.lock().unwrap(),
        0,
        "it is told what it has seen"
    );
}

#[tokio::test]
async fn what_a_key_signed_that_is_trusted_no_more_is_cosigned_anew() {
    let (_, one) = Seer::start("witness.example/1").await;
    let fixture = Fixture::new();
    fixture.workload(1).await;
    let mut site = Site::new().await;
    project(&fixture, &site, 64).await;
    let logs = rebuilt(&*fixture.log).await;
    // Somebody else's word lies where the witnesses' is kept.
    let other = Site::new().await;
    project(&fixture, &other, 64).await;
    for log in logs.keys() {
        let note = other.reader(log).checkpoint().await.unwrap();
        let note = note.note().to_owned().into_bytes();
        let path = format!("{log}/cosigned").as_str().into();
        site.tiles.put(&path, note.into()).await.unwrap();
        assert!(site.reader(log).cosigned().await.is_err());
    }
    site.asked = asking(&[&one], 1);
    let running = Running::start(&fixture, &site, 64);
    wait(async || {
        for log in logs.keys() {
            let kept = site.reader(log).cosigned().await.ok().flatten();
            if kept.is_none_or(|kept| one.key.seen(kept.note()).is_none()) {
                return false;
            }
        }
        true
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn below_the_quorum_nothing_is_kept() {
    let (_, one) = Seer::start("witness.example/1").await;
    let (second, two) = Seer::start("witness.example/2").await;
    *second.up.lock().unwrap() = false;
    let fixture = Fixture::new();
    fixture.workload(1).await;
    let mut site = Site::new().await;
    site.asked = asking(&[&one, &two], 2);
    let running = Running::start(&fixture, &site, 64);
    let logs = rebuilt(&*fixture.log).await;
    running.caught_up(&*fixture.log, &*site.views).await;
    assert!(site.witnessed(&logs, &[&one]).await.is_empty());
    *second.up.lock().unwrap() = true;
    wait(async || site.witnessed(&logs, &[&one, &two]).await == all(&logs, 2)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_rewritten_history_gets_no_cosignature_and_the_old_one_keeps_its_own() {
    let (seer, one) = Seer::start("witness.example/1").await;
    let told = Fixture::new();
    told.workload(2).await;
    let mut site = Site::new().await;
    site.asked = asking(&[&one], 1);
    let running = Running::start(&told, &site, 64);
    running.caught_up(&*told.log, &*site.views).await;
    let logs = rebuilt(&*told.log).await;
    wait(async || site.witnessed(&logs, &[&one]).await == all(&logs, 1)).await;
    running.stop().await;

    // The same key signs logs of other records under the same names.
    let rewritten = Fixture::new();
    rewritten.workload(3).await;
    let mut other = Site::new().await;
    other.signer = Arc::clone(&site.signer);
    other.asked = asking(&[&one], 1);
    *seer.refused.lock().unwrap() = 0;
    let signed = LogId::new("access.events.v1", "sunrise").unwrap();
    let origin = format!("{ORIGIN}/{signed}");
    let seen = seer.seen.lock().unwrap()[&origin];
    let running = Running::start(&rewritten, &other, 64);
    running.caught_up(&*rewritten.log, &*other.views).await;
    let log = BTreeMap::from([(signed.clone(), rebuilt(&*rewritten.log).await[&signed])]);
    // 409 to learn what it has seen, then 422.
    wait(async || *seer.refused.lock().unwrap() >= 2).await;
    // Nothing is due any more: what else was to be shown has been.
    rewritten.workload(1).await;
    running.caught_up(&*rewritten.log, &*other.views).await;
    wait(async || *seer.refused.lock().unwrap() >= 4).await;
    running.stop().await;
    assert!(other.witnessed(&log, &[&one]).await.is_empty());
    assert_eq!(
        seer.seen.lock().unwrap()[&origin],
        seen,
        "nothing else was cosigned"
    );
}

#[test]
fn witnesses_that_can_not_be_meant_are_refused() {
    let key = Cosigner::generate("w.example").unwrap().0.key().text();
    let read = |text: &str| {
        let text = text.replace("KEY", &key);
        let config: Result<WitnessesConfig, _> = toml::from_str(&text);
        config.map_err(|error| error.to_string())?.check()
    };
    let one = "[[list]]\nurl = \"https://w.example\"\nkey = \"KEY\"\n";
    assert_eq!(read(one), Ok(()));
    assert_eq!(
        read(&one.replace("https://w.example", "http://[::1]:1")),
        Ok(())
    );
    for wrong in [
        "list = []".to_owned(),
        one.replace("https", "http"),
        one.replace("https://w.example", "ftp://127.0.0.1"),
        one.replace("KEY", "w.example+00000000+AA=="),
        one.repeat(2),
        format!("quorum = 2\n{one}"),
        format!("quorum = 0\n{one}"),
        format!("interval = \"0s\"\n{one}"),
        format!("{one}more = 1\n"),
    ] {
        assert!(read(&wrong).is_err(), "{wrong}");
    }
}
