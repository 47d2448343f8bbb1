//! The command line.

mod audit;
mod credential;
mod help;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{ComplexId, DeviceId, PartnerId};
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use audit::{AccessesArgs, Rows, StatisticsArgs};
pub(crate) use credential::{CredentialArgs, CredentialCommand, CredentialToAdd, FaceToAdd};
use help::{
    ACCESSES, ALARMS, CHECKS, DOCUMENTS, EGRESS, HELP, HISTORY, LOGIN, PERSONS, PROVISIONING,
    RESIDENTS, STATISTICS,
};

/// The operators' command line: who may open what, as YAML documents.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
pub(crate) struct Cli {
    /// Configuration file (TOML) [default: ~/.config/smarthomectl/config.toml]
    #[arg(long, value_name = "FILE", env = "SMARTHOMECTL_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows what differs from the registry, asks, and makes the registry as the files say
    #[command(after_help = DOCUMENTS)]
    Apply(ApplyArgs),
    /// Makes residents and their grants of a CSV file, up to 100,000 lines
    #[command(after_help = RESIDENTS)]
    Import(ImportArgs),
    /// Prints what stands in a complex, as documents that `apply` takes back
    Get(GetArgs),
    /// Prints who changed what in a complex, when and why, refused changes too; oldest first
    #[command(after_help = HISTORY)]
    History(HistoryArgs),
    /// Partners
    Partner(PartnerArgs),
    /// What is known about a person: given out, kept, erased
    #[command(after_help = PERSONS)]
    Subject(SubjectArgs),
    /// Shows what partners hold so that their devices open by themselves, and what is missing
    #[command(after_help = PROVISIONING)]
    Provisioning(ProvisioningArgs),
    /// Cars and faces that devices recognise
    Credential(CredentialArgs),
    /// Prints what was sent to partners, how often, why and on what ground, from the log's records
    #[command(after_help = EGRESS)]
    Egress(EgressArgs),
    /// Prints what somebody should look at, newest first, with its places in the log; for auditors
    #[command(after_help = ALARMS)]
    Alarms(AlarmsArgs),
    /// Prints who opened what, when and with what result, newest first; for auditors
    #[command(after_help = ACCESSES)]
    Accesses(AccessesArgs),
    /// Counts accesses by hour or day and result; for auditors
    #[command(after_help = STATISTICS)]
    Statistics(StatisticsArgs),
    /// Logs you in with the browser, and writes the access token where every command reads it
    #[command(after_help = LOGIN)]
    Login(LoginArgs),
}

/// Of `egress`.
#[derive(Debug, Args)]
pub(crate) struct EgressArgs {
    /// Complex id, or `global` for what is about no complex
    pub(crate) complex: ComplexId,

    /// First instant (RFC 3339); records whose interval reaches into the time are counted whole
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Timestamp,

    /// First instant after it [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,

    /// Lists every record too, with its place in the log
    #[arg(long)]
    pub(crate) each: bool,
}

/// Of `alarms`.
#[derive(Debug, Args)]
pub(crate) struct AlarmsArgs {
    /// Complex id
    pub(crate) complex: ComplexId,

    /// First instant by the devices' clocks (RFC 3339) [default: the beginning]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,

    /// First instant after it [default: no end]
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,

    /// Only of this kind, e.g. CONTRADICTION; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    pub(crate) kinds: Vec<String>,

    /// Only of this device
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<DeviceId>,
}

/// Of `login`.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Prints the address to open instead of opening it
    #[arg(long)]
    pub(crate) no_browser: bool,

    /// Asks for a new login, also where the last one can be renewed
    #[arg(long)]
    pub(crate) again: bool,
}

/// Of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Files of documents, or folders of such files (.yaml, .yml, .json)
    #[arg(short, long = "filename", value_name = "DIR|FILE", required = true, num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,

    /// Why, for the record; must not name a person
    #[arg(long, value_name = "WHY", default_value = "", value_parser = note, hide_default_value = true)]
    pub(crate) note: String,

    /// Only shows what would change; exits with 0 whatever that is
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Does not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Complex that they live in; it must be registered
    pub(crate) complex: ComplexId,

    /// Residents (CSV)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Why, for the record; must not name a person
    #[arg(long, value_name = "WHY", default_value = "", value_parser = note, hide_default_value = true, required_unless_present = "dry_run")]
    pub(crate) note: String,

    /// Only says what would change, and what is wrong; nobody gets a reference
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Does not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// Imports the good lines if there are bad ones
    #[arg(long)]
    pub(crate) skip_bad: bool,

    /// Writes all that is wrong to a file (CSV: line, column, problem)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Of `get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Complex id, or `global` for the partners
    pub(crate) complex: ComplexId,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    pub(crate) output: Format,
}

