//! The table: every field that leaves to a partner, why, and on what ground.
//!
//! Articles are those of Federal Law 152-FZ of 27 July 2006, "On personal data".

use std::fmt;

use super::call::Call::{
    self, Attestation, Cancel, DeleteCredential, Discovery, ListCredentials, ListEvents, Open,
    PutCredential, PutFace, PutTokenKey, Status, Token, VerifyList, VerifyOpen, VerifyStatus,
    WebhookAnswer,
};
use Basis::{Consent, Erasure, Instruction, NoPersonalData};
use Held::{AsCommand, AsCredential, AsKey, AsToken, Nowhere};
use Place::{Body, Connection, Form, Header, Path, Query};

/// One field.
#[derive(Debug)]
pub struct Field {
    /// The calls that have it.
    pub calls: &'static [Call],
    /// Where in the call.
    pub place: Place,
    /// Its name there; members of a body as `tokens[].token`.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What the partner needs it for.
    pub purpose: &'static str,
    /// On what ground it is given.
    pub basis: Basis,
    /// How long, and how, the partner keeps it.
    pub held: Held,
}

/// Where in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The TLS connection below it.
    Connection,
    /// A parameter of the path.
    Path,
    /// A parameter of the query.
    Query,
    /// A header.
    Header,
    /// A parameter of a form.
    Form,
    /// A member of a JSON body.
    Body,
}

/// On what ground a field is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// It is about nobody.
    NoPersonalData,
    /// It is about a resident or a guest, by a pseudonym, and serves a contract with them.
    Instruction,
    /// It is about somebody's face, by a pseudonym, and they consented to that in writing.
    Consent,
    /// It ends such processing.
    Erasure,
}

/// What the partner keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing, beyond the call.
    Nowhere,
    /// The memory of command ids.
    AsCommand,
    /// A credential.
    AsCredential,
    /// A key.
    AsKey,
    /// An access token.
    AsToken,
}

macro_rules! ledger {
    ($($place:ident $name:literal [$($call:ident)*] $basis:ident $held:ident $what:literal, $purpose:literal;)*) => {
        /// Every field that leaves to a partner. What is not here is not sent.
        pub const LEDGER: &[Field] = &[$(Field {
            calls: &[$($call),*],
            place: $place,
            name: $name,
            what: $what,
            purpose: $purpose,
            basis: $basis,
            held: $held,
        },)*];
    };
}

