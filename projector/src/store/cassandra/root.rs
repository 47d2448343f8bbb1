//! The root: the keyspace that the URL names. It says which generation of the views serves, and keeps
//! heads and halts. Odd generations are in it, even ones in the keyspace beside it: tables are made by
//! those who run the database, a rebuild empties and fills them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use super::super::generations::{Building, Fence, Generations, Pointer, Swap};
use super::super::{StoreError, ViewReader};
use super::CassandraStore;
use super::heads::applied;
use super::link::{Bare, Link};
use super::options::CassandraOptions;
use super::position::stored;
use super::read::CassandraReader;
use super::rows::offset;
use super::statements::{conditional, prepare};
use super::writes::{Halts, Heads};

/// Tables that are of a generation.
const VIEWS: [&str; 23] = [
    "access",
    "access_by_time",
    "access_buckets",
    "access_by_event",
    "claims",
    "completions",
    "observations",
    "alarms",
    "alarm_buckets",
    "reads",
    "read_buckets",
    "hours",
    "digests",
    "device_states",
    "devices_by_complex",
    "statuses",
    "status_buckets",
    "leaves",
    "leaf_buckets",
    "unreadable",
    "sequences",
    "sequence_buckets",
    "progress",
];
/// Tables that are emptied at once: each is work for every node.
const EMPTIED_AT_ONCE: usize = 4;

/// A root, and the keyspaces of the views.
#[derive(Clone)]
pub(crate) struct Root(Arc<Parts>);

struct Parts {
    keyspaces: [Arc<Link>; 2],
    statements: OnceCell<Statements>,
}

/// What is asked of a root.
pub(super) struct Statements {
    pointer: PreparedStatement,
    claim: PreparedStatement,
    swap: PreparedStatement,
    pub(super) heads: Heads,
    pub(super) halts: Halts,
}

impl Statements {
    async fn prepare(session: &Session) -> Result<Self, StoreError> {
        Ok(Self {
            pointer: prepare(
                session,
                "SELECT serving, building FROM generations WHERE name = 'views'",
            )
            .await?,
            claim: conditional(
                session,
                "UPDATE generations SET building = ? WHERE name = 'views' IF EXISTS",
            )
            .await?,
            swap: conditional(
                session,
                "UPDATE generations SET serving = ?, building = null WHERE name = 'views'
                 IF serving = ? AND building = ?",
            )
            .await?,
            heads: Heads::prepare(session).await?,
            halts: Halts::prepare(session).await?,
        })
    }
}

impl Root {
    /// Connects to nothing.
    pub(super) fn new(url: &Url, options: &CassandraOptions) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Parts {
            keyspaces: Link::both(url, options)?,
            statements: OnceCell::new(),
        })))
    }

    /// The keyspace of a generation.
    pub(super) fn link(&self, generation: u64) -> &Arc<Link> {
        let [odd, even] = &self.0.keyspaces;
        if generation % 2 == 1 { odd } else { even }
    }

    pub(super) async fn connected(&self) -> Result<(&Bare, &Statements), StoreError> {
        let [root, _] = &self.0.keyspaces;
        let bare = root.bare().await?;
        let statements = &self.0.statements;
        let statements = statements.get_or_try_init(|| Statements::prepare(bare.session()));
        Ok((bare, statements.await?))
    }

    /// What it says.
    pub(super) async fn says(&self) -> Result<Pointer, StoreError> {
        const TABLE: &str = "generations";
        let (bare, statements) = self.connected().await?;
        let found: Option<(i64, Option<String>)> = bare.row(TABLE, &statements.pointer, ()).await?;
        let (serving, building) = found.ok_or_else(unfurnished)?;
        let building = building.map(|by| by.parse::<Uuid>()).transpose();
        Ok(Pointer {
            serving: offset(TABLE, serving)?,
            building: building.map_err(|_| StoreError::Corrupt { table: TABLE })?,
        })
    }

    /// Makes `by` the one that builds. The generation that serves.
    async fn claim(&self, by: Option<Uuid>) -> Result<u64, StoreError> {
        let (bare, statements) = self.connected().await?;
        let by = by.map(|by| by.to_string());
        match applied(bare, &statements.claim, (by,)).await? {
            true => Ok(self.says().await?.serving),
            false => Err(unfurnished()),
        }
    }

    /// Empties the views that don't serve.
    async fn empty(&self, generation: u64) -> Result<(), StoreError> {
        let bare = self.link(generation).bare().await?;
        let emptied = VIEWS.map(|table| truncate(bare, table));
        let emptied = futures::stream::iter(emptied).buffer_unordered(EMPTIED_AT_ONCE);
        emptied.try_collect().await
    }

    async fn stored_progress(
        &self,
        generation: u64,
    ) -> Result<HashMap<(String, u32), u64>, StoreError> {
        const TABLE: &str = "progress";
        let bare = self.link(generation).bare().await?;
        let statement = prepare(bare.session(), "SELECT topic, part, next FROM progress").await?;
        let rows: Vec<(String, i32, i64)> = bare.all(TABLE, &statement, ()).await?;
        let rows = rows.into_iter().map(|(topic, part, next)| {
            let part = u32::try_from(part).map_err(|_| StoreError::Corrupt { table: TABLE })?;
            Ok(((topic, part), offset(TABLE, next)?))
        });
        rows.collect()
    }
}

