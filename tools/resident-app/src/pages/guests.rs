//! Guest passes: made, shown once as a link and a QR code, withdrawn.

use askama::Template;
use aws_lc_rs::digest;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use proto::access::{
    CreateGuestPassRequest, GuestPass, ListGuestPassesRequest, MyDevice, RevokeGuestPassRequest,
};
use proto::events::Window;
use qrcode::{Color, EcLevel, QrCode};
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;
use weblogin::{Fields, Posted, SignedIn};

use super::{Frame, page, unavailable};
use crate::app::App;
use crate::backend::{instant, on_behalf, reason, wire};
use crate::lang::Lang;
use crate::says::why;

#[derive(Template)]
#[template(path = "guests.html")]
struct Guests {
    f: Frame,
    devices: Vec<MyDevice>,
    passes: Vec<Shown>,
    /// Of the pass that the form makes: sent twice, it makes one.
    key: String,
    secret: String,
    draft: Draft,
    problem: Option<&'static str>,
}

/// What the form holds: as it was sent, where it was refused, so that nobody types a thing twice.
struct Draft {
    devices: Vec<String>,
    hours: String,
    uses: String,
    /// The guest's car. It stands in the form that its owner sent, and nowhere else on this side.
    plate: String,
}

impl Draft {
    /// Of an empty form, in which the first door is chosen.
    fn new() -> Self {
        Self {
            devices: Vec::new(),
            hours: "24".to_owned(),
            uses: "2".to_owned(),
            plate: String::new(),
        }
    }

    fn of(fields: &Fields) -> Self {
        let one = |name| fields.one(name).unwrap_or_default().to_owned();
        Self {
            devices: fields.all("device").map(str::to_owned).collect(),
            hours: one("hours"),
            uses: one("uses"),
            plate: one("plate").trim().to_owned(),
        }
    }

    fn has(&self, device: &str, first: &bool) -> bool {
        match self.devices.is_empty() {
            true => *first,
            false => self.devices.iter().any(|own| own == device),
        }
    }
}

/// A pass in the list.
struct Shown {
    id: String,
    names: String,
    until: Option<String>,
    left: Option<u32>,
}

#[derive(Template)]
#[template(path = "made.html")]
struct Made {
    f: Frame,
    link: String,
    /// A car comes too.
    car: bool,
    /// A path of squares, and how wide the code is with its margin.
    squares: String,
    width: usize,
}

/// The list, and a form.
pub(crate) async fn show(State(app): State<App>, l: Lang, SignedIn(session): SignedIn) -> Response {
    list(&app, l, &session, Draft::new(), None).await
}

