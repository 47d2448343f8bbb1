//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{ComplexId, PartnerId};
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
  Complex     complex_id, name, time_zone (IANA)
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
              window, key_version, revoked
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

const CHECKS: &str = r#"Verdicts:
  refused   for want of authorization, as it must be
  ACCEPTED  a finding: it was done, or refused only for a reason that comes after authorization
  unclear   nothing is proven
  not yet   a token has to expire first; the service keeps one for it

An open that is tried has expired before it is sent, and its command id is forbidden by then, so
that nothing opens. The same token over another certificate is not tried: the service has only one.

Exit codes: 0 all was refused; 1 anything else; 2 wrong usage or configuration."#;

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
    /// Partners
    Partner(PartnerArgs),
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
