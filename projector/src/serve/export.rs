//! `AuditService.Export`: records of a period with all that proves them, as one archive. Each log is proven here
//! first. Then it is recorded who is given whose records, and only then the first byte goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context as _;
use auditarchive::{Contents, FORMAT, Keys, Part, Step};
use auditlog::LogId;
use authn::record::{KeyCertificate, RecordTrust};
use aws_lc_rs::digest::{self, SHA256};
use bytes::{Bytes, BytesMut};
use domain::id::ComplexId;
use domain::vocabulary::ReadMethod;
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::export_response::Part as Sent;
use proto::access::{ExportEnd, ExportRequest, ExportResponse, LogKind};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use uuid::Uuid;

use super::auth::{Auditor, Readable};
use super::call::Answer;
use super::fields::Fields;
use super::logs::newest;
use super::reads::{Look, Recorded};
use super::status::{Missing, Refusal};
use super::watch::{End, Outlet, Until, Watching, stream};
use super::{Serving, parse, people};

/// Complexes in one archive, at most.
const MOST_COMPLEXES: usize = 16;
/// Bytes of one message, at most.
const CHUNK: usize = 64 * 1024;
/// Messages that wait for whoever is slow; then the export waits too.
const WAITING: usize = 2;

/// The keys that go with every archive: those of checkpoints, and whose signatures records have, where
/// `[records]` names them.
///
/// # Errors
/// A certificate can't be read, or its root didn't sign it.
pub(super) fn keys(checkpoints: String, records: Option<&RecordTrust>) -> anyhow::Result<Keys> {
    let records = records.map(|trust| {
        let certificates = trust.certificates.iter().map(|file| {
            let certificate = KeyCertificate::load(file)?;
            certificate.verify(&trust.root)?;
            Ok(certificate.to_json()?)
        });
        let certificates: anyhow::Result<_> = certificates.collect();
        let certificates = certificates.context("`records.certificates`")?;
        Ok::<_, anyhow::Error>((trust.root.to_string(), certificates))
    });
    Ok(Keys {
        checkpoints,
        records: records.transpose()?,
    })
}

/// What is asked for.
struct Asked {
    complexes: BTreeSet<ComplexId>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    logs: BTreeSet<LogKind>,
}

fn asked(request: &ExportRequest) -> Result<Asked, Refusal> {
    let mut fields = Fields::default();
    let given = request.complex_ids.iter().take(MOST_COMPLEXES + 1);
    let complexes = given.map(|id| fields.parse("complex_ids", id));
    let complexes: Option<BTreeSet<ComplexId>> = complexes.collect();
    if request.complex_ids.is_empty() || request.complex_ids.len() > MOST_COMPLEXES {
        fields.wrong("complex_ids", format!("1 to {MOST_COMPLEXES}"));
    }
    let (from, until) = fields.span(request.from.as_ref(), request.until.as_ref());
    let known = |kind: &i32| *kind != 0 && LogKind::try_from(*kind).is_ok();
    if !request.logs.iter().all(known) {
        fields.wrong("logs", "not a value of this enum");
    }
    let logs = match request.logs.is_empty() {
        true => [LogKind::Access, LogKind::Registry].into(),
        false => request.logs().collect(),
    };
    fields.done(complexes.map(|complexes| Asked {
        complexes,
        from,
        until,
        logs,
    }))
}

/// How far an export is, for whoever shows it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Leaves to be looked at, each log twice: to prove it, and to take what is asked for.
    pub(super) leaves: AtomicU64,
    pub(super) looked: AtomicU64,
    /// Bytes of the archive, once everything is proven; 0 before.
    pub(super) size: AtomicU64,
    pub(super) sent: AtomicU64,
}

impl Progress {
    fn look(&self) {
        self.looked.fetch_add(1, Relaxed);
    }
}

impl Serving {
    /// Begins an export, which ends after `asked_time` at the latest.
    pub(super) async fn export(
        self: &Arc<Self>,
        auditor: &Auditor,
        request: ExportRequest,
        asked_time: Option<Duration>,
        progress: Arc<Progress>,
    ) -> Result<Answer<Watching<ExportResponse>>, Refusal> {
        let asked = asked(&request)?;
        let complexes = asked.complexes.iter().cloned();
        let readables: Result<Vec<_>, _> = complexes.map(|id| auditor.may_read(id)).collect();
        let export = Export {
            readables: readables?,
            serving: Arc::clone(self),
            asked,
            progress,
        };
        let places = Arc::clone(&self.exporting);
        let place = places.try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let longest = self.exports.longest;
        let until = Until {
            expires_at: auditor.expires_at(),
            time: Some(asked_time.map_or(longest, |asked| asked.min(longest))),
            shutdown: self.shutdown.clone(),
        };
        let (outlet, sent) = stream(WAITING);
        tokio::spawn(async move {
            until.work(&outlet, export.run(&outlet)).await;
            drop(place);
        });
        // Nothing is in it that isn't behind a record of its own.
        Ok(Answer::of_nobody(sent))
    }
}

