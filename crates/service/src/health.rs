//! Live or not, ready or not, and why not.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

const STARTUP: &str = "startup";
const SHUTDOWN: &str = "shutdown";

/// The process' health. A clone is the same health.
///
/// Not ready until [`Health::started`] was called and every condition holds; not ready for good
/// once the process drains.
#[derive(Clone, Debug)]
pub struct Health(Arc<watch::Sender<HealthStatus>>);

/// What health was at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthStatus {
    not_live: Option<String>,
    /// By name; `Err` says why it doesn't hold.
    conditions: BTreeMap<&'static str, Result<(), String>>,
}

/// One thing that must hold for the process to be ready.
///
/// It lives with the task that reports it: when it is dropped, it stops holding, because nobody
/// watches any more.
#[derive(Debug)]
#[must_use = "a dropped condition fails; keep it in the task that reports it"]
pub struct Condition {
    name: &'static str,
    health: Health,
}

impl Health {
    /// Live, and not ready until [`Health::started`].
    pub fn new() -> Self {
        let mut status = HealthStatus::default();
        status
            .conditions
            .insert(STARTUP, Err("the process is starting".into()));
        Self(Arc::new(watch::Sender::new(status)))
    }

    /// Adds a condition, which doesn't hold until it is set. A name that was used before is
    /// taken over.
    pub fn condition(&self, name: &'static str) -> Condition {
        self.set(name, Err("starting".into()));
        Condition {
            name,
            health: self.clone(),
        }
    }

    /// All conditions are registered: from now on they alone say whether the process is ready.
    pub fn started(&self) {
        self.set(STARTUP, Ok(()));
    }

    /// Not ready for good: the process shuts down.
    pub fn draining(&self) {
        self.set(SHUTDOWN, Err("the process is shutting down".into()));
    }

    /// Not live for good: something is broken that only a restart mends.
    pub fn not_live(&self, why: impl Into<String>) {
        self.0.send_modify(|status| {
            status.not_live.get_or_insert(why.into());
        });
    }

    /// Health now.
    pub fn status(&self) -> HealthStatus {
        self.0.borrow().clone()
    }

    /// Follows health, for a reporter such as `grpc.health.v1`. It wakes on changes only.
    pub fn subscribe(&self) -> watch::Receiver<HealthStatus> {
        self.0.subscribe()
    }

    fn set(&self, name: &'static str, state: Result<(), String>) {
        self.0.send_if_modified(|status| {
            if status.conditions.get(name) == Some(&state) {
                return false;
            }
            status.conditions.insert(name, state);
            true
        });
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl HealthStatus {
    /// Whether the process is worth keeping.
    pub fn is_live(&self) -> bool {
        self.not_live.is_none()
    }

    /// Whether the process should be sent work.
    pub fn is_ready(&self) -> bool {
        self.is_live() && self.conditions.values().all(Result::is_ok)
    }

    /// What keeps the process from being live or ready: condition -> why.
    pub fn reasons(&self) -> BTreeMap<String, String> {
        let conditions = self.conditions.iter().filter_map(|(name, state)| {
            let why = state.as_ref().err()?;
            Some(((*name).to_owned(), why.clone()))
        });
        let live = self.not_live.iter().map(|why| ("live".into(), why.clone()));
        conditions.chain(live).collect()
    }
}

impl Condition {
    /// It holds, or doesn't and why.
    pub fn set(&self, state: Result<(), impl Into<String>>) {
        self.health.set(self.name, state.map_err(Into::into));
    }

    /// It holds.
    pub fn ok(&self) {
        self.health.set(self.name, Ok(()));
    }

    /// It doesn't hold; `why` is shown to operators.
    pub fn failing(&self, why: impl Into<String>) {
        self.health.set(self.name, Err(why.into()));
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.failing("no longer reported; its task has ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_needs_the_start_and_every_condition() {
        let health = Health::new();
        assert!(health.status().is_live() && !health.status().is_ready());
        let registry = health.condition("registry");
        let log = health.condition("log");
        health.started();
        assert!(!health.status().is_ready());
        registry.ok();
        log.set(Err("can't be reached"));
        assert!(!health.status().is_ready());
        assert_eq!(
            health.status().reasons(),
            BTreeMap::from([("log".into(), "can't be reached".into())])
        );
        log.set(Ok::<_, String>(()));
        assert!(health.status().is_ready());
        drop(registry);
        assert!(!health.status().is_ready(), "nobody reports it any more");
    }

    #[test]
    fn all_conditions_good_is_not_ready_before_the_start() {
        let health = Health::new();
        let log = health.condition("log");
        log.ok();
        assert!(!health.status().is_ready());
        health.started();
        assert!(health.status().is_ready());
    }

    #[test]
    fn draining_and_not_live_are_for_good() {
        let health = Health::new();
        health.started();
        assert!(health.status().is_ready());
        health.draining();
        health.started();
        assert!(health.status().is_live() && !health.status().is_ready());
        health.not_live("the signing key is gone");
        health.not_live("later");
        assert!(!health.status().is_live());
        assert_eq!(health.status().reasons()["live"], "the signing key is gone");
    }

    #[test]
    fn a_subscriber_wakes_on_changes_only() {
        let health = Health::new();
        let log = health.condition("log");
        let mut watch = health.subscribe();
        watch.mark_unchanged();
        log.failing("starting");
        assert_eq!(watch.has_changed().ok(), Some(false));
        log.ok();
        assert_eq!(watch.has_changed().ok(), Some(true));
    }
}
