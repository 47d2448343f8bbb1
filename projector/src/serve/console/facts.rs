//! What one log record says, field by field, in plain words. Nothing is added to what stands in it.

use proto::events::envelope::Event;
use proto::events::{
    AccessDecided, AccessObserved, CommandCompleted, DecisionInputs, Envelope, LogPosition,
};

use super::lang::Lang;
use super::moment::Zone;
use super::{reasons, words};

/// One field.
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
}

/// Fields under a heading; the first group of a record has none.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) facts: Vec<Fact>,
}

/// Writes down facts.
struct Facts<'a> {
    lang: Lang,
    zone: &'a Zone,
    facts: Vec<Fact>,
}

/// What happened, as a heading.
pub(super) fn title(lang: Lang, envelope: &Envelope) -> &'static str {
    match &envelope.event {
        Some(Event::AccessDecided(_)) => lang.t("The command was judged", "Команда рассмотрена"),
        Some(Event::CommandCompleted(said)) if said.reconciled => lang.t(
            "What became of it was found out",
            "Выяснено, что с ней стало",
        ),
        Some(Event::CommandCompleted(_)) => lang.t(
            "The partner was asked, and this came of it",
            "Партнёра попросили, и вот что вышло",
        ),
        Some(Event::AccessObserved(_)) => lang.t("The partner reported", "Партнёр сообщил"),
        Some(Event::DeliveryGap(_)) => lang.t("Events are missing", "События потеряны"),
        _ => lang.t("A record", "Запись"),
    }
}

/// Why, in a sentence; empty where the record gives no reason.
pub(super) fn explained(lang: Lang, envelope: &Envelope) -> &'static str {
    match &envelope.event {
        Some(Event::AccessDecided(said)) => reasons::explained(lang, said.reason),
        Some(Event::CommandCompleted(said)) => reasons::explained(lang, said.reason),
        _ => "",
    }
}

/// Every field that it has.
pub(super) fn of(lang: Lang, zone: &Zone, envelope: &Envelope) -> Vec<Group> {
    let mut facts = Facts {
        lang,
        zone,
        facts: Vec::new(),
    };
    let (further, title) = match &envelope.event {
        Some(Event::AccessDecided(said)) => {
            facts.decided(said);
            (
                said.inputs.as_ref(),
                lang.t("What it was judged from", "Из чего исходило решение"),
            )
        }
        Some(Event::CommandCompleted(said)) => {
            facts.completed(said);
            let title = lang.t(
                "What the second judgement saw",
                "Что увидела вторая проверка",
            );
            (said.second_inputs.as_ref(), title)
        }
        Some(Event::AccessObserved(said)) => {
            facts.observed(said);
            (None, "")
        }
        _ => (None, ""),
    };
    facts.envelope(envelope);
    let mut groups = vec![Group {
        title: "",
        facts: std::mem::take(&mut facts.facts),
    }];
    if let Some(inputs) = further {
        facts.inputs(inputs);
        groups.push(Group {
            title,
            facts: facts.facts,
        });
    }
    groups
}

