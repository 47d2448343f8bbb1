//! The log's vocabulary in plain words.

use domain::vocabulary::{
    ActorKind, Automation, DoorPosition, LockState, Method, Observation, Operation, Outcome, Power,
    ReadMethod, Reason, Resolution, Verdict,
};
use proto::access::{AccessKind, AlarmKind};

use super::lang::Lang;

/// The values of a vocabulary, as a form lists them: number and word.
pub(super) type Choices = Vec<(i32, &'static str)>;

/// A word for each value; what has none is told as a dash. With a second name, the values as a form
/// lists them.
macro_rules! words {
    ($name:ident, $choices:ident, $type:ident { $($variant:ident => $en:literal / $ru:literal,)* }) => {
        words!($name, $type { $($variant => $en / $ru,)* });

        pub(super) fn $choices(lang: Lang) -> Choices {
            let all = $type::ALL.iter();
            all.map(|value| (value.number(), $name(lang, value.number())))
                .collect()
        }
    };
    ($name:ident, $type:ident { $($variant:ident => $en:literal / $ru:literal,)* }) => {
        pub(super) fn $name(lang: Lang, number: i32) -> &'static str {
            match $type::from_number(number) {
                $(Some($type::$variant) => lang.t($en, $ru),)*
                None => "—",
            }
        }
    };
}

words!(verdict, verdicts, Verdict {
    Allow => "allowed" / "разрешено",
    Deny => "denied" / "отказано",
});

words!(outcome, outcomes, Outcome {
    Executed => "opened" / "открыто",
    Rejected => "refused by the partner" / "партнёр отказал",
    NotExecuted => "not opened" / "не открыто",
    Unknown => "unknown" / "неизвестно",
});

words!(actor, actors, ActorKind {
    Owner => "resident" / "житель",
    Guest => "guest" / "гость",
    AtDevice => "at the device" / "у устройства",
    Operator => "operator" / "оператор",
    Service => "the service" / "сам сервис",
    Auditor => "auditor" / "аудитор",
});

words!(method, methods, Method {
    Plate => "number plate" / "номер машины",
    Face => "face" / "лицо",
    Schedule => "schedule" / "расписание",
    Remote => "remote command" / "удалённая команда",
    IntercomCall => "intercom call" / "звонок в домофон",
    Fob => "fob" / "брелок",
    Pin => "PIN" / "код",
    ExitButton => "exit button" / "кнопка выхода",
    Key => "key" / "ключ",
    Staff => "staff" / "персонал",
});

words!(automation, automations, Automation {
    Automatic => "automatic" / "автоматически",
    Manual => "manual" / "вручную",
});

words!(observation, Observation {
    Granted => "let in" / "впустил",
    Denied => "refused" / "не впустил",
    ForcedOpen => "forced open" / "взлом двери",
    HeldOpen => "held open" / "дверь удержана открытой",
});

words!(operation, Operation {
    OpenDoor => "open the door" / "открыть дверь",
    OpenBarrier => "open the barrier" / "открыть шлагбаум",
});

words!(resolution, Resolution {
    Resolved => "one holder is known" / "владелец известен",
    Ambiguous => "more than one holder" / "владельцев больше одного",
    NotIdentified => "nobody is identified" / "никто не опознан",
    Erased => "the holder was erased" / "владелец удалён",
});

words!(lock, LockState {
    Locked => "locked" / "заперт",
    Unlocked => "unlocked" / "не заперт",
});

words!(door, DoorPosition {
    Open => "open" / "открыта",
    Closed => "closed" / "закрыта",
});

words!(power, Power {
    Mains => "mains" / "сеть",
    Battery => "battery" / "батарея",
});

words!(read, ReadMethod {
    SearchAccess => "search for accesses" / "поиск событий",
    GetRecord => "a record" / "запись",
    SearchAlarms => "alarms" / "тревоги",
    Completeness => "completeness" / "полнота",
    DeviceStatus => "devices" / "устройства",
    DeviceHistory => "a device's history" / "история устройства",
    LogEntries => "the published log" / "опубликованный журнал",
    SearchReads => "who has read" / "кто читал",
    Watch => "watched live" / "наблюдение вживую",
    Statistics => "counts of accesses" / "подсчёт событий",
    Export => "export of records" / "выгрузка записей",
    OwnHistory => "their own history" / "своя история",
    Receipt => "a receipt" / "квитанция",
});

