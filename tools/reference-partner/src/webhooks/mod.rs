//! Events on their way to the service: signed, durable, retried.

mod backoff;
mod dispatch;
mod outbox;
mod sender;

pub(crate) use dispatch::Dispatcher;
pub(crate) use outbox::{Attempt, DeliveryState, Message, Outbox};
pub(crate) use sender::{RawMessage, Sender};
