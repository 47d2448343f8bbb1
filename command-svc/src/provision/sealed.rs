//! What tokens are made of, as it is kept: sealed, under the person or the pass.

use domain::registry::{Credential, Holder};
use domain::vocabulary::CredentialKind;
use domain::{CredentialId, SubjectRef};
use jiff::Timestamp;
use privacy::{
    CredentialToken, FaceReference, Item, LookupIndex, Plate, SealError, SubjectKey, TokenKey,
};
use tracing::error;

use super::Provisioner;
use crate::refusal::Refusal;

/// What a credential's tokens are made of.
pub(super) enum Origin {
    /// A car's plate.
    Plate(Plate),
    /// What the partner called a face.
    Face(FaceReference),
}

/// Why it is not known.
pub(super) enum NotKnown {
    /// It is not kept.
    NotSealed,
    /// This instance has no key for it.
    NoKey,
    /// It can't be opened.
    Unreadable,
}

impl Origin {
    /// Its token under a key.
    pub(super) fn token(&self, key: &TokenKey) -> CredentialToken {
        match self {
            Self::Plate(plate) => key.token(plate),
            Self::Face(face) => key.face_token(face),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plate(one), Self::Plate(other)) => one.expose() == other.expose(),
            (Self::Face(one), Self::Face(other)) => one == other,
            _ => false,
        }
    }
}

/// Under whom a credential's item is kept: a pass's under the pass's own id.
pub(crate) fn keeper(holder: Holder) -> SubjectRef {
    match holder {
        Holder::Subject(subject) => subject,
        Holder::Pass(pass) => SubjectRef(pass.0),
    }
}

/// The item that a credential of this kind has.
pub(crate) fn item(kind: CredentialKind, id: CredentialId) -> Item {
    match kind {
        CredentialKind::Plate => Item::Plate(id),
        CredentialKind::Face => Item::Face(id),
    }
}

impl Provisioner {
    /// What is sealed for a credential.
    pub(super) fn origin(
        &self,
        holder: Holder,
        kind: CredentialKind,
        id: CredentialId,
    ) -> Result<Origin, NotKnown> {
        let kept = self.directory.item(keeper(holder), item(kind, id));
        let (key, sealed) = kept.ok_or(NotKnown::NotSealed)?;
        let opened = match kind {
            CredentialKind::Plate => self.plates.open(&key, &sealed).map(Origin::Plate),
            CredentialKind::Face => {
                let faces = self.faces.as_ref().ok_or(NotKnown::NoKey)?;
                faces.open(&key, &sealed).map(Origin::Face)
            }
        };
        opened.map_err(|error| {
            error!(%error, "a sealed item can't be opened");
            NotKnown::Unreadable
        })
    }

    /// Seals what a credential's tokens are made of, once: another one under the same credential is
    /// refused. Known here when this returns.
    pub(super) async fn seal(
        &self,
        credential: &Credential,
        origin: &Origin,
    ) -> Result<(), Refusal> {
        match self.origin(credential.holder, credential.kind, credential.id) {
            Ok(known) if known.is(origin) => return Ok(()),
            Ok(_) => return Err(Refusal::KeyReused),
            Err(NotKnown::NotSealed) => {}
            Err(NotKnown::NoKey) => return Err(no_face_keys()),
            Err(NotKnown::Unreadable) => return Err(Refusal::Internal),
        }
        let index = match credential.holder {
            Holder::Pass(pass) => Some(LookupIndex::of_pass(pass)),
            Holder::Subject(subject) => self.directory.index_of(subject),
        };
        let key = SubjectKey {
            index: index.ok_or(Refusal::NotFound("subject"))?,
            subject: keeper(credential.holder),
            item: item(credential.kind, credential.id),
        };
        let sealed = self.sealed(&key, origin)?.map_err(|error| {
            error!(%error, "an item can't be sealed");
            Refusal::Internal
        })?;
        self.directory.keep(&key, sealed).await
    }

    fn sealed(
        &self,
        key: &SubjectKey,
        origin: &Origin,
    ) -> Result<Result<Vec<u8>, SealError>, Refusal> {
        let now = Timestamp::now();
        match origin {
            Origin::Plate(plate) => Ok(self.plates.seal(key, plate, now)),
            Origin::Face(face) => {
                let faces = self.faces.as_ref().ok_or_else(no_face_keys)?;
                Ok(faces.seal(key, face, now))
            }
        }
    }

    /// Erases what is sealed for a credential that was not registered after all.
    pub(super) async fn unseal(&self, credential: &Credential) -> Result<(), Refusal> {
        let keeper = keeper(credential.holder);
        match self
            .directory
            .item(keeper, item(credential.kind, credential.id))
        {
            Some((key, _)) => self.directory.erase(&key).await,
            None => Ok(()),
        }
    }
}

fn no_face_keys() -> Refusal {
    let why = "this instance has no keys for faces; configure `keys.face`";
    Refusal::NotConfigured(why.to_owned())
}
