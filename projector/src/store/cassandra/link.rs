//! One session for all of a process' queries.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use authn::tls::ClientTls;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::NewSessionError;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::response::query_result::QueryRowsResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::batch::BatchValues;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::Batch;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::super::StoreError;
use super::address::Address;
use super::options::CassandraOptions;
use super::statements::Reads;
use super::{error, tls};

/// How often the certificate's files are looked at.
const RELOAD: Duration = Duration::from_secs(60);
/// A connection that stays silent this long is looked at, and given up after as long again.
const SILENCE: Duration = Duration::from_secs(5);
/// How long a node that broke off is listened to.
const LISTEN: Duration = Duration::from_secs(2);
/// What the schema must say that it is.
const VERSION: i32 = 4;

/// A session in one keyspace, made with the first query.
pub(super) struct Link {
    address: Address,
    options: CassandraOptions,
    tls: Arc<ClientTls>,
    bare: OnceCell<Arc<Bare>>,
    connected: OnceCell<Connected>,
}

/// A session with what it can read of the views.
pub(super) struct Connected {
    bare: Arc<Bare>,
    pub(super) reads: Reads,
}

/// A session, whatever views the keyspace has.
pub(super) struct Bare {
    session: Session,
    permits: Semaphore,
    /// Requests at once, at most.
    pub(super) requests: usize,
    _reloading: AbortOnDropHandle<()>,
}

impl Link {
    /// The links to both keyspaces of a store. Reads the certificate's files; connects to nothing.
    pub(super) fn both(
        url: &Url,
        options: &CassandraOptions,
    ) -> Result<[Arc<Self>; 2], StoreError> {
        options.check()?;
        let (root, tls) = (Address::parse(url)?, tls::load(&options.tls)?);
        let beside = root.beside();
        let link = |address| {
            Arc::new(Self {
                address,
                tls: Arc::clone(&tls),
                options: options.clone(),
                bare: OnceCell::new(),
                connected: OnceCell::new(),
            })
        };
        Ok([link(root), link(beside)])
    }

    /// The session. Where it can't be made the next one who asks tries again.
    pub(super) async fn bare(&self) -> Result<&Arc<Bare>, StoreError> {
        self.bare.get_or_try_init(|| self.open()).await
    }

    /// The session, and that the views are of this version.
    pub(super) async fn connected(&self) -> Result<&Connected, StoreError> {
        self.connected.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<Connected, StoreError> {
        let bare = Arc::clone(self.bare().await?);
        let reads = Reads::prepare(bare.session()).await?;
        let connected = Connected { bare, reads };
        connected.check_version().await?;
        Ok(connected)
    }

    async fn open(&self) -> Result<Arc<Bare>, StoreError> {
        let options = &self.options;
        let mut balancing = DefaultPolicy::builder().token_aware(true);
        if let Some(datacenter) = &options.datacenter {
            balancing = balancing.prefer_datacenter(datacenter.clone());
        }
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::LocalQuorum)
            .serial_consistency(Some(SerialConsistency::LocalSerial))
            .request_timeout(Some(options.request_timeout))
            .load_balancing_policy(balancing.build())
            .build();
        let session = SessionBuilder::new()
            .known_nodes(&self.address.nodes)
            .tls_context(Some(tls::config(&self.tls)))
            // The node asks for an answer and ignores what it says: the certificate counts.
            .user("", "")
            .use_keyspace(&self.address.keyspace, false)
            .keyspaces_to_fetch([&self.address.keyspace])
            .default_execution_profile_handle(profile.into_handle())
            .connection_timeout(options.connect_timeout)
            .keepalive_interval(SILENCE)
            .keepalive_timeout(SILENCE)
            .build()
            .await;
        let session = match session {
            Ok(session) => session,
            Err(broken) => return Err(self.why(broken).await),
        };
        let tls = Arc::clone(&self.tls);
        Ok(Arc::new(Bare {
            session,
            permits: Semaphore::new(options.requests),
            requests: options.requests,
            _reloading: AbortOnDropHandle::new(tokio::spawn(tls.reload_every(RELOAD))),
        }))
    }

