use crate::site::{Site, record};
use eventlog::{TailFrom, Topic};
use std::time::Instant;
#[tokio::test(flavor = "multi_thread")]
async fn latency() {
    for n in [1usize, 3] {
        let Some(site) = Site::start(n).await else {
            return;
        };
        for _ in 0..3 {
            let t = Instant::now();
            let log = site.open(site.admin()).await.unwrap();
            let open = t.elapsed();
            let t = Instant::now();
            log.append(Topic::AccessEvents, record("first", "x"))
                .await
                .unwrap();
            let first = t.elapsed();
            let mut v = vec![];
            for i in 0..300 {
                let t = Instant::now();
                log.append(Topic::AccessEvents, record(&format!("k{i}"), "x"))
                    .await
                    .unwrap();
                v.push(t.elapsed());
            }
            v.sort();
            let mut tail = log.tail(Topic::AccessEvents, TailFrom::End).await.unwrap();
            let mut w = vec![];
            for i in 0..300 {
                let at = log
                    .append(Topic::AccessEvents, record(&format!("k{i}"), "x"))
                    .await
                    .unwrap();
                let t = Instant::now();
                loop {
                    let b = tail.next_batch(10).await.unwrap();
                    if b.iter().any(|r| r.position == at) {
                        break;
                    }
                }
                w.push(t.elapsed());
            }
            w.sort();
            let mut e = vec![];
            for _ in 0..100 {
                let t = Instant::now();
                log.end_offsets(Topic::AccessEvents).await.unwrap();
                e.push(t.elapsed());
            }
            e.sort();
            let t = Instant::now();
            let all: Vec<_> = (0..1000)
                .map(|i| {
                    let log = log.clone();
                    async move {
                        for j in 0..20 {
                            log.append(Topic::AccessEvents, record(&format!("k{i}-{j}"), "x"))
                                .await
                                .unwrap();
                        }
                    }
                })
                .map(tokio::spawn)
                .collect();
            for a in all {
                a.await.unwrap();
            }
            let rate = 20000.0 / t.elapsed().as_secs_f64();
            let mut tail = log
                .tail(Topic::AccessEvents, TailFrom::Beginning)
                .await
                .unwrap();
            let ends: u64 = log
                .end_offsets(Topic::AccessEvents)
                .await
                .unwrap()
                .iter()
                .sum();
            let t = Instant::now();
            let mut c = 0u64;
            while c < ends {
                c += tail.next_batch(1000).await.unwrap().len() as u64;
            }
            eprintln!(
                "brokers {n}: open {open:?} first append {first:?}; append p50 {:?} p99 {:?}; read back p50 {:?} p99 {:?}; end_offsets p50 {:?} p99 {:?}; 1000 writers {rate:.0}/s; read {:.0}/s",
                v[150],
                v[297],
                w[150],
                w[297],
                e[50],
                e[99],
                ends as f64 / t.elapsed().as_secs_f64()
            );
        }
    }
}
