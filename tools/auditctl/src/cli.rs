//! The command line.

mod help;
mod witnesses;

use std::path::PathBuf;
use std::str::FromStr;

use auditlog::LogId;
use authn::record::KeyId;
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use uuid::Uuid;
use witness::WitnessKey;

pub(crate) use witnesses::{
    CheckpointKeyArgs, CosignArgs, WitnessArgs, WitnessKeyArgs, WitnessedArgs,
};

use help::{
    CHECKPOINT_KEY, COMPARE, COSIGN, EXPLAIN, EXPORT, HELP, PROVE, REPLAY, SEARCH, VERIFY,
    VERIFY_PROOF, VERIFY_RECEIPT, WATCH, WITNESS,
};

/// The auditors' command line: proves an audit log, or an archive of it, without trusting who keeps it.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
pub(crate) struct Cli {
    /// Answers with one JSON object, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Checks signatures, and that every leaf and every tile leads to the signed root
    #[command(after_help = VERIFY)]
    Verify(VerifyArgs),
    /// Writes a proof of one record to a small file that verifies offline
    #[command(after_help = PROVE)]
    Prove(ProveArgs),
    /// Verifies a proof that `prove` wrote, with nothing but the key
    #[command(after_help = VERIFY_PROOF)]
    VerifyProof(VerifyProofArgs),
    /// Verifies a resident's receipt of one opening, with nothing but the key
    #[command(after_help = VERIFY_RECEIPT)]
    VerifyReceipt(VerifyProofArgs),
    /// Whether one checkpoint continues another: a fork is refuted
    #[command(after_help = COMPARE)]
    Compare(CompareArgs),
    /// Writes records, and all that proves them, to one file
    #[command(after_help = EXPORT)]
    Export(ExportArgs),
    /// Prints records of a time, device, person, outcome or kind
    #[command(after_help = SEARCH)]
    Search(SearchArgs),
    /// Follows a log: every new checkpoint must continue the last one that was seen
    #[command(after_help = WATCH)]
    Watch(WatchArgs),
    /// Makes one decision again from the logs, and says in words why it came out so
    #[command(after_help = EXPLAIN)]
    Explain(ExplainArgs),
    /// Makes every decision again from the logs: none may come out otherwise
    #[command(after_help = REPLAY)]
    Replay(ReplayArgs),
    /// Cosigns checkpoints of logs that only grow, over HTTP, for others to rely on
    #[command(after_help = WITNESS)]
    Witness(WitnessArgs),
    /// Makes the key of a witness, and prints what verifies it
    WitnessKey(WitnessKeyArgs),
    /// Makes a key that signs checkpoints, and prints what verifies them
    #[command(after_help = CHECKPOINT_KEY)]
    CheckpointKey(CheckpointKeyArgs),
    /// Has a witness cosign the checkpoint that a log has now
    #[command(after_help = COSIGN)]
    Cosign(CosignArgs),
}

/// Where the log is, and whose signature it must have.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// A folder of tiles, its address (file:///… or https://…), or an archive; of a folder or an
    /// address, one log of it where it ends with TOPIC/COMPLEX
    #[arg(value_name = "LOG|ARCHIVE")]
    pub(crate) source: String,

    /// Only this log of it [default: all that are found]
    #[arg(long = "log", value_name = "TOPIC/COMPLEX")]
    pub(crate) logs: Vec<LogName>,

    /// Verifier key of checkpoints (C2SP signed-note), or a file of such
    #[arg(long = "key", value_name = "VKEY|FILE", required = true)]
    pub(crate) keys: Vec<String>,

    /// Roots (PEM) of the server's certificate, besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Certificate chain (PEM) to show the server
    #[arg(long, value_name = "FILE", requires = "private_key")]
    pub(crate) certificate: Option<PathBuf>,

    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) private_key: Option<PathBuf>,

    /// File with the access token to show the server
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Whose records are believed.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// The offline root of record keys: its public key in base64, or a file of that
    #[arg(long, value_name = "KEY|FILE")]
    pub(crate) records_root: Option<String>,

    /// Certificate (JSON) of a record key that the root signed; an archive brings its own
    #[arg(
        long = "records-certificate",
        value_name = "FILE",
        requires = "records_root"
    )]
    pub(crate) records_certificates: Vec<PathBuf>,

    /// Record key that is believed no longer
    #[arg(long, value_name = "KEY-ID", requires = "records_root")]
    pub(crate) distrusted: Vec<KeyId>,
}

/// A period of time.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct PeriodArgs {
    /// First instant (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,

    /// First instant after it
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
}

impl PeriodArgs {
    /// Whether an instant is in it.
    pub(crate) fn has(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

/// Of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) witnessed: WitnessedArgs,
}

/// Of `prove`.
#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// Id of the record's event, or index of its leaf
    #[arg(value_name = "EVENT-ID|INDEX")]
    pub(crate) record: RecordName,

    /// Under this checkpoint, such as one that `cosign` wrote [default: the newest]
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,

    /// File to write; it must not be there
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Of `verify-proof` and `verify-receipt`.
#[derive(Debug, Args)]
pub(crate) struct VerifyProofArgs {
    /// What `prove` wrote, or the receipt
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Verifier key of checkpoints (C2SP signed-note), or a file of such
    #[arg(long = "key", value_name = "VKEY|FILE", required = true)]
    pub(crate) keys: Vec<String>,

    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    /// Witness that must have cosigned its checkpoint: its verifier key
    #[arg(long = "witness", value_name = "VKEY")]
    pub(crate) witnesses: Vec<WitnessKey>,
}

/// Of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// A checkpoint's file
    #[arg(value_name = "CHECKPOINT-A")]
    pub(crate) one: PathBuf,

    /// Another's
    #[arg(value_name = "CHECKPOINT-B")]
    pub(crate) other: PathBuf,
}

/// Of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) period: PeriodArgs,

    /// Archive to write (tar); it must not be there
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Of `search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) period: PeriodArgs,

    /// Only of this device
    #[arg(long, value_name = "DEVICE-ID")]
    pub(crate) device: Option<String>,

    /// Only of this person or pass
    #[arg(long, value_name = "UUID")]
    pub(crate) subject: Option<Uuid>,

    /// Only with this outcome, verdict or observation, such as EXECUTED or DENY
    #[arg(long, value_name = "WORD")]
    pub(crate) outcome: Option<String>,

    /// Only of this kind, such as smarthome.access.decided.v1 or a part of it
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,

    /// One JSON object a record, with its value, instead of a table
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// Of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// Folder in which the last checkpoint of each log is kept
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: PathBuf,

    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: u64,

    /// Looks once and ends
    #[arg(long)]
    pub(crate) once: bool,
}

/// Of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,

    /// Id of the decision's event
    #[arg(value_name = "EVENT-ID")]
    pub(crate) event: Uuid,
}

/// Of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
}

/// `<topic>/<complex>`.
#[derive(Debug, Clone)]
pub(crate) struct LogName(pub(crate) LogId);

impl FromStr for LogName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (topic, complex) = text.split_once('/').ok_or("expected <topic>/<complex>")?;
        LogId::named(topic, complex)
            .map(Self)
            .map_err(|_| "expected <topic>/<complex>, such as access.events.v1/sunrise")
    }
}

/// Which record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RecordName {
    /// By its event.
    Event(Uuid),
    /// By its leaf.
    Index(u64),
}

impl FromStr for RecordName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let index = text.parse().map(Self::Index);
        index
            .or_else(|_| text.parse().map(Self::Event))
            .map_err(|_| "expected an event's id (UUID) or a leaf's index")
    }
}
