//! One door, gate or barrier with its button, and what became of a press.

use askama::Template;
use proto::access::{DeviceKind, OpenResponse, Operation, Outcome};
use tonic::{Code, Status};
use uuid::Uuid;
use weblogin::Fields;

use crate::backend::{Press, reason};
use crate::lang::Lang;
use crate::says::why;

/// A door as it is shown, in a page or by itself after a press.
#[derive(Template)]
#[template(path = "door.html")]
pub(crate) struct Door {
    pub(crate) l: Lang,
    /// Where the press is sent.
    pub(crate) action: &'static str,
    /// Of the session; none on a guest's page.
    pub(crate) csrf: Option<String>,
    pub(crate) device: String,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) operation: i32,
    /// Of the next press. It stays the same until it is certain what became of the last one.
    pub(crate) key: String,
    pub(crate) result: Option<Said>,
    /// Where the login begins that it asked for.
    pub(crate) login: Option<String>,
    /// Whether somebody has come back to it from that login.
    pub(crate) returned: bool,
}

/// What became of a press.
pub(crate) struct Said {
    /// `opened`, `refused` or `unknown`; `ready` before a press.
    pub(crate) tone: &'static str,
    pub(crate) headline: &'static str,
    pub(crate) more: &'static str,
}

/// A press that is not one.
pub(crate) struct NoPress;

impl Door {
    /// Before any press.
    pub(crate) fn new(
        l: Lang,
        action: &'static str,
        csrf: Option<&str>,
        (device, name, kind): (&str, &str, i32),
        operations: &[i32],
    ) -> Self {
        Self {
            l,
            action,
            csrf: csrf.map(str::to_owned),
            device: device.to_owned(),
            name: name.to_owned(),
            kind,
            operation: operations.first().copied().unwrap_or_default(),
            key: Uuid::now_v7().to_string(),
            result: None,
            login: None,
            returned: false,
        }
    }

    /// The same for somebody who was sent away from it to log in. The press before is spent, and nothing
    /// opens but by a press.
    pub(crate) fn awaited(mut self) -> Self {
        self.returned = true;
        self.result = Some(Said {
            tone: "ready",
            headline: self.l.t("Вы вошли заново", "You have logged in anew"),
            more: self.l.t("Нажмите ещё раз.", "Press once more."),
        });
        self
    }

    /// The door whose form was sent.
    pub(crate) fn pressed(
        l: Lang,
        action: &'static str,
        csrf: Option<&str>,
        fields: &Fields,
    ) -> Result<(Self, Press), NoPress> {
        let number = |name| fields.one(name).and_then(|text| text.parse::<i32>().ok());
        let text = |name| {
            fields
                .one(name)
                .filter(|text| !text.is_empty() && text.len() <= 200)
        };
        let parts = (
            text("device"),
            text("name"),
            number("kind"),
            number("operation"),
        );
        let (Some(device), Some(name), Some(kind), Some(operation)) = parts else {
            return Err(NoPress);
        };
        let mut door = Self::new(l, action, csrf, (device, name, kind), &[operation]);
        door.key = text("key").ok_or(NoPress)?.to_owned();
        let press = Press {
            device: device.to_owned(),
            operation,
            key: door.key.clone(),
        };
        Ok((door, press))
    }

    /// With what became of the press: a key that is spent is replaced.
    pub(crate) fn after(mut self, answer: Result<OpenResponse, Status>) -> Self {
        let said = said(self.l, &answer);
        if said.tone != "unknown" {
            self.key = Uuid::now_v7().to_string();
        }
        self.result = Some(said);
        self
    }

    fn is_barrier(&self) -> bool {
        self.kind == DeviceKind::Barrier as i32 || self.kind == DeviceKind::Gate as i32
    }

    fn what(&self) -> &'static str {
        match Operation::try_from(self.operation) {
            Ok(Operation::OpenBarrier) => self.l.t("Открыть проезд", "Open the way in"),
            _ => self.l.t("Открыть дверь", "Open the door"),
        }
    }
}