ledger! {
    Connection "client_certificate" [Discovery Token Open Cancel Status PutCredential PutFace DeleteCredential ListCredentials PutTokenKey Attestation VerifyOpen VerifyList VerifyStatus ListEvents] NoPersonalData Nowhere
        "certificate that names this service", "to know who calls";
    Header "authorization" [Open Cancel Status PutCredential PutFace DeleteCredential ListCredentials PutTokenKey Attestation VerifyOpen VerifyList VerifyStatus ListEvents] NoPersonalData AsToken
        "access token of this service, for one operation in one complex", "to refuse what the service may not do";
    Header "accept" [Token] NoPersonalData Nowhere
        "media type of the answer", "HTTP";
    Header "content-type" [Token Open PutCredential PutFace PutTokenKey VerifyOpen] NoPersonalData Nowhere
        "media type of the body", "HTTP";
    Form "grant_type" [Token] NoPersonalData Nowhere
        "constant", "OAuth 2.0";
    Form "client_id" [Token] NoPersonalData Nowhere
        "name that the partner gave this service", "to know who asks for a token";
    Form "scope" [Token] NoPersonalData AsToken
        "one operation", "to limit the token to it";
    Form "resource" [Token] NoPersonalData AsToken
        "one complex", "to limit the token to it";
    Path "complex" [Open VerifyOpen] NoPersonalData AsCommand
        "id of a residential complex", "to find the device";
    Path "complex" [PutCredential PutFace] NoPersonalData AsCredential
        "id of a residential complex", "to hold the credential for it";
    Path "complex" [PutTokenKey] NoPersonalData AsKey
        "id of a residential complex", "to hold the key for it";
    Path "complex" [DeleteCredential ListCredentials VerifyList ListEvents] NoPersonalData Nowhere
        "id of a residential complex", "to find what is held";
    Path "device" [Open VerifyOpen] NoPersonalData AsCommand
        "id of a door, intercom, gate or barrier", "to open it";
    Header "idempotency-key" [Open VerifyOpen] NoPersonalData AsCommand
        "command id, made of random references", "to open once, whatever is repeated";
    Body "operation" [Open VerifyOpen] NoPersonalData AsCommand
        "open_door or open_barrier", "to know what to do";
    Body "expires_at" [Open VerifyOpen] NoPersonalData AsCommand
        "the instant past which it must not open", "to open nothing late";
    Path "command_id" [Cancel] NoPersonalData AsCommand
        "command id, made of random references", "to forbid it, or to tell its end";
    Path "command_id" [Status VerifyStatus] NoPersonalData Nowhere
        "command id, made of random references", "to tell its state";
    Path "credential" [PutCredential] Instruction AsCredential
        "random id of a credential", "to replace or delete it later, and to report its use";
    Path "credential" [DeleteCredential] Erasure Nowhere
        "random id of a credential", "to destroy what is held under it";
    Body "kind" [PutCredential] NoPersonalData AsCredential
        "constant: plate", "to know what the camera must compute";
    Body "tokens[].key_version" [PutCredential PutFace] NoPersonalData AsCredential
        "version of the token key", "to compute with the right key";
    Body "tokens[].token" [PutCredential] Instruction AsCredential
        "HMAC-SHA-256 of a car's plate under the complex's token key", "to recognise the car without holding its plate";
    Body "window.not_before" [PutCredential] Instruction AsCredential
        "first instant at which it opens", "to open in time only";
    Body "window.not_after" [PutCredential] Instruction AsCredential
        "first instant at which it no longer opens", "to open in time only";
    Body "window.weekdays[]" [PutCredential] Instruction AsCredential
        "weekdays on which it opens", "to open in time only";
    Body "window.from" [PutCredential] Instruction AsCredential
        "minute of the day from which it opens", "to open in time only";
    Body "window.until" [PutCredential] Instruction AsCredential
        "minute of the day at which it no longer opens", "to open in time only";
    Body "window.time_zone" [PutCredential PutFace] NoPersonalData AsCredential
        "time zone of the complex", "to know its weekdays and hours";
    Body "devices[]" [PutCredential] Instruction AsCredential
        "ids of the devices that it opens", "to open there only";
    Path "credential" [PutFace] Consent AsCredential
        "random id of a credential", "to replace or delete it later, and to report its use";
    Body "kind" [PutFace] NoPersonalData AsCredential
        "constant: face", "to know what the camera must compute";
    Body "tokens[].token" [PutFace] Consent AsCredential
        "HMAC-SHA-256, under the complex's token key, of the reference that the partner gave a face at enrolment", "to recognise that face as one that may pass";
    Body "window.not_before" [PutFace] Consent AsCredential
        "first instant at which it opens", "to open in time only";
    Body "window.not_after" [PutFace] Consent AsCredential
        "first instant at which it no longer opens", "to open in time only";
    Body "window.weekdays[]" [PutFace] Consent AsCredential
        "weekdays on which it opens", "to open in time only";
    Body "window.from" [PutFace] Consent AsCredential
        "minute of the day from which it opens", "to open in time only";
    Body "window.until" [PutFace] Consent AsCredential
        "minute of the day at which it no longer opens", "to open in time only";
    Body "devices[]" [PutFace] Consent AsCredential
        "ids of the devices that it opens", "to open there only";
    Query "limit" [ListCredentials VerifyList ListEvents] NoPersonalData Nowhere
        "length of a page", "to answer in parts";
    Query "after" [ListCredentials ListEvents] NoPersonalData Nowhere
        "the partner's own cursor", "to go on with the next page";
    Body "key_version" [PutTokenKey] NoPersonalData AsKey
        "version of the token key", "to tell keys apart";
    Body "enc" [PutTokenKey] NoPersonalData Nowhere
        "HPKE's encapsulated key", "to unwrap the token key";
    Body "wrapped" [PutTokenKey] NoPersonalData AsKey
        "the complex's token key, wrapped to the partner's attested key", "to compute tokens of the plates that its cameras read";
    Body "verdicts[].index" [WebhookAnswer] NoPersonalData Nowhere
        "place of an event in the partner's batch", "to tell verdicts apart";
    Body "verdicts[].id" [WebhookAnswer] NoPersonalData Nowhere
        "the partner's own id of the event", "to tell verdicts apart";
    Body "verdicts[].verdict" [WebhookAnswer] NoPersonalData Nowhere
        "accepted or rejected", "to stop sending it";
    Body "verdicts[].reason" [WebhookAnswer] NoPersonalData Nowhere
        "code of what is wrong with the event", "to mend it";
    Header "retry-after" [WebhookAnswer] NoPersonalData Nowhere
        "seconds to wait", "to send again later";
    Body "type" [WebhookAnswer] NoPersonalData Nowhere
        "kind of refusal", "to know what to do about it";
    Body "title" [WebhookAnswer] NoPersonalData Nowhere
        "the same, for people", "to know what to do about it";
    Body "status" [WebhookAnswer] NoPersonalData Nowhere
        "HTTP status", "to know what to do about it";
    Body "detail" [WebhookAnswer] NoPersonalData Nowhere
        "what is wrong, for people", "to know what to do about it";
    Body "reason" [WebhookAnswer] NoPersonalData Nowhere
        "code of what is wrong", "to know what to do about it";
    Body "errors[].field" [WebhookAnswer] NoPersonalData Nowhere
        "place in the message that is wrong, no value", "to mend it";
    Body "errors[].detail" [WebhookAnswer] NoPersonalData Nowhere
        "what is expected there", "to mend it";
    Body "verdicts[].path" [WebhookAnswer] NoPersonalData Nowhere
        "place in the event that is wrong, no value", "to mend it";
    Body "since" [WebhookAnswer] NoPersonalData Nowhere
        "when this instance started", "to know which deliveries are shown";
    Body "deliveries[].at" [WebhookAnswer] NoPersonalData Nowhere
        "when the partner's own message came", "to find it";
    Body "deliveries[].message" [WebhookAnswer] NoPersonalData Nowhere
        "the partner's own id of the message", "to find it";
    Body "deliveries[].status" [WebhookAnswer] NoPersonalData Nowhere
        "how it was answered", "to know what to do about it";
    Body "deliveries[].reason" [WebhookAnswer] NoPersonalData Nowhere
        "code of what was wrong with it", "to mend it";
    Body "deliveries[].verdicts[].index" [WebhookAnswer] NoPersonalData Nowhere
        "place of an event in the partner's batch", "to tell verdicts apart";
    Body "deliveries[].verdicts[].id" [WebhookAnswer] NoPersonalData Nowhere
        "the partner's own id of the event", "to tell verdicts apart";
    Body "deliveries[].verdicts[].verdict" [WebhookAnswer] NoPersonalData Nowhere
        "accepted or rejected", "to know what to do about it";
    Body "deliveries[].verdicts[].reason" [WebhookAnswer] NoPersonalData Nowhere
        "code of what is wrong with the event", "to mend it";
    Body "deliveries[].verdicts[].path" [WebhookAnswer] NoPersonalData Nowhere
        "place in the event that is wrong, no value", "to mend it";
}

