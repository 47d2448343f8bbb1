//! The command line.

mod credential;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{ComplexId, PartnerId};
use uuid::Uuid;

pub(crate) use credential::{CredentialArgs, CredentialCommand, CredentialToAdd, FaceToAdd};
use jiff::Timestamp;

const HELP: &str = r#"Example:
  A configuration, in ~/.config/smarthomectl/config.toml (relative paths start at its folder;
  SMARTHOMECTL__ENDPOINT and the like override single keys):

    endpoint = "https://registry.example:8443"
    token_file = "token"    # an access token of role `operator` for these complexes; chmod 600
    [login]                 # where `smarthomectl login` gets it
    issuer = "https://login.example"
    client_id = "smarthomectl"
    [tls]
    certificate = "operator.crt"
    private_key = "operator.key"
    server_roots = "roots.crt"

  A document, in sunrise.yaml (several in one file are separated by ---):

    kind: Device
    device_id: sunrise.north-gate
    name: North gate
    type: BARRIER
    operations: [OPEN_BARRIER]
    partner_id: gatekeeper
    enabled: true

  smarthomectl login
  smarthomectl apply -f sunrise.yaml --dry-run
  smarthomectl apply -f sunrise.yaml --note "the north gate is in service"
  smarthomectl get sunrise > sunrise.yaml

Exit codes:
  0  done, or nothing to do; of a dry run, whatever it shows
  1  refused or failed
  2  wrong usage, configuration or files; nothing was changed"#;

