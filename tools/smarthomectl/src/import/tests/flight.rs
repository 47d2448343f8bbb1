//! Calls at once.

use std::cell::{Cell, RefCell};

use tonic::{Code, Status};

use crate::import::flight::{all, patiently, portions};

#[tokio::test]
async fn no_more_than_eight_are_under_way() {
    let (now, most, done) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
    let worked = all(0..100, async |item: u32| {
        now.set(now.get() + 1);
        most.set(most.get().max(now.get()));
        tokio::task::yield_now().await;
        now.set(now.get() - 1);
        done.borrow_mut().push(item);
        Ok::<_, ()>(())
    });
    assert_eq!(worked.await, Ok(()));
    assert_eq!((most.get(), done.borrow().len()), (8, 100));
}

#[tokio::test]
async fn after_a_failure_nothing_is_begun_and_what_was_begun_is_ended() {
    let (begun, ended) = (Cell::new(0), Cell::new(0));
    let worked = all(0..100, async |item: u32| {
        begun.set(begun.get() + 1);
        if item == 3 {
            return Err(item);
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        ended.set(ended.get() + 1);
        Ok(())
    });
    assert_eq!(worked.await, Err(3));
    assert!((8..=9).contains(&begun.get()), "{}", begun.get());
    assert_eq!(ended.get(), begun.get() - 1);
}

#[tokio::test(start_paused = true)]
async fn only_a_service_that_is_away_is_asked_again_and_not_for_ever() {
    let calls = Cell::new(0);
    let fails = async |code: Code, times: u32| {
        calls.set(0);
        patiently(async || {
            calls.set(calls.get() + 1);
            if calls.get() <= times {
                Err(Status::new(code, ""))
            } else {
                Ok(())
            }
        })
        .await
        .is_ok()
    };
    assert!(fails(Code::Unavailable, 5).await);
    assert!(!fails(Code::Unavailable, 100).await);
    assert_eq!(calls.get(), 6);
    for code in [
        Code::Aborted,
        Code::PermissionDenied,
        Code::DeadlineExceeded,
    ] {
        assert!(!fails(code, 1).await);
        assert_eq!(calls.get(), 1);
    }
}

#[test]
fn portions_keep_the_order_and_both_bounds() {
    let cut = |items: &[usize]| portions(items.iter().copied(), 3, 10, |size| (1, *size));
    assert_eq!(cut(&[]), Vec::<Vec<usize>>::new());
    assert_eq!(cut(&[1, 2, 3, 4]), [vec![1, 2, 3], vec![4]]);
    assert_eq!(cut(&[5, 5, 1]), [vec![5, 5], vec![1]]);
    assert_eq!(cut(&[6, 40, 6]), [vec![6], vec![40], vec![6]]);
}