/// Of `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Complex id, or `global` for the partners
    pub(crate) complex: ComplexId,

    /// Only changes of one entity: what it is
    #[arg(value_enum, requires = "id")]
    pub(crate) kind: Option<Kind>,

    /// Its id; for the complex itself its own
    pub(crate) id: Option<String>,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    pub(crate) output: Format,
}

/// Of `partner`.
#[derive(Debug, Args)]
pub(crate) struct PartnerArgs {
    #[command(subcommand)]
    pub(crate) command: PartnerCommand,
}

/// What to do with a partner.
#[derive(Debug, Subcommand)]
pub(crate) enum PartnerCommand {
    /// Asks a partner for what it must refuse, and shows whether it does; opens nothing
    #[command(after_help = CHECKS)]
    Verify(VerifyArgs),
}

/// Of `partner verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Complex id
    pub(crate) complex: ComplexId,

    /// Partner id
    pub(crate) partner: PartnerId,
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Complex,
    Device,
    Partner,
    Perimeter,
    Resident,
    Grant,
    GuestPass,
    Credential,
    Building,
    Entrance,
}

/// Of `provisioning`.
#[derive(Debug, Args)]
pub(crate) struct ProvisioningArgs {
    /// Complex id
    pub(crate) complex: ComplexId,

    /// Every credential, not only those that are not in force
    #[arg(long)]
    pub(crate) all: bool,
}

/// How documents are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One document after the other.
    Yaml,
    /// One array.
    Json,
}

fn note(text: &str) -> Result<String, &'static str> {
    if text.chars().count() <= 200 && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("expected at most 200 printable characters")
    }
}

/// Of `subject`.
#[derive(Debug, Args)]
pub(crate) struct SubjectArgs {
    #[command(subcommand)]
    pub(crate) command: SubjectCommand,
}

/// What to do about a person.
#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Gives a user a reference, which an auditor needs to be let read; prints it
    Register(RegisterArgs),
    /// Writes identity, rights and plates to a file that only you may read (JSON)
    Export(ExportArgs),
    /// Shows what will go, asks, and erases step by step until it is verified
    Erase(EraseArgs),
    /// Places a legal hold: nothing is erased in the complex until it is released
    Hold(HoldArgs),
    /// Releases a legal hold
    Release(HoldArgs),
}

/// Who it is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct PersonArgs {
    /// Reference of the person
    #[arg(long, value_name = "UUID", conflicts_with_all = ["issuer", "user_id_file"])]
    pub(crate) subject: Option<Uuid>,

    /// Issuer URL of the user's tokens
    #[arg(long, value_name = "URL", requires = "user_id_file")]
    pub(crate) issuer: Option<String>,

    /// File with the user id, - for the standard input
    #[arg(long, value_name = "FILE", requires = "issuer")]
    pub(crate) user_id_file: Option<PathBuf>,
}

/// Of `subject register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// Issuer URL of the user's tokens
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,

    /// File with the user id, - for the standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) user_id_file: PathBuf,
}

/// Of `subject export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) person: PersonArgs,

    /// Only this complex [default: all of yours]
    #[arg(long)]
    pub(crate) complex: Option<ComplexId>,

    /// File to write; it must not be there
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Of `subject erase`.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    pub(crate) person: PersonArgs,

    /// Only from this complex [default: all of yours]
    #[arg(long)]
    pub(crate) complex: Option<ComplexId>,

    /// Does not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// How many seconds to wait until it is verified
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) wait: u64,
}

/// Of `subject hold` and `subject release`.
#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    #[command(flatten)]
    pub(crate) person: PersonArgs,

    /// Complex of the hold
    #[arg(long)]
    pub(crate) complex: ComplexId,

    /// Why, for the record; must not name a person
    #[arg(long, value_name = "WHY", value_parser = reason)]
    pub(crate) reason: String,
}

fn reason(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        return Err("expected why, in at most 200 printable characters");
    }
    note(text)
}
