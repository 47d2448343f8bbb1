//! A TLS configuration that follows its files.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::files::{Material, Sources, TlsError};

/// What a reload found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// The files are what they were.
    Unchanged,
    /// New connections use the new files.
    Replaced,
}

/// Builds the configuration of a generation, which counts from 1.
type Build<C> = Box<dyn Fn(&Sources, Material, u64) -> Result<C, TlsError> + Send + Sync>;

/// The configuration of one side. A bad file never replaces a good one.
pub(super) struct Reloading<C> {
    sources: Sources,
    build: Build<C>,
    /// `server` or `client`, in logs and metrics.
    side: &'static str,
    current: ArcSwap<C>,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    digest: [u8; 32],
    generation: u64,
}

impl<C> Reloading<C> {
    pub(super) fn load(
        sources: Sources,
        side: &'static str,
        build: impl Fn(&Sources, Material, u64) -> Result<C, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let material = sources.read()?;
        let (digest, not_after) = (material.digest, material.not_after);
        let first = build(&sources, material, 1)?;
        report_expiry(side, not_after);
        Ok(Self {
            sources,
            build: Box::new(build),
            side,
            current: ArcSwap::from_pointee(first),
            loaded: Mutex::new(Loaded {
                digest,
                generation: 1,
            }),
        })
    }

    pub(super) fn current(&self) -> Arc<C> {
        self.current.load_full()
    }

    pub(super) fn reload_now(&self) -> Result<Reload, TlsError> {
        // Held throughout, so that two reloads can't put an older file over a newer one.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace(&mut loaded).inspect_err(|error| {
            metrics::counter!("tls_reload_failures_total", "side" => self.side).increment(1);
            tracing::error!(
                side = self.side,
                %error,
                "TLS files can't be used; the ones loaded before stay in use"
            );
        })
    }

    fn replace(&self, loaded: &mut Loaded) -> Result<Reload, TlsError> {
        let material = self.sources.read()?;
        if material.digest == loaded.digest {
            return Ok(Reload::Unchanged);
        }
        let (digest, not_after) = (material.digest, material.not_after);
        let generation = loaded.generation + 1;
        let next = (self.build)(&self.sources, material, generation)?;
        self.current.store(Arc::new(next));
        *loaded = Loaded { digest, generation };
        report_expiry(self.side, not_after);
        tracing::info!(side = self.side, %not_after, generation, "TLS files reloaded");
        Ok(Reload::Replaced)
    }
}

fn report_expiry(side: &'static str, not_after: jiff::Timestamp) {
    // Unix seconds fit an f64 exactly for the next quarter of a billion years.
    metrics::gauge!("tls_certificate_not_after_timestamp_seconds", "side" => side)
        .set(not_after.as_second() as f64);
}
