//! The log's vocabulary in plain words.

use domain::vocabulary::{
    ActorKind, Automation, DoorPosition, LockState, Method, Observation, Operation, Outcome, Power,
    ReadMethod, Resolution, Verdict,
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
    SearchAccess => "searched accesses" / "искал события",
    GetRecord => "opened a record" / "открыл запись",
    SearchAlarms => "looked at alarms" / "смотрел тревоги",
    Completeness => "checked completeness" / "проверял полноту",
    DeviceStatus => "looked at devices" / "смотрел устройства",
    DeviceHistory => "read a device's history" / "читал историю устройства",
    LogEntries => "read the published log" / "читал опубликованный журнал",
    SearchReads => "looked at who has read" / "смотрел, кто читал",
    Watch => "watched live" / "следил вживую",
    Statistics => "counted accesses" / "считал события",
    Export => "exported records" / "выгрузил записи",
    OwnHistory => "read his own history" / "читал свою историю",
    Receipt => "took a receipt" / "взял квитанцию",
});

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
