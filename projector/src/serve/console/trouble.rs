//! Why there is no page, in plain words. Another complex is told as one that there isn't.

use askama::Template;
use axum::http::StatusCode;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::page::Page;

/// The page in place of one that can't be had.
#[derive(Template)]
#[template(path = "trouble.html")]
pub(super) struct Trouble {
    page: Page,
    pub(super) status: StatusCode,
    title: &'static str,
    text: &'static str,
    reason: String,
    /// Fields that can't be taken, with why.
    wrong: Vec<(String, String)>,
}

impl Trouble {
    /// Of a call's refusal.
    pub(super) fn of(page: Page, status: &Status) -> Self {
        let reason = status.get_details_error_info();
        let reason = reason.map(|info| info.reason).unwrap_or_default();
        let request = status.get_details_bad_request().into_iter();
        let wrong = request.flat_map(|request| request.field_violations);
        let (code, title, text) = told(&page, status.code(), &reason);
        Self {
            page,
            status: code,
            title,
            text,
            reason,
            wrong: wrong.map(|one| (one.field, one.description)).collect(),
        }
    }

    /// What it says, in a line.
    pub(super) fn words(&self) -> String {
        format!("{}. {}", self.title, self.text)
    }
}

fn told(page: &Page, code: Code, reason: &str) -> (StatusCode, &'static str, &'static str) {
    match (code, reason) {
        (Code::NotFound, "LEAF_PRUNED") => (
            StatusCode::GONE,
            page.t("The record is no longer kept", "Запись больше не хранится"),
            page.t("Its time has passed; its hash still stands in the log's tree.", "Её срок прошёл; её хеш остаётся в дереве журнала."),
        ),
        (Code::NotFound, _) => (
            StatusCode::NOT_FOUND,
            page.t("There is nothing here", "Здесь ничего нет"),
            page.t("No such page, record or complex, or it is not yours to see.", "Нет такой страницы, записи или комплекса, или они не в вашем периметре."),
        ),
        (Code::PermissionDenied, "READER_UNKNOWN") => (
            StatusCode::FORBIDDEN,
            page.t("You are not registered as a reader", "Вы не зарегистрированы как читатель"),
            page.t("Whoever reads is recorded, so a reader must be known first. Ask an operator to register you.", "Каждое чтение записывается, поэтому читатель должен быть известен. Попросите оператора вас зарегистрировать."),
        ),
        // Another login at the same provider would give another such token.
        (Code::Unauthenticated, _) => (
            StatusCode::FORBIDDEN,
            page.t("Your login is not good for this service", "Ваш вход не годится для этого сервиса"),
            page.t("The provider gave a token that the service does not take. Tell an operator the word below.", "Сервер входа выдал токен, который сервис не принимает. Сообщите оператору слово ниже."),
        ),
        (Code::PermissionDenied, _) => (
            StatusCode::FORBIDDEN,
            page.t("This is for auditors", "Это для аудиторов"),
            page.t("Your login lacks the role of an auditor.", "У вашего входа нет роли аудитора."),
        ),
        (Code::ResourceExhausted, "TOO_MANY_CALLS") => (
            StatusCode::SERVICE_UNAVAILABLE,
            page.t("Too much at once", "Слишком много сразу"),
            page.t("Others are asking or exporting just now. Try again in a minute.", "Сейчас читают или выгружают другие. Повторите через минуту."),
        ),
        (Code::Unavailable, "EXPORT_NO_ROOM") => (
            StatusCode::SERVICE_UNAVAILABLE,
            page.t("There is no room for an archive", "Для архива нет места"),
            page.t("The service has no room for temporary files. Tell its operator, or ask for a shorter period.", "У сервиса нет места для временных файлов. Сообщите оператору или возьмите период короче."),
        ),
        (Code::DeadlineExceeded, _) => (
            StatusCode::SERVICE_UNAVAILABLE,
            page.t("It took too long", "Вышло слишком долго"),
            page.t("Ask for a shorter period.", "Возьмите период короче."),
        ),
        (Code::InvalidArgument | Code::OutOfRange, _) => (
            StatusCode::BAD_REQUEST,
            page.t("The address asks for something that can't be", "Адрес просит невозможного"),
            page.t("Go back and correct the fields, or ask for a shorter period.", "Вернитесь и исправьте поля или возьмите период короче."),
        ),
        (Code::DataLoss, _) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            page.t("The audit log contradicts itself", "Журнал аудита противоречит сам себе"),
            page.t("Tell its operator now, and keep what you have: this must never happen.", "Сообщите оператору немедленно и сохраните то, что у вас есть: такого не должно быть никогда."),
        ),
        (Code::Internal | Code::Unknown, _) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            page.t("The service has failed", "Сбой сервиса"),
            page.t("Try again; if it stays so, tell the operator.", "Повторите; если не пройдёт, сообщите оператору."),
        ),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            page.t("Not now", "Не сейчас"),
            page.t("Something that is needed is not available at the moment. Try again shortly.", "Что-то нужное сейчас недоступно. Повторите чуть позже."),
        ),
    }
}
