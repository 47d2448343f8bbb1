//! A view as it is after years: accesses like those that were projected, over three months.

#[cfg(feature = "cluster")]
pub(super) mod cassandra;
mod sqlite;

use anyhow::Result;
use harness::site::Pair;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::records::{mixed, random_uuid};
use super::scene::{Place, Scene};

/// Over how long they are spread.
pub(super) const SPAN: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Behind whatever was projected.
const FIRST: u64 = 1 << 40;

/// One more access.
struct More {
    event: Uuid,
    offset: u64,
    occurred_at: Timestamp,
}

impl More {
    fn number(number: u64) -> Self {
        let back = mixed(number) % SPAN.as_secs().unsigned_abs();
        let back = SignedDuration::from_secs(back.cast_signed());
        Self {
            event: random_uuid(FIRST + number),
            offset: FIRST + number,
            occurred_at: Timestamp::now() - back,
        }
    }
}

/// Adds so many accesses to a view. `told` hears how many there are, now and then.
///
/// # Errors
/// The store refuses them.
pub(super) async fn fill(
    scene: &mut Scene,
    place: &Place,
    rows: u64,
    told: impl Fn(u64),
) -> Result<()> {
    match scene.site.pair() {
        Pair::Embedded => sqlite::fill(place.file(), rows, told),
        #[cfg(feature = "cluster")]
        Pair::Cluster => {
            let session = scene.session().await?;
            cassandra::fill(session, place.keyspace(), rows, told).await
        }
        #[cfg(not(feature = "cluster"))]
        Pair::Cluster => anyhow::bail!("this build has no Cassandra"),
    }
}
