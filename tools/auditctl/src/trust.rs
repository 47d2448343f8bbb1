//! Whether a record was said by who may say it.

use std::path::PathBuf;

use auditlog::{LogId, OversizedRecord, Position};
use authn::record::{KeyCertificate, KeyId, PublicKey, RecordVerifier};
use bytes::Bytes;
use domain::event::Event;
use eventlog::{Record, Topic};
use jiff::Timestamp;
use records::{EventReader, Unreadable};

use crate::cli::TrustArgs;
use crate::source::Source;
use crate::stop::Stop;

/// Whose records are believed.
const SPEAKER: &str = "command-svc";

/// The pinned root and the certificates that it signed.
#[derive(Debug)]
pub(crate) struct Trust {
    reader: EventReader,
    /// The root, as text.
    pub(crate) root: PublicKey,
    /// The certificates.
    pub(crate) certificates: Vec<KeyCertificate>,
}

impl Trust {
    /// As the command line says; none where it names no root. Certificates that lie in an archive
    /// are taken from there: the root's signature is what makes them good.
    pub(crate) fn read(args: &TrustArgs, source: Option<&Source>) -> Result<Option<Self>, Stop> {
        let Some(root) = &args.records_root else {
            return Ok(None);
        };
        let root: PublicKey = match root.trim().parse() {
            Ok(root) => root,
            Err(_) => {
                let path = PathBuf::from(root);
                let text =
                    std::fs::read_to_string(&path).map_err(|error| Stop::file(&path, &error))?;
                text.trim()
                    .parse()
                    .map_err(|error| Stop::Usage(format!("{}: {error}", path.display())))?
            }
        };
        let mut certificates = Vec::new();
        for path in &args.records_certificates {
            let json = std::fs::read(path).map_err(|error| Stop::file(path, &error))?;
            certificates.push(certificate(&json)?);
        }
        for json in source
            .map(Source::certificates)
            .transpose()?
            .unwrap_or_default()
        {
            let known = certificate(&json)?;
            if !certificates.contains(&known) {
                certificates.push(known);
            }
        }
        if certificates.is_empty() {
            return Err(Stop::Usage(
                "the root needs the certificates that it signed; name each with --records-certificate"
                    .to_owned(),
            ));
        }
        Self::new(root, certificates, args.distrusted.clone()).map(Some)
    }

    /// The same, and a usage error where no root is named.
    pub(crate) fn required(args: &TrustArgs, source: &Source) -> Result<Self, Stop> {
        Self::read(args, Some(source))?.ok_or_else(|| {
            Stop::Usage(
                "decisions are made from records that command-svc signed; name the root of its keys \
                 with --records-root"
                    .to_owned(),
            )
        })
    }

    pub(crate) fn new(
        root: PublicKey,
        certificates: Vec<KeyCertificate>,
        distrusted: Vec<KeyId>,
    ) -> Result<Self, Stop> {
        let wrong = |error: authn::record::KeyError| Stop::Usage(error.to_string());
        let speaker = SPEAKER.parse().map_err(wrong)?;
        let verifier =
            RecordVerifier::new(root, certificates.clone(), distrusted, speaker).map_err(wrong)?;
        Ok(Self {
            reader: EventReader::new(verifier),
            root,
            certificates,
        })
    }

    /// The event of a leaf, if it may be believed. Without its position the record's own time
    /// stands in for the time at which the log took it in.
    pub(crate) fn read_leaf(
        &self,
        log: &LogId,
        leaf: &Bytes,
        position: Option<Position>,
    ) -> Result<Event, Unreadable> {
        self.reader.read(&record(log, leaf, position)?)
    }
}

fn certificate(json: &[u8]) -> Result<KeyCertificate, Stop> {
    KeyCertificate::from_json(json).map_err(|error| Stop::Usage(error.to_string()))
}

/// The record that a leaf is of, as far as the leaf tells.
fn record(log: &LogId, leaf: &Bytes, position: Option<Position>) -> Result<Record, Unreadable> {
    if OversizedRecord::parse(leaf).is_some() {
        return Err(Unreadable::NotProtobuf);
    }
    if leaf.is_empty() {
        return Err(Unreadable::Tombstone);
    }
    let topic = log.topic().parse().unwrap_or(Topic::AccessEvents);
    let append_time = match position {
        Some(at) => Timestamp::from_millisecond(at.append_time).ok(),
        None => records::unverified(leaf)
            .ok()
            .map(|event| event.occurred_at),
    };
    Ok(Record {
        topic,
        position: eventlog::Position {
            partition: 0,
            offset: position.map_or(0, |at| at.offset),
        },
        key: Bytes::copy_from_slice(log.complex().as_bytes()),
        append_time: append_time.unwrap_or_default(),
        headers: Vec::new(),
        value: Some(leaf.clone()),
    })
}
