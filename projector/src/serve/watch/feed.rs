//! One look at a place for all who watch it, however many they are: it is repeated while anybody watches,
//! and whoever is slow finds the newest one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tonic::Status;

use super::End;
use crate::serve::status::Refusal;

/// How often a place is looked at.
const EVERY: Duration = Duration::from_millis(500);

/// What was seen; nothing yet at first.
type Seen<T> = Option<Result<Arc<T>, Status>>;
type Places<K, T> = HashMap<K, watch::Receiver<Seen<T>>>;

/// Places that are looked at, each by one task.
pub(in crate::serve) struct Feeds<K, T>(Arc<Mutex<Places<K, T>>>);

/// What one watcher sees of a place.
pub(super) struct Feed<T>(watch::Receiver<Seen<T>>);

impl<K, T> Default for Feeds<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

fn lock<K, T>(places: &Mutex<Places<K, T>>) -> MutexGuard<'_, Places<K, T>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K, T> Feeds<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Send + Sync + 'static,
{
    /// Watches a place. `look` is for when nobody does so yet; it is given what it saw before. When it
    /// fails, all who watch are told, and whoever comes then looks anew.
    pub(super) fn of<F>(
        &self,
        place: K,
        look: impl FnMut(Option<Arc<T>>) -> F + Send + 'static,
    ) -> Feed<T>
    where
        F: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let mut places = lock(&self.0);
        if let Some(receiver) = places.get(&place).filter(|r| r.has_changed().is_ok()) {
            return Feed(receiver.clone());
        }
        let (sender, receiver) = watch::channel(None);
        places.insert(place.clone(), receiver.clone());
        tokio::spawn(keep_looking(Arc::clone(&self.0), place, sender, look));
        Feed(receiver)
    }
}

async fn keep_looking<K, T, F>(
    places: Arc<Mutex<Places<K, T>>>,
    place: K,
    sender: watch::Sender<Seen<T>>,
    mut look: impl FnMut(Option<Arc<T>>) -> F,
) where
    K: Eq + Hash,
    F: Future<Output = Result<T, Refusal>>,
{
    metrics::gauge!("projector_watched_places").increment(1);
    let mut before = None;
    loop {
        match look(before.take()).await {
            Ok(seen) => {
                let seen = Arc::new(seen);
                before = Some(Arc::clone(&seen));
                sender.send_replace(Some(Ok(seen)));
            }
            Err(refusal) => {
                lock(&places).remove(&place);
                sender.send_replace(Some(Err(refusal.into())));
                break;
            }
        }
        tokio::time::sleep(EVERY).await;
        let mut places = lock(&places);
        // One of them stands in the list.
        if sender.receiver_count() <= 1 {
            places.remove(&place);
            break;
        }
    }
    metrics::gauge!("projector_watched_places").decrement(1);
}

impl<T> Feed<T> {
    /// What is seen now; waits where nobody has looked yet.
    pub(super) async fn now(&mut self) -> Result<Arc<T>, End> {
        let seen = self.0.wait_for(Option::is_some).await;
        let seen = seen.map_err(|_| Refusal::Internal)?.clone();
        seen.ok_or(Refusal::Internal)?.map_err(End::Told)
    }

    /// Waits for the next look.
    pub(super) async fn next(&mut self) -> Result<(), End> {
        Ok(self.0.changed().await.map_err(|_| Refusal::Internal)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is looked at.
    fn counted(
        looks: &Arc<AtomicUsize>,
    ) -> impl FnMut(Option<Arc<usize>>) -> std::future::Ready<Result<usize, Refusal>> + use<> {
        let looks = Arc::clone(looks);
        move |_| std::future::ready(Ok(looks.fetch_add(1, Ordering::SeqCst) + 1))
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_watch_a_place_share_one_look_and_nobody_waits_for_the_slow() {
        let feeds = Feeds::default();
        let looks = Arc::new(AtomicUsize::new(0));
        let mut slow = feeds.of("a", counted(&looks));
        let mut watchers: Vec<_> = (0..100).map(|_| feeds.of("a", counted(&looks))).collect();
        for round in 1..=10 {
            for watcher in &mut watchers {
                assert_eq!(watcher.now().await.ok().map(|seen| *seen), Some(round));
            }
            assert_eq!(looks.load(Ordering::SeqCst), round, "one for all");
            for watcher in &mut watchers {
                assert!(watcher.next().await.is_ok());
            }
        }
        // Whoever took nothing meanwhile finds the newest.
        assert_eq!(slow.now().await.ok().map(|seen| *seen), Some(11));
        let other = Arc::new(AtomicUsize::new(0));
        let mut elsewhere = feeds.of("b", counted(&other));
        assert_eq!(elsewhere.now().await.ok().map(|seen| *seen), Some(1));
        drop((slow, watchers));
        while lock(&feeds.0).contains_key("a") {
            tokio::time::sleep(EVERY).await;
        }
        let last = looks.load(Ordering::SeqCst);
        tokio::time::sleep(10 * EVERY).await;
        assert_eq!(looks.load(Ordering::SeqCst), last, "nobody watches");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_fails_ends_all_watches_of_the_place_and_the_next_one_looks_anew() {
        let feeds: Feeds<&str, usize> = Feeds::default();
        let fails = |_| std::future::ready(Err(Refusal::Unavailable("VIEWS_UNAVAILABLE")));
        let (mut one, mut other) = (feeds.of("a", fails), feeds.of("a", fails));
        for watcher in [&mut one, &mut other] {
            let Err(End::Told(status)) = watcher.now().await else {
                panic!("it fails");
            };
            assert_eq!(status.code(), tonic::Code::Unavailable);
        }
        let looks = Arc::new(AtomicUsize::new(0));
        let mut anew = feeds.of("a", counted(&looks));
        assert_eq!(anew.now().await.ok().map(|seen| *seen), Some(1));
    }
}