async fn list(
    app: &App,
    l: Lang,
    session: &std::sync::Arc<weblogin::Session>,
    draft: Draft,
    problem: Option<&'static str>,
) -> Response {
    let f = Frame::of(session, l, "/guests");
    let read = async {
        let devices = app.backend.devices(session).await?;
        let request = on_behalf(ListGuestPassesRequest {}, session).await?;
        let passes = app
            .backend
            .guests
            .clone()
            .list_guest_passes(request)
            .await?;
        Ok::<_, Status>((devices, passes.into_inner().passes))
    };
    match read.await {
        Ok((devices, passes)) => {
            let passes = passes.iter().filter(|pass| pass.active);
            let passes = passes.map(|pass| shown(app, l, pass, &devices)).collect();
            let guests = Guests {
                f,
                devices,
                passes,
                key: Uuid::now_v7().to_string(),
                secret: secret(),
                draft,
                problem,
            };
            let status = match problem {
                None => StatusCode::OK,
                Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            page(status, &guests)
        }
        Err(refusal) => unavailable(f, &refusal),
    }
}

fn shown(app: &App, l: Lang, pass: &GuestPass, devices: &[MyDevice]) -> Shown {
    let name = |id: &String| {
        let own = devices.iter().find(|own| own.device_id == *id);
        own.map_or_else(|| id.clone(), |own| own.name.clone())
    };
    let names: Vec<String> = pass.device_ids.iter().map(name).collect();
    let window = pass.window.as_ref();
    let until = instant(window.and_then(|window| window.not_after.as_ref()));
    Shown {
        id: pass.pass_id.clone(),
        names: names.join(", "),
        until: until.map(|until| l.time(until, &app.zone)),
        left: pass.uses_left,
    }
}

/// Makes a pass.
pub(crate) async fn create(State(app): State<App>, l: Lang, posted: Posted) -> Response {
    let draft = Draft::of(&posted.fields);
    let Some((request, complex, secret)) = wanted(&posted.fields) else {
        let problem = l.t(
            "Выберите хотя бы одну дверь, все одного комплекса.",
            "Choose at least one door, all of one complex.",
        );
        return list(&app, l, &posted.session, draft, Some(problem)).await;
    };
    let car = !request.plate.is_empty();
    if car && request.max_uses > 0 {
        let problem = l.t(
            "Камера не считает открытия: для машины выберите «Сколько угодно» или сделайте два пропуска.",
            "A camera counts no openings: for a car choose “Any number”, or make two passes.",
        );
        return list(&app, l, &posted.session, draft, Some(problem)).await;
    }
    let made = async {
        let request = on_behalf(request, &posted.session).await?;
        app.backend.guests.clone().create_guest_pass(request).await
    };
    if let Err(refusal) = made.await {
        let problem = match wrong_field(&refusal).as_deref() {
            Some("plate") => l.t(
                "Это не похоже на номер машины. Напишите его целиком, с регионом: А123ВС 77.",
                "This does not look like a number plate. Write all of it, with the region: A123BC 77.",
            ),
            Some("device_ids") if car => l.t(
                "Для машины выберите двери и шлагбаумы одной системы доступа, или сделайте пропуск для каждой.",
                "For a car choose doors and barriers of one access system, or make a pass for each.",
            ),
            None if car && reason(&refusal) == "PARTNER_REFUSED" => l.t(
                "Здесь по номеру не пускают. Сделайте пропуск без номера.",
                "Cars are not let in by their plates here. Make a pass without one.",
            ),
            _ => why(l, &reason(&refusal)),
        };
        return list(&app, l, &posted.session, draft, Some(problem)).await;
    }
    let f = Frame {
        l,
        path: "/guests",
        csrf: Some(posted.session.csrf().to_owned()),
    };
    // What stands behind `#` is sent to nobody: it reaches no server and no log.
    let link = app.web.origin().at(&format!("/pass#{complex}.{secret}"));
    let (squares, width) = squares(&link);
    page(
        StatusCode::OK,
        &Made {
            f,
            link,
            car,
            squares,
            width,
        },
    )
}

/// Withdraws one.
pub(crate) async fn withdraw(State(app): State<App>, l: Lang, posted: Posted) -> Response {
    let pass_id = posted.fields.one("pass").unwrap_or_default().to_owned();
    let withdrawn = async {
        let request = on_behalf(RevokeGuestPassRequest { pass_id }, &posted.session).await?;
        app.backend.guests.clone().revoke_guest_pass(request).await
    };
    match withdrawn.await {
        Ok(_) => Redirect::to("/guests").into_response(),
        Err(refusal) => {
            let problem = Some(why(l, &reason(&refusal)));
            list(&app, l, &posted.session, Draft::new(), problem).await
        }
    }
}

/// The field that the service could not take.
fn wrong_field(refusal: &Status) -> Option<String> {
    let request = refusal.get_details_bad_request()?;
    Some(request.field_violations.into_iter().next()?.field)
}

/// The pass of a form, its complex and its secret.
fn wanted(fields: &Fields) -> Option<(CreateGuestPassRequest, String, String)> {
    let devices: Vec<String> = fields.all("device").map(str::to_owned).collect();
    let complexes = devices
        .iter()
        .map(|id| id.split('.').next().unwrap_or_default());
    let complex = complexes.clone().next()?.to_owned();
    if !complexes.into_iter().all(|own| own == complex) {
        return None;
    }
    let hours: i64 = fields.one("hours")?.parse().ok()?;
    let hours = (1..=24 * 31).contains(&hours).then_some(hours)?;
    let until = Timestamp::now() + SignedDuration::from_hours(hours);
    let secret = fields.one("secret")?;
    let bits = URL_SAFE_NO_PAD.decode(secret).ok()?;
    let bits = (bits.len() == 16).then_some(bits)?;
    let request = CreateGuestPassRequest {
        idempotency_key: fields.one("key")?.to_owned(),
        secret_hash: digest::digest(&digest::SHA256, &bits).as_ref().to_vec(),
        device_ids: devices,
        window: Some(Window {
            not_after: Some(wire(until)),
            ..Window::default()
        }),
        max_uses: fields.one("uses")?.parse().ok()?,
        plate: fields.one("plate").unwrap_or_default().trim().to_owned(),
    };
    Some((request, complex, secret.to_owned()))
}

/// 128 random bits. A system without randomness ends the process.
fn secret() -> String {
    let mut bytes = [0; 16];
    #[allow(clippy::expect_used)]
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A QR code (ISO/IEC 18004) as an SVG path, with the margin of four that the standard asks for.
fn squares(link: &str) -> (String, usize) {
    const MARGIN: usize = 4;
    let Ok(code) = QrCode::with_error_correction_level(link, EcLevel::M) else {
        return (String::new(), 0);
    };
    let width = code.width();
    let dark = code.to_colors().into_iter().enumerate();
    let dark = dark.filter(|(_, color)| *color == Color::Dark);
    let path =
        dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + MARGIN, at / width + MARGIN));
    (path.collect(), width + 2 * MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<(CreateGuestPassRequest, String, String)> {
        wanted(&Fields::parse(body.as_bytes()))
    }

    #[test]
    fn a_pass_is_of_one_complex_and_its_secret_stays_here() {
        let secret = secret();
        let rest = format!("hours=24&uses=3&key=k&secret={secret}");
        let (request, complex, shown) =
            read(&format!("device=sunrise.a&device=sunrise.b&{rest}")).unwrap_or_default();
        assert_eq!((complex.as_str(), &shown), ("sunrise", &secret));
        assert_eq!((request.device_ids.len(), request.max_uses), (2, 3));
        let bits = URL_SAFE_NO_PAD.decode(&secret).unwrap_or_default();
        let hash = digest::digest(&digest::SHA256, &bits);
        assert_eq!(
            request.secret_hash,
            hash.as_ref(),
            "of the bits, not of their text"
        );
        assert_eq!(request.plate, "", "without a car");
        let car = read(&format!("device=sunrise.a&plate=+A123BC+77+&{rest}"));
        assert!(car.is_some_and(|(request, ..)| request.plate == "A123BC 77"));
        assert!(read(&rest).is_none(), "no door");
        assert!(read(&format!("device=sunrise.a&device=moonlight.b&{rest}")).is_none());
        assert!(
            read(&format!(
                "device=sunrise.a&{}",
                rest.replace("hours=24", "hours=0")
            ))
            .is_none()
        );
        assert!(
            read(&format!(
                "device=sunrise.a&{}",
                rest.replace(&secret, "AAAAAAAA")
            ))
            .is_none()
        );
    }

    #[test]
    fn a_code_has_its_finder_in_the_corner() {
        let (path, width) = squares("https://app.example/pass#sunrise.AAAAAAAAAAAAAAAAAAAAAA");
        assert!(path.starts_with("M4 4h1v1h-1zM5 4h1v1h-1z"), "{path}");
        assert!(width > 25 + 8);
    }
}
