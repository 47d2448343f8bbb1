//! Why something was decided or ended so, in a word and in plain words.

use domain::vocabulary::Reason;

use super::lang::Lang;
use super::words::Choices;

/// In a word.
pub(super) fn reason(lang: Lang, number: i32) -> &'static str {
    told(lang, number).0
}

/// In a sentence that somebody understands who doesn't know the service.
pub(super) fn explained(lang: Lang, number: i32) -> &'static str {
    told(lang, number).1
}

pub(super) fn reasons(lang: Lang) -> Choices {
    let all = Reason::ALL.iter();
    all.map(|value| (value.number(), reason(lang, value.number())))
        .collect()
}

fn told(lang: Lang, number: i32) -> (&'static str, &'static str) {
    let Some(reason) = Reason::from_number(number) else {
        return ("—", "");
    };
    match lang {
        Lang::En => english(reason),
        Lang::Ru => russian(reason),
    }
}

fn english(reason: Reason) -> (&'static str, &'static str) {
    use Reason as R;
    match reason {
        R::Granted => (
            "a right covers it",
            "A right that stood in the registry at that moment covers this device, at this time.",
        ),
        R::NoGrant => (
            "no right",
            "No right covers the device, or there is no such device: the two look the same on purpose.",
        ),
        R::GrantRevoked => (
            "right withdrawn",
            "The right was withdrawn, or the resident has moved out.",
        ),
        R::OutsideWindow => (
            "outside its hours",
            "The right does not hold at this time of the complex's clocks.",
        ),
        R::UsesExhausted => (
            "no uses left",
            "The guest pass had been used as often as it may be.",
        ),
        R::DeviceDisabled => (
            "device disabled",
            "An operator has taken the device out of use.",
        ),
        R::OutOfPerimeter => (
            "outside the partner's perimeter",
            "The partner may not act in this complex, or not in this way.",
        ),
        R::OperationNotAllowed => (
            "device can't do that",
            "The device does not have this operation.",
        ),
        R::PartnerSuspended => (
            "partner suspended",
            "An operator has suspended the partner that runs the device.",
        ),
        R::StepUpRequired => (
            "fresh login required",
            "The device opens only to somebody who has logged in recently, or more strongly.",
        ),
        R::CommandExpired => (
            "command too late",
            "The command's time had passed before it could be carried out.",
        ),
        R::Cooldown => (
            "too soon after another opening",
            "The device had been opened moments before, and has a pause between openings.",
        ),
        R::RegistryStale => (
            "registry not up to date",
            "The service did not know the newest rights in time, so it refused rather than guess.",
        ),
        R::PartnerExecuted => (
            "partner did it",
            "The partner answered that the device was opened.",
        ),
        R::PartnerRejected => (
            "partner said no",
            "The partner answered that it would not open.",
        ),
        R::DeviceOffline => (
            "device offline",
            "The partner answered that the device can't be reached.",
        ),
        R::PartnerUnreachable => (
            "partner not reached",
            "The request was never sent: there was no connection to the partner.",
        ),
        R::PartnerSilent => (
            "partner silent",
            "The request was sent and not answered; nobody can say yet what happened.",
        ),
        R::PartnerUnintelligible => (
            "answer not understood",
            "The partner's answer could not be read; nobody can say yet what happened.",
        ),
        R::Fenced => (
            "fenced off",
            "The partner has promised never to carry it out any more.",
        ),
        R::PartnerOverloaded => (
            "partner had no room",
            "The partner had no room for it, or was out of service; it will not be carried out.",
        ),
        R::PartnerReported => (
            "reported by an event",
            "The partner did not answer, but an access event of its own says what happened.",
        ),
    }
}

fn russian(reason: Reason) -> (&'static str, &'static str) {
    use Reason as R;
    match reason {
        R::Granted => (
            "есть право",
            "Право, записанное в реестре на тот момент, распространяется на это устройство в это время.",
        ),
        R::NoGrant => (
            "права нет",
            "Ни одно право не распространяется на устройство, или такого устройства нет: снаружи это нарочно не различить.",
        ),
        R::GrantRevoked => ("право отозвано", "Право отозвано, или житель выехал."),
        R::OutsideWindow => (
            "вне часов действия",
            "В это время по часам комплекса право не действует.",
        ),
        R::UsesExhausted => (
            "проходы исчерпаны",
            "Гостевой пропуск использован столько раз, сколько разрешено.",
        ),
        R::DeviceDisabled => (
            "устройство отключено",
            "Оператор вывел устройство из работы.",
        ),
        R::OutOfPerimeter => (
            "вне периметра партнёра",
            "Партнёр не вправе действовать в этом комплексе или таким образом.",
        ),
        R::OperationNotAllowed => (
            "устройство этого не умеет",
            "У устройства нет такой операции.",
        ),
        R::PartnerSuspended => (
            "партнёр приостановлен",
            "Оператор приостановил партнёра, который управляет устройством.",
        ),
        R::StepUpRequired => (
            "нужен свежий вход",
            "Устройство открывается только тем, кто вошёл недавно или надёжнее.",
        ),
        R::CommandExpired => (
            "команда опоздала",
            "Срок команды истёк раньше, чем её можно было выполнить.",
        ),
        R::Cooldown => (
            "слишком скоро после открытия",
            "Устройство только что открывали, а между открытиями положена пауза.",
        ),
        R::RegistryStale => (
            "реестр не обновлён",
            "Сервис не успел узнать последние права и отказал, чтобы не гадать.",
        ),
        R::PartnerExecuted => (
            "партнёр выполнил",
            "Партнёр ответил, что устройство открыто.",
        ),
        R::PartnerRejected => ("партнёр отказал", "Партнёр ответил, что не откроет."),
        R::DeviceOffline => (
            "устройство не на связи",
            "Партнёр ответил, что устройство недоступно.",
        ),
        R::PartnerUnreachable => (
            "партнёр недоступен",
            "Запрос не был отправлен: соединения с партнёром не было.",
        ),
        R::PartnerSilent => (
            "партнёр молчит",
            "Запрос отправлен, ответа нет; пока никто не может сказать, что произошло.",
        ),
        R::PartnerUnintelligible => (
            "ответ не понят",
            "Ответ партнёра не удалось прочитать; пока никто не может сказать, что произошло.",
        ),
        R::Fenced => (
            "отменено наверняка",
            "Партнёр пообещал больше никогда не выполнять эту команду.",
        ),
        R::PartnerOverloaded => (
            "партнёр перегружен",
            "У партнёра не было места, или он не работал; команда выполнена не будет.",
        ),
        R::PartnerReported => (
            "известно из события",
            "Партнёр не ответил, но его собственное событие говорит, что произошло.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_explained_in_both_languages() {
        for reason in Reason::ALL {
            let (short, long) = english(*reason);
            let (word, sentence) = russian(*reason);
            assert!(!short.is_empty() && long.ends_with('.'), "{reason}");
            assert!(!word.is_empty() && sentence.ends_with('.'), "{reason}");
            let cyrillic = |text: &str| text.chars().any(|c| ('а'..='я').contains(&c));
            assert!(cyrillic(sentence) && !cyrillic(long), "{reason}");
        }
    }
}