    /// Why there is no session. Where the nodes broke off without a word that was heard, they are
    /// listened to once more.
    async fn why(&self, broken: NewSessionError) -> StoreError {
        if error::broke_off(&broken) {
            for node in &self.address.nodes {
                let heard = tls::farewell(&self.tls, node, LISTEN).await;
                if let Some(refused) = heard.as_ref().and_then(error::of_tls) {
                    return refused;
                }
            }
        }
        error::connecting(broken)
    }
}

impl Deref for Connected {
    type Target = Bare;

    fn deref(&self) -> &Bare {
        &self.bare
    }
}

impl Connected {
    async fn check_version(&self) -> Result<(), StoreError> {
        let found = self
            .row::<(i32,)>("schema_version", &self.reads.version, ())
            .await?;
        match found {
            Some((VERSION,)) => Ok(()),
            found => Err(StoreError::Schema {
                found: found.map_or(0, |(version,)| version.into()),
                needed: VERSION.into(),
            }),
        }
    }
}

impl Bare {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Runs a statement whose answer doesn't matter.
    pub(super) async fn run(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), StoreError> {
        let _permit = self.permit().await?;
        let done = self.session.execute_unpaged(statement, values).await;
        done.map(drop).map_err(error::executing)
    }

    /// Runs statements that write to one partition: all or none.
    pub(super) async fn run_batch(
        &self,
        batch: &Batch,
        values: impl BatchValues,
    ) -> Result<(), StoreError> {
        let _permit = self.permit().await?;
        let done = self.session.batch(batch, values).await;
        done.map(drop).map_err(error::executing)
    }

    /// The rows of a query that has a few.
    pub(super) async fn rows<R>(
        &self,
        table: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let _permit = self.permit().await?;
        let found = self.session.execute_unpaged(statement, values).await;
        read(
            table,
            &found
                .map_err(error::executing)?
                .into_rows_result()
                .map_err(error::no_rows)?,
        )
    }

    /// The first row of a query.
    pub(super) async fn row<R>(
        &self,
        table: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Option<R>, StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        Ok(self
            .rows(table, statement, values)
            .await?
            .into_iter()
            .next())
    }

    /// A page of a query that has many rows, and where the next one begins.
    pub(super) async fn page<R>(
        &self,
        table: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
        from: PagingState,
    ) -> Result<(Vec<R>, Option<PagingState>), StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let _permit = self.permit().await?;
        let found = self
            .session
            .execute_single_page(statement, values, from)
            .await;
        let (found, state) = found.map_err(error::executing)?;
        let rows = read(table, &found.into_rows_result().map_err(error::no_rows)?)?;
        Ok((
            rows,
            match state {
                PagingStateResponse::HasMorePages { state } => Some(state),
                PagingStateResponse::NoMorePages => None,
            },
        ))
    }

    /// All rows of a query, page by page.
    pub(super) async fn all<R>(
        &self,
        table: &'static str,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, StoreError>
    where
        R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
    {
        let (mut found, mut next) = (Vec::new(), Some(PagingState::start()));
        while let Some(from) = next {
            let (rows, after) = self.page(table, statement, &values, from).await?;
            found.extend(rows);
            next = after;
        }
        Ok(found)
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let permit = self.permits.acquire().await;
        permit.map_err(|closed| StoreError::Unavailable(Box::new(closed)))
    }
}

fn read<R>(table: &'static str, found: &QueryRowsResult) -> Result<Vec<R>, StoreError>
where
    R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
{
    let rows = found
        .rows::<R>()
        .map_err(|_| StoreError::Corrupt { table })?;
    rows.map(|row| row.map_err(error::corrupt(table))).collect()
}
