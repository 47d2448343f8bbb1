//! What is asked about witnesses, and about keys that are made here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use url::Url;
use witness::WitnessKey;

use super::SourceArgs;

/// Who must have seen a log.
#[derive(Debug, Default, Args)]
pub(crate) struct WitnessedArgs {
    /// Witness that must have cosigned a checkpoint of each log: its verifier key
    #[arg(long = "witness", value_name = "VKEY")]
    pub(crate) witnesses: Vec<WitnessKey>,

    /// How many of these witnesses are enough [default: all of them]
    #[arg(long, value_name = "N", requires = "witnesses", value_parser = at_least_one)]
    pub(crate) quorum: Option<usize>,
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number, 1 or more"),
        Ok(number) => Ok(number),
    }
}

/// Of `witness`.
#[derive(Debug, Args)]
pub(crate) struct WitnessArgs {
    /// Where to listen: an address of this machine alone
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,

    /// Verifier key of the logs that are witnessed, or a file of such
    #[arg(long = "key", value_name = "VKEY|FILE", required = true)]
    pub(crate) keys: Vec<String>,

    /// The witness' own key, as `witness-key` wrote it
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: PathBuf,

    /// Folder in which the last checkpoint of each log is kept
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: PathBuf,
}

/// Of `witness-key`.
#[derive(Debug, Args)]
pub(crate) struct WitnessKeyArgs {
    /// The witness' name, such as witness.example.org/w1
    pub(crate) name: String,

    /// File to write the private key to; it must not be there
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Of `checkpoint-key`.
#[derive(Debug, Args)]
pub(crate) struct CheckpointKeyArgs {
    /// What the origins of all logs of the installation begin with (`audit.origin`)
    pub(crate) origin: String,

    /// File to write the private key to; it must not be there
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Of `cosign`.
#[derive(Debug, Args)]
pub(crate) struct CosignArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,

    /// Address of the witness; plain HTTP only on this machine
    #[arg(long, value_name = "URL")]
    pub(crate) witness: Url,

    /// Its verifier key
    #[arg(long, value_name = "VKEY")]
    pub(crate) witness_key: WitnessKey,

    /// File to write the cosigned checkpoint to; it must not be there
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