impl Field {
    /// Whether it is `name` at `place` of `call`.
    pub(super) fn is(&self, call: Call, place: Place, name: &str) -> bool {
        self.place == place && self.name == name && self.calls.contains(&call)
    }

    /// Its line in `docs/data-flow.md`.
    pub fn row(&self) -> String {
        let calls: Vec<&str> = self.calls.iter().map(|call| call.as_str()).collect();
        let Self {
            place,
            name,
            what,
            purpose,
            basis,
            held,
            ..
        } = self;
        let (calls, kept, guarded) = (calls.join(", "), held.how_long(), held.protection());
        format!(
            "| {calls} | {place} | `{name}` | {what} | {purpose} | {basis} | {kept} | {guarded} |"
        )
    }
}

impl Place {
    /// Stable, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Connection => "connection",
            Path => "path",
            Query => "query",
            Header => "header",
            Form => "form",
            Body => "body",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoPersonalData => "no personal data",
            Instruction => "art. 6(1)(5), contract; art. 6(3), instruction",
            Consent => "art. 11(1), consent in writing; art. 6(3), instruction",
            Erasure => "art. 5(7), art. 21(4) and 21(5), destruction",
        })
    }
}

impl Held {
    /// How long the partner keeps it.
    pub fn how_long(self) -> &'static str {
        match self {
            Nowhere => "not kept",
            AsCommand => "7 days, as part of a command",
            AsCredential => "until it is deleted",
            AsKey => "until the second newer key",
            AsToken => "until it expires",
        }
    }

    /// How it is guarded there and on the way.
    pub fn protection(self) -> &'static str {
        match self {
            Nowhere => "TLS 1.3, certificates on both sides",
            AsCommand | AsCredential | AsToken => {
                "TLS 1.3, certificates on both sides; encrypted where it is stored, as attested"
            }
            AsKey => "wrapped by HPKE besides; encrypted where it is stored, as attested",
        }
    }
}
