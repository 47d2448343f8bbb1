//! Many calls at once, but not too many.

use std::cell::RefCell;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Calls under way at once. The service takes more; it has others to serve.
const IN_FLIGHT: usize = 8;
/// How often a call is repeated that finds the service busy or away.
const REPEATS: u32 = 5;
/// How long to wait before that, where the service does not say.
const PAUSE: Duration = Duration::from_secs(1);

/// Works on all items. After a failure nothing more is begun, and what is under way is brought to
/// its end.
///
/// # Errors
/// The first failure.
pub(crate) async fn all<T, E>(
    items: impl IntoIterator<Item = T>,
    work: impl AsyncFn(T) -> Result<(), E>,
) -> Result<(), E> {
    let failed = RefCell::new(None);
    let (failed, work) = (&failed, &work);
    let begun = items.into_iter().map_while(|item| {
        let goes_on = failed.borrow().is_none();
        goes_on.then_some(async move {
            if let Err(error) = work(item).await {
                failed.borrow_mut().get_or_insert(error);
            }
        })
    });
    let calls = stream::iter(begun).buffer_unordered(IN_FLIGHT);
    calls.collect::<()>().await;
    failed.take().map_or(Ok(()), Err)
}

/// Makes a call that may be made twice, and repeats it while the service can't take it.
///
/// # Errors
/// The refusal.
pub(crate) async fn patiently<T>(call: impl AsyncFn() -> Result<T, Status>) -> Result<T, Status> {
    let mut repeats = REPEATS;
    loop {
        match call().await {
            Err(status) if status.code() == Code::Unavailable && repeats > 0 => {
                repeats -= 1;
                let told = status.get_details_retry_info();
                let pause = told.and_then(|told| told.retry_delay);
                tokio::time::sleep(pause.unwrap_or(PAUSE)).await;
            }
            answer => return answer,
        }
    }
}

/// Cuts items into portions: at most so many, of at most so many bytes. One that is larger alone
/// stands alone.
pub(crate) fn portions<T>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    bytes: usize,
    measure: impl Fn(&T) -> (usize, usize),
) -> Vec<Vec<T>> {
    let (mut portions, mut counted) = (Vec::<Vec<T>>::new(), (0, 0));
    for item in items {
        let (count, size) = measure(&item);
        let after = (counted.0 + count, counted.1 + size);
        match portions.last_mut() {
            Some(last) if after.0 <= most && after.1 <= bytes => {
                counted = after;
                last.push(item);
            }
            _ => {
                counted = (count, size);
                portions.push(vec![item]);
            }
        }
    }
    portions
}
