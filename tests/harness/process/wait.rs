//! Waiting for a condition, never for a length of time.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time;

/// The pause between two looks.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// Asks again and again until the predicate holds.
///
/// # Errors
/// `timeout` passes first; the text says what was waited for. A predicate that hangs counts as one
/// that doesn't hold.
pub async fn wait_until<F, Fut>(timeout: Duration, what: &str, mut predicate: F) -> Result<()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let asking = async {
        while !predicate().await {
            time::sleep(POLL).await;
        }
    };
    within(timeout, what, asking).await
}

/// Asks again and again until the probe yields a value, and returns it.
///
/// # Errors
/// As [`wait_until`].
pub async fn wait_for<T, F, Fut>(timeout: Duration, what: &str, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            time::sleep(POLL).await;
        }
    };
    within(timeout, what, asking).await
}

/// Bounds a wait; the error says what was waited for.
pub(super) async fn within<T>(
    timeout: Duration,
    what: &str,
    asking: impl Future<Output = T>,
) -> Result<T> {
    time::timeout(timeout, asking)
        .await
        .map_err(|_| anyhow!("waited {timeout:?} in vain for {what}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_condition_that_comes_true_ends_the_wait() {
        let mut looks = 0;
        wait_until(Duration::from_secs(10), "the third look", || {
            looks += 1;
            let third = looks == 3;
            async move { third }
        })
        .await
        .unwrap();
        assert_eq!(looks, 3);
    }

    #[tokio::test]
    async fn a_wait_in_vain_says_for_what_even_if_the_probe_hangs() {
        let wait = wait_for(Duration::from_millis(50), "a sign of life", || {
            std::future::pending::<Option<()>>()
        });
        let text = wait.await.unwrap_err().to_string();
        assert!(text.contains("50ms") && text.contains("a sign of life"));
    }

    #[tokio::test]
    async fn waiting_works_in_a_task_of_its_own() {
        let word = String::from("x");
        tokio::spawn(async move {
            wait_until(Duration::from_secs(10), "a yield", || async {
                tokio::task::yield_now().await;
                word == "x"
            })
            .await
        })
        .await
        .unwrap()
        .unwrap();
    }
}