/// One generation of the views: of a number, or the one that serves when it is first asked for.
pub(super) struct Generation {
    pub(super) root: Root,
    number: OnceCell<u64>,
}

impl Generation {
    pub(super) fn of(root: Root, number: u64) -> Arc<Self> {
        let number = OnceCell::new_with(Some(number));
        Arc::new(Self { root, number })
    }

    pub(super) fn serving(root: Root) -> Arc<Self> {
        let number = OnceCell::new();
        Arc::new(Self { root, number })
    }

    pub(super) async fn number(&self) -> Result<u64, StoreError> {
        let asked = async || Ok(self.root.says().await?.serving);
        self.number.get_or_try_init(asked).await.copied()
    }

    pub(super) async fn link(&self) -> Result<&Arc<Link>, StoreError> {
        Ok(self.root.link(self.number().await?))
    }
}

#[async_trait]
impl Generations for Root {
    async fn pointer(&self) -> Result<Pointer, StoreError> {
        self.says().await
    }

    async fn begin(&self) -> Result<Building, StoreError> {
        let by = Uuid::now_v7();
        let serving = self.claim(Some(by)).await?;
        self.empty(serving + 1).await?;
        let views = Generation::of(self.clone(), serving + 1);
        let store = CassandraStore::of(views, Some(by));
        Ok(Building {
            serving,
            by,
            store: Arc::new(store),
        })
    }

    async fn serving(&self, building: &Building) -> Result<Arc<dyn ViewReader>, StoreError> {
        let views = Generation::of(self.clone(), building.serving);
        Ok(Arc::new(CassandraReader::new(views)))
    }

    async fn progress(&self, generation: u64) -> Result<HashMap<(String, u32), u64>, StoreError> {
        self.stored_progress(generation).await
    }

    async fn swap(&self, building: &Building) -> Result<Swap, StoreError> {
        let (serving, by) = (building.serving, building.by);
        Fence::Building(by).check(self.says().await?)?;
        let new = self.stored_progress(serving + 1).await?;
        let old = self.stored_progress(serving).await?;
        if old.iter().any(|(at, next)| new.get(at) < Some(next)) {
            return Ok(Swap::Behind);
        }
        let (bare, statements) = self.connected().await?;
        let values = (stored(serving + 1)?, stored(serving)?, by.to_string());
        match applied(bare, &statements.swap, values).await? {
            true => Ok(Swap::Done),
            false => Err(StoreError::Superseded),
        }
    }

    async fn drop_idle(&self) -> Result<(), StoreError> {
        let serving = self.claim(None).await?;
        self.empty(serving + 1).await
    }
}

async fn truncate(bare: &Bare, table: &'static str) -> Result<(), StoreError> {
    let statement = prepare(bare.session(), &format!("TRUNCATE {table}")).await?;
    bare.run(&statement, ()).await
}

fn unfurnished() -> StoreError {
    let text = "the keyspace doesn't say which generation of the views serves: apply \
                deploy/cassandra/schema.cql";
    StoreError::Refused(text.to_owned())
}
