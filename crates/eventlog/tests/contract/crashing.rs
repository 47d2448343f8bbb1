use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eventlog::{Position, TailFrom};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::case::{Case, Need, cases};
use crate::child::{self, COMMITS};
use crate::harness::Harness;
use crate::kit::{Member, TOPIC, append_many, options, read_all, record, soon, take, text};

pub(crate) fn cases() -> Vec<Case> {
    cases!(
        Need::Processes,
        options(),
        [
            every_acknowledged_record_survives_kill_9_of_its_writer,
            the_successor_of_a_killed_member_goes_on_from_its_commit,
            processes_append_to_one_log_at_once,
        ]
    )
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(harness: &dyn Harness, role: &str) -> Self {
        let mut child = child::start(role, &harness.url(), &harness.complete(options()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> Option<String> {
        soon("a line of the process", self.lines.next_line())
            .await
            .unwrap()
    }

    /// Kills it (SIGKILL), and returns what it had still said.
    async fn kill(mut self) -> Vec<String> {
        self.child.start_kill().unwrap();
        let mut rest = Vec::new();
        while let Some(line) = self.line().await {
            rest.push(line);
        }
        self.child.wait().await.unwrap();
        rest
    }
}

fn numbers<const N: usize>(words: &[&str]) -> [u64; N] {
    std::array::from_fn(|place| words[place].parse().unwrap())
}

fn acked(line: &str) -> (String, Position) {
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[0], "acked", "{line}");
    let [partition, offset] = numbers(&words[3..]);
    let partition = u32::try_from(partition).unwrap();
    (words[2].to_owned(), Position { partition, offset })
}

async fn every_acknowledged_record_survives_kill_9_of_its_writer(harness: Arc<dyn Harness>) {
    let mut acknowledged = BTreeMap::new();
    for life in 0..3 {
        let mut writer = Process::start(harness.as_ref(), child::WRITER);
        let mut lines = Vec::new();
        while lines.len() < 150 {
            lines.push(writer.line().await.unwrap());
        }
        lines.extend(writer.kill().await);
        for line in lines {
            let (value, at) = acked(&line);
            acknowledged.insert(at, (life, value));
        }
    }
    // Opened anew, as after a restart of everything.
    let log = harness.open(options()).await.unwrap();
    let read: BTreeMap<_, _> = read_all(log.as_ref(), TOPIC)
        .await
        .into_iter()
        .map(|record| (record.position, text(&record)))
        .collect();
    assert!(acknowledged.len() >= 450, "no position was given twice");
    for (at, (life, value)) in &acknowledged {
        assert_eq!(read.get(at), Some(value), "of life {life}");
    }
    let ends = log.end_offsets(TOPIC).await.unwrap();
    assert_eq!(ends.iter().sum::<u64>(), read.len() as u64, "no gaps");
    log.append(TOPIC, record("k", "the log goes on"))
        .await
        .unwrap();
}

async fn the_successor_of_a_killed_member_goes_on_from_its_commit(harness: Arc<dyn Harness>) {
    let log = harness.log();
    append_many(log.as_ref(), "k", 60).await;
    let mut process = Process::start(harness.as_ref(), child::MEMBER);
    let mut lines = Vec::new();
    while lines.len() < 2 * COMMITS + 15 {
        lines.push(process.line().await.unwrap());
    }
    let mut successor = Member::join(log.as_ref(), "group").await;
    lines.extend(process.kill().await);

    let mut committed: BTreeMap<u32, u64> = BTreeMap::new();
    let mut read = BTreeSet::new();
    for line in &lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [partition, offset] = numbers(&words[1..]);
        let partition = u32::try_from(partition).unwrap();
        match words[0] {
            "committed" => drop(committed.insert(partition, offset)),
            _ => drop(read.insert((partition, offset))),
        }
    }
    successor.until_assigned(3).await;
    for (&(_, partition), at) in &successor.assigned {
        assert_eq!(*at, committed.get(&partition).copied());
    }
    successor.until_records(60 - COMMITS).await;
    let again: BTreeSet<_> = successor
        .records
        .iter()
        .map(|record| (record.position.partition, record.position.offset))
        .collect();
    assert_eq!(again.len(), 60 - COMMITS);
    assert_eq!(again.union(&read).count(), 60, "no gap");
    let repeated = again.intersection(&read);
    assert!(
        repeated.clone().count() >= 15,
        "the uncommitted comes again"
    );
    for (partition, offset) in repeated {
        assert!(*offset >= committed.get(partition).copied().unwrap_or(0));
    }
}

async fn processes_append_to_one_log_at_once(harness: Arc<dyn Harness>) {
    let log = harness.log();
    let mut tail = log.tail(TOPIC, TailFrom::End).await.unwrap();
    let mut writers: Vec<_> = (0..3)
        .map(|_| Process::start(harness.as_ref(), child::WRITER))
        .collect();
    let mut lines = Vec::new();
    for writer in &mut writers {
        for _ in 0..100 {
            lines.push(writer.line().await.unwrap());
        }
    }
    for writer in writers {
        lines.extend(writer.kill().await);
    }
    let acknowledged: BTreeMap<_, _> = lines
        .iter()
        .map(|line| {
            let (value, at) = acked(line);
            (at, value)
        })
        .collect();
    assert_eq!(
        acknowledged.len(),
        lines.len(),
        "no position was given twice"
    );
    let ends = log.end_offsets(TOPIC).await.unwrap();
    let count = usize::try_from(ends.iter().sum::<u64>()).unwrap();
    let read: BTreeMap<_, _> = take(tail.as_mut(), count)
        .await
        .iter()
        .map(|record| (record.position, text(record)))
        .collect();
    assert_eq!(read.len(), count);
    for (at, value) in &acknowledged {
        assert_eq!(read.get(at), Some(value));
    }
}