const DOCUMENTS: &str = r#"Documents, with what each must have; the rest may be left out:
  Complex     complex_id, name, time_zone (IANA); face_basis (type, document_date): the ground on
              which faces may be processed there; without it they may not, and left out it is
              withdrawn: every face is taken from the partners
  Device      device_id, name, type (INTERCOM, DOOR, GATE, BARRIER), partner_id, enabled;
              operations (OPEN_DOOR, OPEN_BARRIER), cooldown_ms,
              step_up (max_age_seconds; acr), building_id or entrance_id (where it stands)
  Building    building_id (<complex>.<building>), name
  Entrance    entrance_id (<complex>.<entrance>), building_id, name
  Partner     partner_id, name, webhook_san, attestation_key (base64); suspended
  Perimeter   complex_id, partner_id; operations, credentials, not_before, not_after, closed
  Resident    complex_id, subject_ref, active
  Grant       complex_id, grant_id, subject_ref, role (OWNER, HOUSEHOLD, STAFF);
              device_ids, building_ids, entrance_ids (none of the three is all of the complex),
              window, revoked
  GuestPass   complex_id, pass_id, secret_hash (SHA-256, base64), grant_id, device_ids;
              window, max_uses, revoked
  Credential  complex_id, credential_id, type (PLATE, FACE), subject_ref or pass_id, device_ids;
              window, key_version, revoked, basis (type, document_date: of a FACE, the person's
              consent; left out it is withdrawn)
  A legal basis is of type CONSENT_IN_WRITING (152-FZ, art. 11) and has the date of the document.
  A window has not_before and not_after (RFC 3339, the end is exclusive), weekdays (1 is Monday)
  and from and until ("22:00", in the complex's zone). A flag that is left out is false.

Partners are changed first, then each complex, all of it or nothing. What the files do not name is
not touched. The same change is made once, however often it is run.

Exit codes: 0 done, nothing to do, or a dry run; 1 refused or failed; 2 wrong usage or files."#;

const RESIDENTS: &str = r#"Example, in residents.csv:
  issuer,user_id,role,device_ids,not_before,not_after
  https://login.example,4711,OWNER,,,
  https://login.example,4712,HOUSEHOLD,,,2027-01-01T00:00:00+03:00
  https://login.example,9001,STAFF,sunrise.main-door sunrise.north-gate,2026-03-01T00:00:00+03:00,

Columns, in any order; separated by , or by ; (the header decides); in UTF-8:
  issuer      URL of the login service, as it stands in the users' tokens (`iss`)
  user_id     the user there (`sub`); it is sealed at once, and never printed
  role        OWNER, HOUSEHOLD or STAFF
  device_ids, building_ids, entrance_ids
              separated by spaces, or by ; in quotes; none of the three is all of the complex
  not_before  first instant of the right (RFC 3339); none is always
  not_after   first instant after it; none is for ever
  grant_id    UUID of the grant; none is one that is made of the right itself
The first three must be there. A person with several rights has several lines.

Every line becomes a resident and a grant. What no line names is not touched. The same file again
changes nothing, so that a run that was cut is simply repeated. Nothing is imported if any line is
bad, unless --skip-bad says so.

Exit codes: 0 done, nothing to do, or a dry run; 1 refused or failed, or bad lines were left out;
2 wrong usage or configuration, or bad lines, and nothing was changed."#;

const HISTORY: &str = r#"Example:
  smarthomectl history sunrise
  smarthomectl history sunrise device sunrise.north-gate
  smarthomectl history global partner gatekeeper

For every change set: where it stands in the log, when the log took it in, who asked for it (a
reference; the audit console shows who that is) and through which certificate, why, each entity as
it was to be and the version that this made, and, where it changed nothing, why not.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

const CHECKS: &str = r#"Verdicts:
  refused   for want of authorization, as it must be
  ACCEPTED  a finding: it was done, or refused only for a reason that comes after authorization
  unclear   nothing is proven
  not yet   a token has to expire first; the service keeps one for it

An open that is tried has expired before it is sent, and its command id is forbidden by then, so
that nothing opens. The same token over another certificate is not tried: the service has only one.

Exit codes: 0 all was refused; 1 anything else; 2 wrong usage or configuration."#;

const PERSONS: &str = r#"A person is named by the reference that records show (--subject), or by issuer and user id; the user
id stands in a file (- for the standard input), so that no list of processes shows it.

Only what belongs to the complexes of your token is seen and erased. The identity goes with the last
complex that knows the person. Each call is recorded in the registry of the complexes it is about.

Steps of an erasure:
  rights    residency, grants, passes and credentials are withdrawn
  partners  every partner has deleted the credentials, and says so when asked
  record    SubjectErased stands in each complex's registry
  items     the sealed identity and plates are erased
  bytes     nothing of them can be read from the log any more; on Kafka this may take a day

Exit codes: 0 done; 1 refused, failed, or still being erased; 2 wrong usage or configuration."#;
const PROVISIONING: &str = r#"States:
  in force        the partner holds it as it should
  PENDING         it should and does not yet; the service goes on trying
  BEING REMOVED   it must not hold it, and is not known to have deleted it yet

When it was last compared, and when it is tried again, only the instance of command-svc knows that
works on the complex; any other says what the log does.

Exit codes: 0 all is in force; 1 something is not, or failed; 2 wrong usage or configuration."#;
const EGRESS: &str = r#"Example:
  smarthomectl egress sunrise --from 2026-11-01T00:00:00+03:00 --to 2026-12-01T00:00:00+03:00

Each instance of the service records what it has sent once an hour, where nothing else is configured,
and when it stops. What is newer is not in the report yet; what a killed process had sent since its
last record is in its metrics alone. Only records that the service signed are counted.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

const LOGIN: &str = r#"The configuration says where, in its section [login]:
  issuer     URL of the login service, as it stands in the tokens (`iss`)
  client_id  this tool's name there: a public client, redirected to http://127.0.0.1/callback on any
             port
  scope      what is asked for ["openid access"]
  resource   the service that the token is for (RFC 8707), or
  audience   the same, where the issuer calls it so
  ca_file    roots (PEM) of the issuer's certificate, besides the system's

The token is written to `token_file`, what renews it beside it in `token_file`.login, both for you
alone. Every command renews a token that has expired, or says that you must log in again. The browser
must run on this machine: the issuer sends it to a port of 127.0.0.1.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration."#;

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
