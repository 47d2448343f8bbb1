//! A complex as it stands, in pages that fit into any client's messages.

use domain::ComplexId;
use domain::registry::Registry;
use prost::Message as _;
use proto::access::{GetComplexRequest, GetComplexResponse, VersionedEntity};
use proto::events as pb;
use records::{entity_key_from_text, entity_key_to_text};

use crate::refusal::Refusal;

/// The most entities in a page, and how many there are unless the caller says.
const MOST: usize = 1000;
/// When a page is full, in bytes of its entities; gRPC clients take 4 MiB unless told otherwise.
const FULL: usize = 1 << 20;

/// A page; none where nothing stands in the complex.
///
/// # Errors
/// The page's size or token.
pub(crate) fn of(
    registry: &Registry,
    complex: &ComplexId,
    request: &GetComplexRequest,
) -> Result<Option<GetComplexResponse>, Refusal> {
    let size = match request.page_size as usize {
        0 => MOST,
        size if size <= MOST => size,
        _ => return Err(Refusal::field("page_size", "at most 1000; 0 is 1000")),
    };
    let after = match &*request.page_token {
        "" => None,
        token => Some(entity_key_from_text(token).ok_or_else(|| {
            Refusal::field("page_token", "expected the `next_page_token` of a page")
        })?),
    };
    let found = registry.page(complex, after.as_ref(), size + 1);
    if found.is_empty() && after.is_none() {
        return Ok(None);
    }
    let (mut page, mut bytes, count) = (GetComplexResponse::default(), 0, found.len());
    for entity in found.into_iter().take(size) {
        let key = entity.state.key();
        let wire = VersionedEntity {
            version: entity.version,
            entity: Some(pb::Change {
                expected_version: 0,
                entity: Some(records::entity_to_wire(&entity.state)),
            }),
        };
        bytes += wire.encoded_len();
        page.entities.push(wire);
        page.next_page_token = entity_key_to_text(&key);
        if bytes >= FULL {
            break;
        }
    }
    if page.entities.len() == count {
        page.next_page_token.clear();
    }
    Ok(Some(page))
}