struct Export {
    serving: Arc<Serving>,
    readables: Vec<Readable>,
    asked: Asked,
    progress: Arc<Progress>,
}

impl Export {
    async fn run(self, outlet: &Outlet<ExportResponse>) -> Result<(), End> {
        let mut contents = Contents {
            format: FORMAT.to_owned(),
            from: self.asked.from,
            until: self.asked.until,
            logs: Vec::new(),
        };
        let mut people: BTreeMap<ComplexId, BTreeSet<Uuid>> = BTreeMap::new();
        let mut parts = Vec::new();
        let mut left = self.serving.exports.bundles;
        let mut logs = Vec::new();
        for (log, complex) in self.logs()? {
            // Is it the one that was seen before? None is in which nothing was recorded yet.
            if let Some(seen) = newest(&*self.serving.logs.reader(log.clone())?).await? {
                self.progress.leaves.fetch_add(2 * seen.size(), Relaxed);
                logs.push((log, complex, seen.size()));
            }
        }
        let mut behind = 0;
        for (log, complex, size) in logs {
            let shown = people.entry(complex).or_default();
            let mut step = |step: Step<'_>| match step {
                Step::Begins(_) => {}
                Step::Looked => self.progress.look(),
                Step::Taken(placed) => {
                    self.progress.look();
                    shown.extend(people::of_leaf(placed.leaf));
                }
            };
            let signed = self.serving.logs.signed(log)?;
            let part = Part::take(signed, &contents, left, &mut step).await?;
            // What is not asked for was looked at once.
            behind += 2 * size;
            self.progress.looked.store(behind, Relaxed);
            left -= part.exported.end_bundle - part.exported.first_bundle;
            contents.logs.push(part.exported.clone());
            parts.push(part);
        }
        if parts.is_empty() {
            return Err(Refusal::NotFound(Missing::Checkpoint).into());
        }
        let recorded = self.record(people).await?;
        let keys = &self.serving.archive_keys;
        let size = auditarchive::size(&contents, keys, &parts)?;
        self.progress.size.store(size, Relaxed);
        let (written, read) = tokio::io::duplex(CHUNK);
        let write = async {
            let write = auditarchive::write(&contents, keys, parts, written);
            Ok::<_, End>(write.await?)
        };
        let (records, (size, sha256)) =
            tokio::try_join!(write, pass_on(read, outlet, &self.progress, &recorded))?;
        let end = Sent::End(ExportEnd {
            size,
            sha256,
            records,
        });
        outlet.send(ExportResponse { part: Some(end) }).await
    }

    /// The logs, in the order that they have in archives.
    fn logs(&self) -> Result<BTreeMap<LogId, ComplexId>, Refusal> {
        let mut logs = BTreeMap::new();
        for complex in &self.asked.complexes {
            for kind in &self.asked.logs {
                let topic = match kind {
                    LogKind::Unspecified | LogKind::Access => Topic::AccessEvents,
                    LogKind::Registry => Topic::RegistryEvents,
                    LogKind::Reads => Topic::AuditReads,
                };
                logs.insert(parse::log_id(topic, complex)?, complex.clone());
            }
        }
        Ok(logs)
    }

    /// Records, complex by complex, whose records are taken away.
    async fn record(
        &self,
        mut people: BTreeMap<ComplexId, BTreeSet<Uuid>>,
    ) -> Result<Vec<Recorded>, Refusal> {
        let logs = self.asked.logs.iter();
        let logs: Vec<_> = logs
            .map(|kind| format!("log={}", kind.as_str_name()))
            .collect();
        let look = Look {
            from: self.asked.from,
            until: self.asked.until,
            further: logs.join(" "),
            ..Look::at_all(ReadMethod::Export)
        };
        let mut recorded = Vec::new();
        for readable in &self.readables {
            let shown = people.remove(readable.complex()).unwrap_or_default();
            let reads = &self.serving.reads;
            recorded.push(reads.record(readable, look.clone(), shown).await?);
        }
        Ok(recorded)
    }
}

/// Sends what is written, in order; its length and SHA-256.
async fn pass_on(
    mut read: DuplexStream,
    outlet: &Outlet<ExportResponse>,
    progress: &Progress,
    _: &[Recorded],
) -> Result<(u64, Vec<u8>), End> {
    let (mut size, mut hash) = (0, digest::Context::new(&SHA256));
    loop {
        let chunk = next_chunk(&mut read).await?;
        if chunk.is_empty() {
            return Ok((size, hash.finish().as_ref().to_vec()));
        }
        size += chunk.len() as u64;
        progress.sent.store(size, Relaxed);
        hash.update(&chunk);
        let chunk = Sent::Chunk(chunk.into());
        outlet.send(ExportResponse { part: Some(chunk) }).await?;
    }
}

/// As much as a message takes, less only at the end.
async fn next_chunk(read: &mut DuplexStream) -> Result<Bytes, Refusal> {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    while chunk.len() < CHUNK {
        let more = read.read_buf(&mut chunk).await;
        if more.map_err(|_| Refusal::Internal)? == 0 {
            break;
        }
    }
    Ok(chunk.freeze())
}
