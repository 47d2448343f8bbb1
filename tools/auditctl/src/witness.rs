//! `auditctl witness`: cosigns checkpoints of a log that only grew (C2SP tlog-witness).

mod judge;

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;

use ::witness::{Cosigner, Request};
use judge::Refusal;

use crate::cli::{WitnessArgs, WitnessKeyArgs};
use crate::keys::Keys;
use crate::prove::create;
use crate::say::Say;
use crate::stop::Stop;
use crate::watch::{keep, kept, last};

/// The largest request: a checkpoint and a proof fit well.
const MAX_BODY: usize = 64 * 1024;

/// A witness with its memory.
pub(crate) struct Witness {
    keys: Keys,
    cosigner: Cosigner,
    state: PathBuf,
    /// Held from looking at the last checkpoint until the new one is on disk.
    turn: Mutex<()>,
    /// Held as long as it lives: no two have one memory.
    _lock: std::fs::File,
}

/// Makes a key.
pub(crate) fn new_key(args: &WitnessKeyArgs) -> Result<Say, Stop> {
    let made = Cosigner::generate(&args.name);
    let (cosigner, text) = made.map_err(|why| Stop::Usage(why.to_owned()))?;
    create(&args.output, text.as_bytes(), true)?;
    let key = cosigner.key().text();
    let said = json!({ "key": key });
    Ok(Say::new(vec![key], said))
}

/// Serves until it is stopped.
pub(crate) async fn run(args: &WitnessArgs) -> Result<Say, Stop> {
    if !args.listen.ip().is_loopback() {
        return Err(Stop::Usage(format!(
            "{} is not loopback; let a proxy with TLS and limits stand before a witness",
            args.listen
        )));
    }
    let witness = Witness::open(&args.keys, &args.signing_key, &args.state)?;
    let key = witness.cosigner.key().text();
    let listener = listen(args.listen).await?;
    println!("witness {key} listens on {}", args.listen);
    serve(listener, witness).await?;
    Ok(Say::default())
}

async fn listen(at: SocketAddr) -> Result<TcpListener, Stop> {
    let listener = TcpListener::bind(at).await;
    listener.map_err(|error| Stop::Unknown(format!("can't listen on {at}: {error}")))
}

/// Answers at a listener.
pub(crate) async fn serve(listener: TcpListener, witness: Witness) -> Result<(), Stop> {
    let router = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(witness));
    let served = axum::serve(listener, router).await;
    served.map_err(|error| Stop::Unknown(error.to_string()))
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let added = tokio::task::spawn_blocking(move || witness.add(&body, Timestamp::now())).await;
    match added {
        Ok(Ok(Ok(line))) => line.into_response(),
        Ok(Ok(Err(refusal))) => refused(refusal),
        Ok(Err(stop)) => {
            eprintln!("auditctl: {stop}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(refusal: Refusal) -> Response {
    let status = match refusal {
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::Unsigned => StatusCode::FORBIDDEN,
        Refusal::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Conflict(size) => {
            let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
            return (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response();
        }
    };
    status.into_response()
}

impl Witness {
    /// With its key and what it remembers.
    pub(crate) fn open(keys: &[String], signing_key: &Path, state: &Path) -> Result<Self, Stop> {
        let text = std::fs::read_to_string(signing_key);
        let text = text.map_err(|error| Stop::file(signing_key, &error))?;
        let cosigner = Cosigner::parse(&text).ok_or_else(|| {
            let file = signing_key.display();
            Stop::Usage(format!(
                "{file} holds no key of a witness; make one: auditctl witness-key"
            ))
        })?;
        std::fs::create_dir_all(state).map_err(|error| Stop::unwritten(state, &error))?;
        let path = state.join("lock");
        let lock = std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Stop::unwritten(&path, &error))?;
        lock.try_lock()
            .map_err(|_| Stop::Usage(format!("another witness works in {}", state.display())))?;
        Ok(Self {
            keys: Keys::read(keys)?,
            cosigner,
            state: state.to_owned(),
            turn: Mutex::default(),
            _lock: lock,
        })
    }

    /// Cosigns a checkpoint that continues the last one, once it is on disk.
    fn add(&self, body: &[u8], now: Timestamp) -> Result<Result<String, Refusal>, Stop> {
        let request = std::str::from_utf8(body).ok().and_then(Request::parse);
        let Some(request) = request else {
            return Ok(Err(Refusal::Malformed));
        };
        let (log, new) = match judge::checkpoint(&self.keys, &request) {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let path = kept(&self.state, &log);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match path.exists() {
            true => Some(last(&self.keys, &log, &path)?),
            false => None,
        };
        if let Err(refusal) = judge::judge(&request, before.as_ref(), &new) {
            return Ok(Err(refusal));
        }
        let line = self.cosigner.line(new.note(), now);
        let line = line.ok_or_else(|| Stop::Unknown("it can't be signed".to_owned()))?;
        keep(&path, &new)?;
        Ok(Ok(line))
    }
}
