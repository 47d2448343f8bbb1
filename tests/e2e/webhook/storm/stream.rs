//! One device's messages, one after the other: each is sent until it is taken.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use uuid::Uuid;

use super::Tally;
use super::book::{Book, Sent};
use crate::support::sender::{Answer, BATCH, SINGLE, Sender};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// Every so many messages an earlier one is sent once more, on purpose.
const REPEATED: usize = 6;
/// Events of a message, in turn; one alone is no batch.
const SIZES: [usize; 5] = [1, 4, 1, 9, 2];

/// A device.
pub(super) struct Stream {
    device: &'static str,
    sender: Sender,
    tally: Arc<Tally>,
    sequence: u64,
}

/// Events that are sent together, each time under the same id.
struct Message {
    id: String,
    events: Vec<Sent>,
}

impl Message {
    fn body(&self) -> (&'static str, String) {
        match &self.events[..] {
            [alone] => (SINGLE, alone.text.clone()),
            events => {
                let texts: Vec<&str> = events.iter().map(|sent| sent.text.as_str()).collect();
                (BATCH, format!("[{}]", texts.join(",")))
            }
        }
    }

    /// It was taken: every event has the verdict that it must have.
    fn acknowledged(&mut self, answer: &Answer) -> Result<()> {
        let answer = answer.json()?;
        let verdicts = self.events.iter().enumerate();
        let verdicts: Vec<Value> = verdicts.map(|(index, sent)| sent.verdict(index)).collect();
        ensure!(answer["verdicts"] == Value::from(verdicts), "{answer}");
        for sent in &mut self.events {
            sent.acknowledged += 1;
        }
        Ok(())
    }
}

impl Stream {
    pub(super) fn new(device: &'static str, sender: Sender, tally: Arc<Tally>) -> Self {
        Self {
            device,
            sender,
            tally,
            sequence: 0,
        }
    }

    /// Sends until it is stopped.
    pub(super) async fn run(mut self) -> Result<Book> {
        let mut messages: Vec<Message> = Vec::new();
        while !self.tally.stopped() {
            let number = messages.len();
            let mut message = self.next(number);
            self.deliver(&mut message).await?;
            messages.push(message);
            if number % REPEATED == REPEATED - 1 {
                self.deliver(&mut messages[number / 2]).await?;
            }
        }
        let mut book = Book::default();
        let events = messages.into_iter().flat_map(|message| message.events);
        events.for_each(|sent| book.enter(sent));
        Ok(book)
    }

    fn next(&mut self, number: usize) -> Message {
        let events = (0..SIZES[number % SIZES.len()]).map(|_| {
            self.sequence += 1;
            Sent::new(self.device, self.sequence)
        });
        Message {
            id: format!("msg_{}", Uuid::new_v4()),
            events: events.collect(),
        }
    }

    async fn deliver(&self, message: &mut Message) -> Result<()> {
        let (kind, body) = message.body();
        loop {
            match self.sender.post_as(&message.id, kind, &body).await {
                Ok(answer) if answer.status == 200 => {
                    message.acknowledged(&answer)?;
                    self.tally.count(&self.tally.taken);
                    return Ok(());
                }
                Ok(answer) if [429, 503].contains(&answer.status) => {
                    ensure!(answer.retry_after.is_some(), "{answer:?}");
                    self.tally.count(&self.tally.refused);
                }
                Ok(answer) => bail!("{}: {answer:?}", self.device),
                Err(error) if was_unheard(&error) => self.tally.count(&self.tally.unheard),
                Err(_) => self.tally.count(&self.tally.cut),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether nobody listened: nothing was sent.
fn was_unheard(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<reqwest::Error>();
    error.is_some_and(reqwest::Error::is_connect)
}