impl Facts<'_> {
    fn say(&mut self, en: &'static str, ru: &'static str, value: impl ToString) {
        let value = value.to_string();
        if !value.is_empty() {
            let label = self.lang.t(en, ru);
            self.facts.push(Fact { label, value });
        }
    }

    fn number(&mut self, en: &'static str, ru: &'static str, value: impl Into<u64>) {
        let value = value.into();
        if value != 0 {
            self.say(en, ru, value);
        }
    }

    fn time(&mut self, en: &'static str, ru: &'static str, at: Option<&prost_types::Timestamp>) {
        if let Some(at) = self.zone.of_wire(at) {
            self.say(en, ru, format!("{} {}", at.date, at.time));
        }
    }

    fn place(&mut self, en: &'static str, ru: &'static str, at: Option<&LogPosition>) {
        if let Some(at) = at {
            self.say(en, ru, format!("{}/{}", at.partition, at.offset));
        }
    }

    fn decided(&mut self, said: &AccessDecided) {
        let lang = self.lang;
        self.say("Decision", "Решение", words::verdict(lang, said.verdict));
        self.say("Reason", "Причина", reasons::reason(lang, said.reason));
        self.say(
            "Asked for",
            "Просили",
            words::operation(lang, said.operation),
        );
        self.time(
            "Not to be done after",
            "Не выполнять после",
            said.expires_at.as_ref(),
        );
        self.time("Asked at", "Запрошено", said.key_time.as_ref());
        if let Some(context) = &said.context {
            self.say("App version", "Версия приложения", &context.app_version);
            self.say("Pressed in", "Нажато через", &context.method);
        }
        self.say("Command", "Команда", &said.command_id);
    }

    fn completed(&mut self, said: &CommandCompleted) {
        let lang = self.lang;
        let yes = lang.t("yes", "да");
        self.say("Outcome", "Исход", words::outcome(lang, said.outcome));
        self.say("Reason", "Причина", reasons::reason(lang, said.reason));
        self.say("Partner's code", "Код партнёра", &said.partner_code);
        self.say("Partner's reference", "Ссылка партнёра", &said.partner_ref);
        if said.latency_ms > 0 {
            let unit = lang.t("ms", "мс");
            self.say(
                "Partner took",
                "Партнёр отвечал",
                format!("{} {unit}", said.latency_ms),
            );
        }
        self.say(
            "Found out afterwards",
            "Выяснено позже",
            if said.reconciled { yes } else { "" },
        );
        self.say(
            "Cancel fence asked",
            "Запрошена отмена",
            if said.fenced { yes } else { "" },
        );
        self.say("Command", "Команда", &said.command_id);
    }

    fn observed(&mut self, said: &AccessObserved) {
        let lang = self.lang;
        self.say(
            "Seen",
            "Увидено",
            words::observation(lang, said.observation),
        );
        self.say("How", "Как", words::method(lang, said.method));
        self.say(
            "Whose credential",
            "Чей идентификатор",
            words::resolution(lang, said.resolution),
        );
        self.say("Partner", "Партнёр", &said.partner_id);
        self.say(
            "Partner's event id",
            "Номер события у партнёра",
            &said.partner_event_id,
        );
        self.say("Credential", "Идентификатор", &said.credential_id);
        self.say("Command named", "Названа команда", &said.command_id);
        if let Some(count) = &said.sequence {
            let count = format!("{}/{}", count.epoch, count.sequence);
            self.say("Device's own count", "Счёт устройства", count);
        }
        self.time("Received", "Получено", said.received_at.as_ref());
        let late = lang.t("yes", "да");
        self.say(
            "Came late",
            "Пришло поздно",
            if said.late { late } else { "" },
        );
        self.place(
            "Registry known up to",
            "Реестр известен до",
            said.registry_position.as_ref(),
        );
    }

    fn envelope(&mut self, envelope: &Envelope) {
        let actor = envelope.actor.clone().unwrap_or_default();
        self.say("By", "Кем", words::actor(self.lang, actor.kind));
        self.say(
            "Reference",
            "Ссылка на человека или пропуск",
            actor.subject_ref,
        );
        self.say("Spoken for by", "От их имени", actor.caller);
        self.say("Device", "Устройство", &envelope.device_id);
        self.say("Event id", "Номер события", &envelope.event_id);
        let key: String = match envelope.signature.get(..8) {
            Some(id) => id.iter().map(|byte| format!("{byte:02x}")).collect(),
            None => self
                .lang
                .t("not signed: from outside", "без подписи: пришло извне")
                .to_owned(),
        };
        self.say("Signed with key", "Подписано ключом", key);
    }

    fn inputs(&mut self, said: &DecisionInputs) {
        self.time("Clock reading", "Показание часов", said.now.as_ref());
        self.say("Right that ruled", "Решившее право", &said.grant_id);
        self.number("Its version", "Его версия", said.grant_version);
        if let Some(left) = said.uses_left {
            self.say("Uses left", "Осталось проходов", left);
        }
        self.say("Partner", "Партнёр", &said.partner_id);
        self.number(
            "Perimeter's version",
            "Версия периметра",
            said.perimeter_version,
        );
        if said.cooldown_ms > 0 {
            let unit = self.lang.t("ms", "мс");
            self.say(
                "Pause between openings",
                "Пауза между открытиями",
                format!("{} {unit}", said.cooldown_ms),
            );
        }
        let recent = said.recent_openings.len();
        self.number(
            "Openings within it",
            "Открытий за её время",
            u64::try_from(recent).unwrap_or(u64::MAX),
        );
        self.time("Last login", "Последний вход", said.auth_time.as_ref());
        self.say("Login's strength", "Надёжность входа", &said.acr);
        self.place(
            "Registry known up to",
            "Реестр известен до",
            said.registry_position.as_ref(),
        );
        self.place(
            "Partners known up to",
            "Партнёры известны до",
            said.global_position.as_ref(),
        );
        self.place(
            "Accesses known up to",
            "События известны до",
            said.access_position.as_ref(),
        );
        self.number("Version of the rules", "Версия правил", said.policy_version);
    }
}
