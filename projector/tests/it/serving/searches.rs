//! Paging and filters.

use domain::vocabulary::{ActorKind, Method, Outcome, Reason, Verdict};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::{AccessKind, SearchAccessRequest};
use tonic::Code;
use uuid::Uuid;

use crate::fixture::{at, command, completed, decided, device, observed};

use super::{Site, fields, reason, sunrise};

#[tokio::test(flavor = "multi_thread")]
async fn searches_page_and_filter() {
    let site = Site::start().await;
    let fixture = &site.disk.fixture;
    let (gate, now) = (device("sunrise.gate"), Timestamp::now());
    for i in 0..20 {
        let outcome = if i % 4 == 0 {
            Outcome::Executed
        } else {
            Outcome::Rejected
        };
        fixture
            .signed(
                Topic::AccessEvents,
                &decided(&gate, command(i), Verdict::Allow, now),
            )
            .await;
        fixture
            .signed(Topic::AccessEvents, &completed(&gate, command(i), outcome))
            .await;
    }
    for i in 0..3 {
        let door = device("sunrise.door");
        fixture
            .unsigned(
                Topic::AccessEvents,
                &observed(&door, &i.to_string(), 1, at(i)),
            )
            .await;
    }
    site.projected().await;
    let all = async |asked: SearchAccessRequest| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = SearchAccessRequest {
                page_token: token,
                ..asked.clone()
            };
            let (records, next) = site.search(page).await.unwrap();
            assert!(records.len() <= 50.min(asked.page_size as usize).max(1));
            found.extend(records.into_iter().map(|record| record.leaf_index));
            if next.is_empty() {
                return found;
            }
            token = next;
        }
    };
    let everything = all(SearchAccessRequest {
        page_size: 50,
        ..sunrise()
    })
    .await;
    assert_eq!(everything.len(), 23);
    for page_size in [1, 7, 23] {
        assert_eq!(
            all(SearchAccessRequest {
                page_size,
                ..sunrise()
            })
            .await,
            everything
        );
    }
    let executed = SearchAccessRequest {
        page_size: 2,
        outcome: 1,
        ..sunrise()
    };
    assert_eq!(all(executed).await.len(), 5);
    let door = SearchAccessRequest {
        page_size: 2,
        device_id: "sunrise.door".into(),
        ..sunrise()
    };
    assert_eq!(all(door).await.len(), 3);
    let automatic = SearchAccessRequest {
        page_size: 50,
        automation: 1,
        ..sunrise()
    };
    assert_eq!(all(automatic).await.len(), 3);
    let subject_ref = Uuid::from_u128(43).to_string();
    let nobody = SearchAccessRequest {
        page_size: 50,
        subject_ref,
        ..sunrise()
    };
    assert_eq!(all(nobody).await.len(), 0);

    // What views are not ordered by, alone and together.
    let base = SearchAccessRequest {
        page_size: 3,
        ..sunrise()
    };
    let of = |change: fn(&mut SearchAccessRequest)| {
        let mut asked = base.clone();
        change(&mut asked);
        all(asked)
    };
    assert_eq!(
        of(|asked| asked.actor = ActorKind::Owner.number())
            .await
            .len(),
        20
    );
    assert_eq!(
        of(|asked| asked.actor = ActorKind::Guest.number())
            .await
            .len(),
        0
    );
    assert_eq!(
        of(|asked| asked.kind = AccessKind::Observed.into())
            .await
            .len(),
        3
    );
    assert_eq!(
        of(|asked| asked.verdict = Verdict::Allow.number())
            .await
            .len(),
        20
    );
    assert_eq!(
        of(|asked| asked.reason = Reason::NoGrant.number())
            .await
            .len(),
        0
    );
    assert_eq!(
        of(|asked| asked.method = Method::Plate.number())
            .await
            .len(),
        3
    );
    let both = of(|asked| {
        asked.outcome = Outcome::Executed.number();
        asked.method = Method::Remote.number();
    });
    assert_eq!(both.await.len(), 5);
    let (records, _) = site.search(sunrise()).await.unwrap();
    let one = SearchAccessRequest {
        event_id: records[7].event_id.clone(),
        ..base.clone()
    };
    assert_eq!(all(one.clone()).await, [records[7].leaf_index]);
    let elsewhere = SearchAccessRequest {
        device_id: "sunrise.cellar".into(),
        ..one
    };
    assert_eq!(all(elsewhere).await.len(), 0);

    // A page token is good for its own query only.
    let (_, token) = site
        .search(SearchAccessRequest {
            page_size: 1,
            ..sunrise()
        })
        .await
        .unwrap();
    for page_token in [token.clone() + "A", "x".into()] {
        let refused = site
            .search(SearchAccessRequest {
                page_token,
                ..sunrise()
            })
            .await
            .unwrap_err();
        assert_eq!(fields(&refused), ["page_token"]);
    }
    let other = SearchAccessRequest {
        page_token: token,
        outcome: 1,
        ..sunrise()
    };
    assert_eq!(
        fields(&site.search(other).await.unwrap_err()),
        ["page_token"]
    );
    let wrong = SearchAccessRequest {
        complex_id: "Not One".into(),
        page_size: 501,
        ..Default::default()
    };
    let refused = site.search(wrong).await.unwrap_err();
    assert_eq!(
        reason(&refused),
        (Code::InvalidArgument, "INVALID_ARGUMENT".into())
    );
    assert_eq!(fields(&refused), ["complex_id", "page_size"]);
}
