//! `credential` on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{ComplexId, CredentialId, DeviceId, SubjectRef};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::scalar;

const CREDENTIALS: &str = r#"Example:
  smarthomectl credential add-plate sunrise 0198c5f0-… --device sunrise.north-gate < plate.txt
  smarthomectl credential add-face sunrise 0198c5f0-… --device sunrise.main-door \
      --consent 2026-01-12 --weekdays 1,2,3,4,5 --from 08:00 --until 20:00 --file reference.txt

The plate, or the partner's own reference to the face, is read from standard input or a file: never
from the command line, which other users of the machine can see and shells keep. It is sealed by the
service at once and never printed.

A face takes a legal basis of the complex besides (face_basis of its document; see apply --help).
Leaving it out there, or the credential's basis, or revoking the credential, takes the face from the
partner at once.

Exit codes: 0 the partner holds it; 1 refused or failed; 2 wrong usage or configuration."#;

/// Of `credential`.
#[derive(Debug, Args)]
pub(crate) struct CredentialArgs {
    #[command(subcommand)]
    pub(crate) command: CredentialCommand,
}

/// What to do with a credential.
#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Registers the plate of a resident's car, and has the partner's cameras open for it
    #[command(after_help = CREDENTIALS)]
    AddPlate(CredentialToAdd),
    /// Registers a face that was enrolled at the partner, and has its cameras open for it
    #[command(after_help = CREDENTIALS)]
    AddFace(FaceToAdd),
}

/// Of `credential add-face`.
#[derive(Debug, Args)]
pub(crate) struct FaceToAdd {
    #[command(flatten)]
    pub(crate) credential: CredentialToAdd,

    /// Day of the resident's consent in writing (152-FZ, art. 11), e.g. 2026-01-12
    #[arg(long, value_name = "DATE")]
    pub(crate) consent: Date,
}

/// Of both.
#[derive(Debug, Args)]
pub(crate) struct CredentialToAdd {
    /// Complex id
    pub(crate) complex: ComplexId,

    /// Reference of the resident
    pub(crate) subject: SubjectRef,

    /// Devices that open, all of one partner
    #[arg(short, long = "device", value_name = "DEVICE", required = true, num_args = 1..)]
    pub(crate) devices: Vec<DeviceId>,

    /// File that holds the plate or the reference, and nothing else [default: standard input]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Id of the credential, to repeat a call that failed [default: a new one, which is printed]
    #[arg(long, value_name = "UUID")]
    pub(crate) id: Option<CredentialId>,

    /// First instant at which it opens (RFC 3339) [default: always]
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<Timestamp>,

    /// First instant at which it no longer opens (RFC 3339) [default: never]
    #[arg(long, value_name = "TIME")]
    pub(crate) not_after: Option<Timestamp>,

    /// Weekdays in the complex's time zone, 1 is Monday, e.g. 1,2,3 [default: all]
    #[arg(long, value_name = "DAYS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=7))]
    pub(crate) weekdays: Vec<u32>,

    /// First minute of the day, e.g. 09:00; later than --until for nights
    #[arg(long, value_name = "HH:MM", value_parser = scalar::minute_of, requires = "until")]
    pub(crate) from: Option<u16>,

    /// First minute at which it no longer opens, e.g. 18:00
    #[arg(long, value_name = "HH:MM", value_parser = scalar::minute_of, requires = "from")]
    pub(crate) until: Option<u16>,
}
