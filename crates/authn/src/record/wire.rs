//! The bytes of a signature, and the bytes under it.

/// Field 15, length-delimited, of 72 bytes.
const MARK: [u8; 2] = [0x7A, 0x48];
const KEY_ID: usize = 8;
const SIGNATURE: usize = 64;
pub(super) const SUFFIX: usize = MARK.len() + KEY_ID + SIGNATURE;

/// A value taken apart.
pub(super) struct Parts<'a> {
    pub(super) unsigned: &'a [u8],
    pub(super) key_id: [u8; KEY_ID],
    pub(super) signature: &'a [u8; SIGNATURE],
}

/// `None` where the value doesn't end in a signature.
pub(super) fn split(value: &[u8]) -> Option<Parts<'_>> {
    let (unsigned, suffix) = value.split_at_checked(value.len().checked_sub(SUFFIX)?)?;
    let rest = suffix.strip_prefix(&MARK)?;
    let (key_id, signature) = rest.split_first_chunk()?;
    Some(Parts {
        unsigned,
        key_id: *key_id,
        signature: signature.first_chunk()?,
    })
}

pub(super) fn append(value: &mut Vec<u8>, key_id: [u8; KEY_ID], signature: &[u8]) {
    value.reserve_exact(SUFFIX);
    value.extend_from_slice(&MARK);
    value.extend_from_slice(&key_id);
    value.extend_from_slice(signature);
}

/// What is signed. `None` where topic or key hold the separator: such a name could be read in
/// two ways.
pub(super) fn message(topic: &str, key: &str, unsigned: &[u8]) -> Option<Vec<u8>> {
    const CONTEXT: &[u8] = b"smarthome record v1\0";
    if topic.contains('\0') || key.contains('\0') {
        return None;
    }
    let parts = [
        CONTEXT,
        topic.as_bytes(),
        b"\0",
        key.as_bytes(),
        b"\0",
        unsigned,
    ];
    Some(parts.concat())
}
