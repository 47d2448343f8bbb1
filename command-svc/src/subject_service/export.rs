//! What is known about a person, given out once that is recorded.

use domain::event::{Body, SubjectExported};
use domain::{ComplexId, SubjectRef};
use eventlog::{Position, Topic};
use privacy::{Identity, Item};
use proto::access::{
    AuditPosition, ExportSubjectRequest, ExportSubjectResponse, PersonInComplex, PlateOfCredential,
    VersionedEntity,
};
use proto::events as pb;
use tonic::Request;
use tracing::error;

use super::{SubjectApi, hold};
use crate::erasure;
use crate::grpc;
use crate::refusal::Refusal;

impl SubjectApi {
    pub(super) async fn exported(
        &self,
        request: Request<ExportSubjectRequest>,
    ) -> Result<ExportSubjectResponse, Refusal> {
        let operator = self.operators.admit(&request).await?;
        let trace = grpc::trace(request.metadata());
        let request = request.into_inner();
        let asked = self.asked(&operator, request.person, &request.complex_id)?;
        let actor = self.operators.actor(&operator).await?;
        let subject = asked.subject;
        let identity = self.identity(subject)?;
        let mut complexes = Vec::with_capacity(asked.complexes.len());
        for complex in &asked.complexes {
            complexes.push(self.in_complex(complex, subject)?);
        }
        for (complex, told) in asked.complexes.iter().zip(&mut complexes) {
            let body = Body::SubjectExported(SubjectExported { subject });
            let at = self.say(&actor, complex, body, &trace).await?;
            told.audit_position = Some(position(at));
        }
        let (issuer, user_id) = identity.map_or_else(Default::default, |identity| {
            let (issuer, user) = (identity.issuer(), identity.expose_user_id());
            (issuer.to_owned(), user.to_owned())
        });
        Ok(ExportSubjectResponse {
            subject_ref: subject.to_string(),
            issuer,
            user_id,
            complexes,
        })
    }

    fn identity(&self, subject: SubjectRef) -> Result<Option<Identity>, Refusal> {
        let Some((key, sealed)) = self.directory.item(subject, Item::Identity) else {
            return Ok(None);
        };
        let opened = self.directory.identity_keys().open(&key, &sealed);
        opened.map(Some).map_err(|error| {
            error!(%error, "a sealed identity can't be opened; check `keys.identity`");
            Refusal::Internal
        })
    }

    fn in_complex(
        &self,
        complex: &ComplexId,
        subject: SubjectRef,
    ) -> Result<PersonInComplex, Refusal> {
        let (mut told, plates) = {
            let state = self.registrar.knowledge.lock();
            let registry = &state.registry;
            let entities = registry.about(complex, subject).into_iter();
            let entities = entities.map(|entity| VersionedEntity {
                version: entity.version,
                entity: Some(pb::Change {
                    expected_version: 0,
                    entity: Some(records::entity_to_wire(&entity.state)),
                }),
            });
            let told = PersonInComplex {
                complex_id: complex.to_string(),
                name: registry
                    .complex(complex)
                    .map(|complex| complex.name.clone())
                    .unwrap_or_default(),
                entities: entities.collect(),
                hold: registry.hold(complex, subject).map(hold::to_wire),
                ..PersonInComplex::default()
            };
            (told, erasure::plates(registry, complex, subject))
        };
        for credential in plates {
            let Some((key, sealed)) = self.directory.item(subject, Item::Plate(credential)) else {
                continue;
            };
            let plate = self.plates.open(&key, &sealed).map_err(|error| {
                error!(%error, "a sealed plate can't be opened; check `keys.plate`");
                Refusal::Internal
            })?;
            told.plates.push(PlateOfCredential {
                credential_id: credential.to_string(),
                plate: plate.expose().to_owned(),
            });
        }
        Ok(told)
    }
}

fn position(at: Position) -> AuditPosition {
    AuditPosition {
        topic: Topic::RegistryEvents.name().to_owned(),
        partition: at.partition,
        offset: at.offset,
    }
}
