//! When what failed is tried again: sooner first, then less and less often.

use std::collections::HashMap;
use std::time::Duration;

use domain::CredentialId;
use domain::provisioning::Content;
use tokio::time::Instant;

/// Pause after the first failure.
const FIRST: Duration = Duration::from_millis(250);

/// What can fail by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// Whatever is asked of the partner.
    Partner,
    /// What takes an attestation.
    Attestation,
    /// One credential.
    Credential(CredentialId),
}

#[derive(Debug)]
struct Failed {
    count: u32,
    next: Instant,
    content: Option<Content>,
}

/// What failed, how often, and when it is its turn again.
#[derive(Debug, Default)]
pub(super) struct Tries(HashMap<Thing, Failed>);

impl Tries {
    /// Whether it may be tried at `now`.
    pub(super) fn is_due(&self, thing: Thing, now: Instant) -> bool {
        self.0.get(&thing).is_none_or(|failed| now >= failed.next)
    }

    /// The same of a credential, which may be tried at once when it has become another.
    pub(super) fn is_put_due(&self, id: CredentialId, content: &Content, now: Instant) -> bool {
        let failed = self.0.get(&Thing::Credential(id));
        failed.is_none_or(|failed| now >= failed.next || failed.content.as_ref() != Some(content))
    }

    /// It failed.
    pub(super) fn failed(&mut self, thing: Thing, now: Instant, longest: Duration) {
        let failed = self.0.entry(thing).or_insert(Failed {
            count: 0,
            next: now,
            content: None,
        });
        let pause = FIRST * (1 << failed.count.min(16));
        failed.count += 1;
        failed.next = now + pause.min(longest);
    }

    /// A put of `content` failed.
    pub(super) fn put_failed(
        &mut self,
        id: CredentialId,
        content: &Content,
        now: Instant,
        longest: Duration,
    ) {
        self.failed(Thing::Credential(id), now, longest);
        if let Some(failed) = self.0.get_mut(&Thing::Credential(id)) {
            failed.content = Some(content.clone());
        }
    }

    /// How often it has failed in a row.
    pub(super) fn count(&self, thing: Thing) -> u32 {
        self.0.get(&thing).map_or(0, |failed| failed.count)
    }

    /// It went well.
    pub(super) fn done(&mut self, thing: Thing) {
        self.0.remove(&thing);
    }

    /// Forgets credentials of which nothing is wanted any more.
    pub(super) fn keep(&mut self, wanted: impl Fn(CredentialId) -> bool) {
        self.0.retain(|thing, _| match thing {
            Thing::Credential(id) => wanted(*id),
            _ => true,
        });
    }

    /// When the next of them is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|failed| failed.next).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::vocabulary::CredentialKind;
    use domain::window::Window;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_end_with_success() {
        let (mut tries, start) = (Tries::default(), Instant::now());
        let longest = Duration::from_secs(1);
        let mut pauses = Vec::new();
        for _ in 0..5 {
            tries.failed(Thing::Partner, start, longest);
            pauses.push((tries.next().unwrap() - start).as_millis());
        }
        assert_eq!(pauses, [250, 500, 1000, 1000, 1000]);
        assert!(!tries.is_due(Thing::Partner, start));
        assert!(tries.is_due(Thing::Partner, start + longest));
        assert!(tries.is_due(Thing::Attestation, start));
        tries.done(Thing::Partner);
        assert!(tries.is_due(Thing::Partner, start));
    }

    #[test]
    fn what_has_become_another_need_not_wait() {
        let (mut tries, now) = (Tries::default(), Instant::now());
        let id = CredentialId(Uuid::from_u128(1));
        let content = |device: &str| {
            let devices = [device.parse().unwrap()];
            Content::new(CredentialKind::Plate, Window::default(), "", devices)
        };
        tries.put_failed(id, &content("sunrise.gate"), now, Duration::from_secs(60));
        assert!(!tries.is_put_due(id, &content("sunrise.gate"), now));
        assert!(tries.is_put_due(id, &content("sunrise.door"), now));
        tries.keep(|_| false);
        assert_eq!(tries.next(), None);
    }
}