fn said(l: Lang, answer: &Result<OpenResponse, Status>) -> Said {
    let refused = |reason: &str| Said {
        tone: "refused",
        headline: l.t("Не открыто", "Not opened"),
        more: why(l, reason),
    };
    match answer {
        Ok(answer) => match answer.outcome() {
            Outcome::Executed => Said {
                tone: "opened",
                headline: l.t("Открыто", "Opened"),
                more: l.t("Проходите.", "Come in."),
            },
            Outcome::Rejected | Outcome::NotExecuted => refused(&answer.reason),
            Outcome::Unknown | Outcome::Unspecified => unknown(l),
        },
        Err(refusal) => match (refusal.code(), reason(refusal).as_str()) {
            // Nobody said whether it was carried out: the same press may be sent again.
            (_, "LOG_UNAVAILABLE" | "IN_PROGRESS" | "INTERNAL") => unknown(l),
            (Code::Unauthenticated, "") => Said {
                tone: "refused",
                headline: l.t("Вход закончился", "Your login has ended"),
                more: l.t(
                    "Загрузите страницу заново и войдите.",
                    "Load the page anew and log in.",
                ),
            },
            (_, "") => unknown(l),
            (_, reason) => refused(reason),
        },
    }
}

fn unknown(l: Lang) -> Said {
    Said {
        tone: "unknown",
        headline: l.t("Пока неизвестно", "Not known yet"),
        more: l.t(
            "Посмотрите на дверь или шлагбаум, прежде чем нажимать снова. Повторное нажатие спросит о \
             том же открытии и не откроет дважды.",
            "Look at the door or gate before you press again. Pressing again asks about the same \
             opening and opens nothing twice.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::{ErrorDetails, StatusExt as _};

    fn door() -> Door {
        Door::new(Lang::En, "/open", None, ("sunrise.gate", "Gate", 4), &[2])
    }

    fn answered(outcome: Outcome, reason: &str) -> Result<OpenResponse, Status> {
        Ok(OpenResponse {
            outcome: outcome.into(),
            reason: reason.to_owned(),
            ..OpenResponse::default()
        })
    }

    fn refused(code: Code, reason: &str) -> Result<OpenResponse, Status> {
        let details = ErrorDetails::with_error_info(reason, "smarthome.access", []);
        Err(Status::with_error_details(code, "", details))
    }

    #[test]
    fn a_key_lives_until_it_is_certain_what_became_of_the_press() {
        for (answer, tone) in [
            (answered(Outcome::Executed, ""), "opened"),
            (answered(Outcome::NotExecuted, "DEVICE_OFFLINE"), "refused"),
            (answered(Outcome::Unknown, "PARTNER_SILENT"), "unknown"),
            (answered(Outcome::Unspecified, ""), "unknown"),
            (refused(Code::PermissionDenied, "NO_GRANT"), "refused"),
            (refused(Code::Unavailable, "LOG_UNAVAILABLE"), "unknown"),
            (Err(Status::deadline_exceeded("")), "unknown"),
            (Err(Status::unavailable("")), "unknown"),
        ] {
            let before = door();
            let key = before.key.clone();
            let after = before.after(answer);
            let said = after.result.map(|said| said.tone);
            assert_eq!((said, after.key == key), (Some(tone), tone == "unknown"));
        }
    }

    #[test]
    fn a_press_without_its_parts_is_none() {
        let whole = "device=a.b&name=B&kind=4&operation=2&key=k";
        let read =
            |body: &str| Door::pressed(Lang::Ru, "/open", None, &Fields::parse(body.as_bytes()));
        assert!(read(whole).is_ok());
        for part in whole.split('&') {
            assert!(read(&whole.replace(part, "")).is_err(), "{part}");
        }
    }

    #[test]
    fn what_others_wrote_is_text() {
        let mut hostile = door();
        hostile.name = "<script>alert(1)</script>".to_owned();
        let page = hostile.render().unwrap_or_default();
        assert!(
            page.contains("&#60;script") && !page.contains("<script"),
            "{page}"
        );
    }
}
