//! Exports that run or have just ended, so that the page that began one can say how far it is.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use proto::access::ExportEnd;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::lang::Lang;
use super::page::Page;
use super::trouble::Trouble;
use super::visit::Visit;
use crate::serve::export::Progress;

/// How many are remembered, those of all logins together.
const KEPT: usize = 64;

/// The newest of them.
#[derive(Default)]
pub(super) struct Exports(Mutex<VecDeque<(Key, Arc<Watched>)>>);

/// The login that began it, by what its forms bring back, and what it named it.
type Key = (String, String);

/// One export.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) progress: Arc<Progress>,
    ended: OnceLock<Ended>,
}

/// What became of one.
pub(super) enum Ended {
    /// All of it went out.
    Whole(ExportEnd),
    Failed(Status),
    /// Whoever took it takes no more.
    GivenUp,
}

impl Watched {
    /// It ends, for the first time.
    pub(super) fn end(&self, ended: Ended) {
        let _ = self.ended.set(ended);
    }
}

impl Exports {
    /// Remembers one.
    pub(super) fn add(&self, login: &str, id: &str, watched: &Arc<Watched>) {
        // As long as ids are that pages make.
        let id: String = id.chars().take(36).collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(((login.to_owned(), id), Arc::clone(watched)));
    }

    fn get(&self, login: &str, id: &str) -> Option<Arc<Watched>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|((of, own), _)| of == login && own == id);
        found.map(|(_, watched)| Arc::clone(watched))
    }
}

/// Which one.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    id: String,
}

/// How far one is, as a page shows it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Told {
    /// `proving`, `sending`, `whole` or `failed`.
    state: &'static str,
    /// In hundredths of a percent of this state's work.
    done: u64,
    text: String,
}

/// `GET /c/{complex}/export/progress`: of an export of this login, as JSON.
pub(super) async fn show(
    visit: Visit,
    Path(complex): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    if let Err(refusal) = visit.readable(&complex).await {
        return visit.refused(&refusal.into());
    }
    match visit.site.exports.get(visit.csrf(), &asked.id) {
        Some(watched) => Json(told(visit.lang, &watched)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn told(lang: Lang, watched: &Watched) -> Told {
    let progress = &watched.progress;
    let [leaves, looked, size, sent] = [
        &progress.leaves,
        &progress.looked,
        &progress.size,
        &progress.sent,
    ]
    .map(|one| one.load(Relaxed));
    let share = |part: u64, whole: u64| part.min(whole) * 10_000 / whole.max(1);
    match watched.ended.get() {
        Some(Ended::Whole(end)) => Told {
            state: "whole",
            done: 10_000,
            text: format!(
                "{} {}. SHA-256 {}",
                lang.t("Downloaded:", "Скачано:"),
                bytes(lang, end.size),
                hex(&end.sha256)
            ),
        },
        Some(Ended::Failed(status)) => Told {
            state: "failed",
            done: 0,
            text: format!(
                "{} {}",
                lang.t(
                    "The archive was cut off and is worth nothing.",
                    "Архив оборвался и ничего не стоит."
                ),
                Trouble::of(Page::outside(lang), status).words()
            ),
        },
        Some(Ended::GivenUp) => Told {
            state: "failed",
            done: 0,
            text: lang
                .t(
                    "The download was stopped; what has arrived is no archive. Begin again.",
                    "Загрузка остановлена; то, что пришло, не архив. Начните заново.",
                )
                .to_owned(),
        },
        None if size > 0 => Told {
            state: "sending",
            done: share(sent, size),
            text: format!(
                "{} {} {} {}",
                lang.t("Downloading:", "Скачивается:"),
                bytes(lang, sent),
                lang.t("of", "из"),
                bytes(lang, size)
            ),
        },
        None => Told {
            state: "proving",
            done: share(looked, leaves),
            text: lang
                .t("The logs are being proven…", "Доказываются журналы…")
                .to_owned(),
        },
    }
}

/// A number of bytes in few characters.
fn bytes(lang: Lang, bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000_000 => (1_000, lang.t("kB", "кБ")),
        1_000_000..1_000_000_000 => (1_000_000, lang.t("MB", "МБ")),
        _ => (1_000_000_000, lang.t("GB", "ГБ")),
    };
    let tenths = bytes * 10 / unit;
    let point = lang.t(".", ",");
    format!("{}{point}{} {name}", tenths / 10, tenths % 10)
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_told_by_how_far_it_is_and_how_it_ended() {
        let watched = Watched::default();
        let now = |lang| told(lang, &watched);
        assert_eq!((now(Lang::En).state, now(Lang::En).done), ("proving", 0));
        watched.progress.leaves.store(8, Relaxed);
        watched.progress.looked.store(2, Relaxed);
        assert_eq!(now(Lang::En).done, 2_500);
        watched.progress.size.store(3_456_789, Relaxed);
        watched.progress.sent.store(1_200_000, Relaxed);
        let sending = now(Lang::Ru);
        assert_eq!((sending.state, sending.done), ("sending", 3_471));
        assert_eq!(sending.text, "Скачивается: 1,2 МБ из 3,4 МБ");
        watched.end(Ended::Failed(Status::unavailable("")));
        watched.end(Ended::GivenUp);
        let failed = now(Lang::En);
        assert_eq!(failed.state, "failed");
        assert!(failed.text.contains("cut off") && failed.text.ends_with('.'));
    }

    #[test]
    fn the_oldest_are_forgotten_and_no_other_login_sees_one() {
        let exports = Exports::default();
        let of = |number: usize| number.to_string();
        for number in 0..=KEPT {
            exports.add("login", &of(number), &Arc::default());
        }
        assert!(exports.get("login", &of(0)).is_none());
        assert!(exports.get("login", &of(1)).is_some());
        assert!(exports.get("other", &of(1)).is_none());
    }
}
