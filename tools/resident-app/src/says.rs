//! Reasons in plain words (docs/reasons.md).

use crate::lang::Lang;

/// Why nothing was opened, or why nobody knows, for whoever stands before a closed door.
pub(crate) fn why(l: Lang, reason: &str) -> &'static str {
    let (ru, en) = match reason {
        "NO_GRANT" => (
            "У вас нет права открывать это.",
            "You have no right to open this.",
        ),
        "GRANT_REVOKED" => (
            "Ваше право открывать это отозвано. Обратитесь в управляющую компанию.",
            "Your right to open this was withdrawn. Ask the managing company.",
        ),
        "OUTSIDE_WINDOW" => (
            "Сейчас не то время, на которое дано право.",
            "The right does not hold at this time.",
        ),
        "USES_EXHAUSTED" => (
            "Все открытия по этому пропуску использованы.",
            "This pass has no openings left.",
        ),
        "DEVICE_DISABLED" => (
            "Устройство отключено. Почему, знает управляющая компания.",
            "The device is switched off. The managing company knows why.",
        ),
        "OUT_OF_PERIMETER" | "OPERATION_NOT_ALLOWED" | "PARTNER_SUSPENDED" => (
            "Отсюда это сейчас открыть нельзя. Воспользуйтесь ключом.",
            "This can't be opened from here at present. Use your key.",
        ),
        "STEP_UP_REQUIRED" => (
            "Для этого нужен новый вход. Выйдите и войдите снова.",
            "This asks for a fresh login. Log out and in again.",
        ),
        "COMMAND_EXPIRED" => (
            "Запрос устарел. Нажмите ещё раз.",
            "The request became too old. Press again.",
        ),
        "COOLDOWN" => (
            "Открывали мгновение назад. Подождите немного.",
            "It was opened a moment ago. Wait a little.",
        ),
        "RATE_LIMITED" => (
            "Слишком много нажатий. Подождите немного.",
            "Too many presses. Wait a little.",
        ),
        "PASS_UNKNOWN" => (
            "Такого пропуска нет. Попросите у хозяина новую ссылку.",
            "There is no such pass. Ask your host for a new link.",
        ),
        "TOO_MANY_PASSES" => (
            "Пропусков уже столько, сколько можно. Сначала отзовите один.",
            "You have as many passes as you may. Withdraw one first.",
        ),
        "PARTNER_REJECTED" => ("Система доступа отказала.", "The access system refused."),
        "DEVICE_OFFLINE" => (
            "Устройство не на связи. Воспользуйтесь ключом.",
            "The device is offline. Use your key.",
        ),
        "PARTNER_OVERLOADED" | "PARTNER_BUSY" | "BUSY" | "IN_PROGRESS" => (
            "Сейчас слишком много запросов. Попробуйте через несколько секунд.",
            "There are too many requests now. Try again in a few seconds.",
        ),
        "PARTNER_FAILING" | "PARTNER_UNREACHABLE" | "PARTNER_UNAVAILABLE" => (
            "Система доступа не отвечает. Воспользуйтесь ключом.",
            "The access system does not answer. Use your key.",
        ),
        "FENCED" => (
            "Ответ не пришёл вовремя; запрос отменён. Нажмите ещё раз.",
            "The answer came too late; the request was called off. Press again.",
        ),
        _ => (
            "Сейчас не получается. Попробуйте позже или воспользуйтесь ключом.",
            "It does not work now. Try again later, or use your key.",
        ),
    };
    l.t(ru, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reasons that a person at a door may be told, by their headings in docs/reasons.md.
    #[test]
    fn every_denial_and_outcome_has_words_of_its_own() {
        let reasons = include_str!("../../../docs/reasons.md");
        let (_, told) = reasons.split_once("## Denials").unwrap_or_default();
        let told = told.lines().filter_map(|line| line.strip_prefix("### "));
        // Not a refusal, or UNKNOWN, which the page says in words of its own.
        let aside = [
            "GRANTED",
            "PARTNER_EXECUTED",
            "PARTNER_REPORTED",
            "PARTNER_SILENT",
            "PARTNER_UNINTELLIGIBLE",
        ];
        let mut seen = 0;
        for reason in told.filter(|reason| !aside.contains(reason)) {
            seen += 1;
            for l in [Lang::Ru, Lang::En] {
                assert_ne!(why(l, reason), why(l, "INTERNAL"), "{reason}");
            }
        }
        assert!(seen > 12, "{seen}");
    }
}