/// A word `name=VALUE` of what was asked, as it is recorded; as it stands where it is none of the log's vocabulary.
pub(super) fn asked(lang: Lang, word: &str) -> String {
    /// Of a vocabulary, the value with this name.
    macro_rules! named {
        ($type:ident, $value:expr) => {
            $type::ALL
                .iter()
                .find(|one| one.as_str() == $value)
                .map_or(0, |one| one.number())
        };
    }
    let Some((name, value)) = word.split_once('=') else {
        return word.to_owned();
    };
    let (name, said) = match name {
        "outcome" => (
            lang.t("outcome", "исход"),
            outcome(lang, named!(Outcome, value)),
        ),
        "actor" => (lang.t("by", "кто"), actor(lang, named!(ActorKind, value))),
        "verdict" => (
            lang.t("decision", "решение"),
            verdict(lang, named!(Verdict, value)),
        ),
        "method" => (lang.t("how", "как"), method(lang, named!(Method, value))),
        "automation" => (
            lang.t("began", "начато"),
            automation(lang, named!(Automation, value)),
        ),
        "reason" => (
            lang.t("reason", "причина"),
            super::reasons::reason(lang, named!(Reason, value)),
        ),
        "kind" => {
            let number = AccessKind::from_str_name(value).map_or(0, Into::into);
            (lang.t("kind", "вид"), kind(lang, number))
        }
        _ => (name, "—"),
    };
    match said {
        "—" => word.to_owned(),
        said => format!("{name}: {said}"),
    }
}

/// What kind of record.
pub(super) fn kind(lang: Lang, number: i32) -> &'static str {
    match AccessKind::try_from(number) {
        Ok(AccessKind::Command) => lang.t("command", "команда"),
        Ok(AccessKind::Observed) => lang.t("partner's event", "событие партнёра"),
        Ok(AccessKind::Unreadable) => lang.t("unreadable", "не читается"),
        _ => "—",
    }
}

pub(super) fn kinds(lang: Lang) -> Choices {
    let all = [
        AccessKind::Command,
        AccessKind::Observed,
        AccessKind::Unreadable,
    ];
    all.map(|value| (value.into(), kind(lang, value.into())))
        .to_vec()
}

/// Why somebody should look.
pub(super) fn alarm(lang: Lang, number: i32) -> &'static str {
    match AlarmKind::try_from(number) {
        Ok(AlarmKind::UnattributedOpening) => lang.t(
            "Opened by remote, and no command explains it",
            "Открыто удалённо, и ни одна команда этого не объясняет",
        ),
        Ok(AlarmKind::ForcedOpen) => lang.t("Door forced open", "Дверь взломана"),
        Ok(AlarmKind::HeldOpen) => lang.t("Door held open too long", "Дверь долго открыта"),
        Ok(AlarmKind::Contradiction) => lang.t(
            "The partner's event contradicts the recorded outcome",
            "Событие партнёра противоречит записанному исходу",
        ),
        Ok(AlarmKind::ConflictingDuplicate) => lang.t(
            "Another content was sent under an id already used",
            "Под занятым идентификатором прислано другое содержание",
        ),
        Ok(AlarmKind::DeliveryGap) => lang.t(
            "Events of a device are missing and can't be had",
            "События устройства потеряны, и партнёр их не отдаёт",
        ),
        Ok(AlarmKind::Stale) => lang.t("Device has gone silent", "Устройство молчит"),
        _ => "—",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_told_in_words_where_there_are_any() {
        let told = |word| asked(Lang::Ru, word);
        assert_eq!(told("outcome=EXECUTED"), "исход: открыто");
        assert_eq!(told("kind=OBSERVED"), "вид: событие партнёра");
        for other in ["verdict=MAYBE", "zone=UTC", "watch", ""] {
            assert_eq!(told(other), other);
        }
    }
}
