//! Who a request is of, for handlers.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

use crate::handlers::LOGIN;
use crate::random;
use crate::session::Session;
use crate::web::WebLogin;

/// Somebody who is logged in. Whoever is not is sent to log in and comes back to the page.
pub struct SignedIn(pub Arc<Session>);

/// A form that somebody who is logged in has sent from a page of theirs, with its `csrf`.
pub struct Posted {
    /// Whose it is.
    pub session: Arc<Session>,
    /// What stands in it.
    pub fields: Fields,
}

/// The fields of a form, in their order.
pub struct Fields(Vec<(String, String)>);

/// Nobody is logged in.
pub struct NotSignedIn {
    back_to: Option<String>,
}

/// Why a form is not taken.
pub enum Forbidden {
    /// Nobody is logged in.
    NotSignedIn,
    /// Not from a page of this session.
    Csrf,
    /// Too long, or cut off.
    Unreadable,
}

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The value of a field that stands there once.
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The values of a field.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.iter().filter(move |(own, _)| own == name);
        pairs.map(|(_, value)| value.as_str())
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    WebLogin: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NotSignedIn> {
        let web = WebLogin::from_ref(state);
        web.session(&parts.headers)
            .map(Self)
            .ok_or_else(|| NotSignedIn {
                back_to: (parts.method == Method::GET).then(|| parts.uri.to_string()),
            })
    }
}

impl<S> FromRequest<S> for Posted
where
    WebLogin: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Forbidden;

    async fn from_request(request: Request, state: &S) -> Result<Self, Forbidden> {
        let web = WebLogin::from_ref(state);
        let session = web.session(request.headers());
        let session = session.ok_or(Forbidden::NotSignedIn)?;
        let body = Bytes::from_request(request, state).await;
        let fields = Fields::parse(&body.map_err(|_| Forbidden::Unreadable)?);
        let shown = fields.one("csrf");
        if !shown.is_some_and(|shown| random::same(shown, session.csrf())) {
            metrics::counter!("web_foreign_requests_total").increment(1);
            return Err(Forbidden::Csrf);
        }
        Ok(Self { session, fields })
    }
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        let back_to = self.back_to.unwrap_or_else(|| "/".to_owned());
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("to", &back_to)
            .finish();
        Redirect::to(&format!("{LOGIN}?{query}")).into_response()
    }
}

impl IntoResponse for Forbidden {
    fn into_response(self) -> Response {
        match self {
            Self::NotSignedIn => NotSignedIn { back_to: None }.into_response(),
            Self::Csrf => {
                let text =
                    "This form is of another login. Go back, load the page anew, try again.\n";
                (StatusCode::FORBIDDEN, text).into_response()
            }
            Self::Unreadable => (StatusCode::BAD_REQUEST, "Not a form.\n").into_response(),
        }
    }
}
