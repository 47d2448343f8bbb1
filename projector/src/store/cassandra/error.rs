//! What the driver reports, as what the projector has to know: whether waiting helps.

use scylla::errors::{
    BrokenConnectionError, BrokenConnectionErrorKind, ConnectionError, ConnectionPoolError,
    ConnectionSetupRequestErrorKind, DbError, DeserializationError, ExecutionError,
    FrameHeaderParseError, IntoRowsResultError, MetadataError, NewSessionError, PrepareError,
    RequestAttemptError, UseKeyspaceError,
};

use super::super::StoreError;

const CERTIFICATE: &str = "the database doesn't take this process' certificate: check \
    `views.cassandra.tls`, and that its authority is the one that the nodes trust";
const NODE: &str = "a node's certificate isn't to be trusted: check `server_roots` in \
    `views.cassandra.tls`, and that the node's certificate names the address in `views.url`";
const IDENTITY: &str = "the database has no role for this process' certificate: apply \
    deploy/cassandra/roles.cql, and let the nodes know roles by certificates \
    (MutualTlsAuthenticator)";
const RIGHTS: &str = "this process' role lacks a right: apply deploy/cassandra/roles.cql";
const SCHEMA: &str = "the keyspace or one of its tables isn't there, or isn't of this version: \
    apply deploy/cassandra/schema.cql";

fn refused(why: &str) -> StoreError {
    StoreError::Refused(why.to_owned())
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// A session that couldn't be made.
pub(super) fn connecting(error: NewSessionError) -> StoreError {
    let found = match &error {
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(pool)) => of_pool(pool),
        NewSessionError::UseKeyspaceError(UseKeyspaceError::RequestError(attempt)) => {
            of_attempt(attempt)
        }
        _ => None,
    };
    found.unwrap_or_else(|| unavailable(error))
}

/// Whether a node broke off at the first request, and why isn't known: the request's failure was
/// there before the node's alert was read.
pub(super) fn broke_off(error: &NewSessionError) -> bool {
    let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
        ConnectionPoolError::Broken {
            last_connection_error: ConnectionError::ConnectionSetupRequestError(setup),
        },
    )) = error
    else {
        return false;
    };
    match setup.get_error() {
        ConnectionSetupRequestErrorKind::BrokenConnection(error) => of_broken(error).is_none(),
        _ => false,
    }
}

/// A statement that couldn't be prepared.
pub(super) fn preparing(error: PrepareError) -> StoreError {
    let found = match &error {
        PrepareError::ConnectionPoolError(pool) => of_pool(pool),
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => None,
    };
    found.unwrap_or_else(|| unavailable(error))
}

/// A statement that failed.
pub(super) fn executing(error: ExecutionError) -> StoreError {
    let found = match &error {
        ExecutionError::ConnectionPoolError(pool) => of_pool(pool),
        ExecutionError::LastAttemptError(attempt) => of_attempt(attempt),
        ExecutionError::PrepareError(PrepareError::AllAttemptsFailed { first_attempt }) => {
            of_attempt(first_attempt)
        }
        _ => None,
    };
    found.unwrap_or_else(|| unavailable(error))
}

/// An answer without rows where rows were asked for, or with other columns.
pub(super) fn no_rows(error: IntoRowsResultError) -> StoreError {
    unavailable(error)
}

/// A row that can't be read as what it should be.
pub(super) fn corrupt(table: &'static str) -> impl Fn(DeserializationError) -> StoreError {
    move |_| StoreError::Corrupt { table }
}

fn of_pool(error: &ConnectionPoolError) -> Option<StoreError> {
    match error {
        ConnectionPoolError::Broken {
            last_connection_error,
        } => of_connection(last_connection_error),
        _ => None,
    }
}

fn of_connection(error: &ConnectionError) -> Option<StoreError> {
    match error {
        ConnectionError::IoError(error) => of_tls(error),
        ConnectionError::BrokenConnection(error) => of_broken(error),
        ConnectionError::UseKeyspaceError(UseKeyspaceError::RequestError(attempt)) => {
            of_attempt(attempt)
        }
        ConnectionError::ConnectionSetupRequestError(setup) => match setup.get_error() {
            ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, _) => {
                Some(refused(IDENTITY))
            }
            ConnectionSetupRequestErrorKind::BrokenConnection(error) => of_broken(error),
            _ => None,
        },
        _ => None,
    }
}

/// A connection that ended before it could be used: with TLS 1.3 a server looks at its client's
/// certificate after the client takes itself for connected.
fn of_broken(error: &BrokenConnectionError) -> Option<StoreError> {
    match error.downcast_ref::<BrokenConnectionErrorKind>()? {
        BrokenConnectionErrorKind::FrameHeaderParseError(FrameHeaderParseError::HeaderIoError(
            error,
        ))
        | BrokenConnectionErrorKind::WriteError(error) => of_tls(error),
        _ => None,
    }
}

/// What the TLS library had to say.
pub(super) fn of_tls(error: &std::io::Error) -> Option<StoreError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(_) => Some(refused(CERTIFICATE)),
        rustls::Error::InvalidCertificate(_) => Some(refused(NODE)),
        _ => None,
    }
}

fn of_attempt(error: &RequestAttemptError) -> Option<StoreError> {
    match error {
        RequestAttemptError::DbError(DbError::Unauthorized, _) => Some(refused(RIGHTS)),
        RequestAttemptError::DbError(DbError::Invalid | DbError::SyntaxError, _) => {
            Some(refused(SCHEMA))
        }
        _ => None,
    }
}
