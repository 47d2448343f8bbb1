//! The bytes of a snapshot.
//!
//! ```text
//! magic       16 bytes, with the version of this format
//! basis       32 bytes: who folded, by which version, under which trust
//! partitions  u32, then for each: next offset u64, chain before and after it 32 bytes each
//! parts       tag u8, length u32, payload; the last one is the end, without payload
//! seal        32 bytes: HMAC-SHA-256 of all of the above
//! ```
//!
//! Numbers are little-endian. Nothing that was read is used before the seal is known to be right.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use domain::ComplexId;
use domain::registry::Registry;

use super::marks::Mark;
use super::part;
use super::{Marks, Snapshot, Unfit};

const MAGIC: [u8; 16] = *b"shregistrysnap01";
const SEAL: u64 = 32;
/// Room for reads and writes, in bytes.
const BUFFER: usize = 1 << 20;
/// The longest part, in bytes.
const LONGEST: usize = 16 << 20;
/// The most partitions.
const MOST: u32 = 1 << 16;

/// Tag of a complex id: parts up to the next one belong to it.
const COMPLEX: u8 = 0;
/// Tag of the end.
const END: u8 = 255;

/// Writes a snapshot and its seal.
pub(super) fn write(
    file: &File,
    key: &hmac::Key,
    basis: &[u8; 32],
    snapshot: &Snapshot,
) -> std::io::Result<()> {
    let mut out = Sealing {
        inner: BufWriter::with_capacity(BUFFER, file),
        seal: hmac::Context::with_key(key),
    };
    out.put(&MAGIC)?;
    out.put(basis)?;
    let partitions = &snapshot.marks.partitions;
    let count = u32::try_from(partitions.len()).map_err(std::io::Error::other)?;
    out.put(&count.to_le_bytes())?;
    for mark in partitions {
        out.put(&mark.next.to_le_bytes())?;
        out.put(&mark.before)?;
        out.put(&mark.chain)?;
    }
    let mut of: Option<ComplexId> = None;
    let mut payload = Vec::new();
    for (complex, part) in snapshot.registry.parts() {
        if of.as_ref() != Some(complex) {
            out.frame(COMPLEX, complex.as_str().as_bytes())?;
            of = Some(complex.clone());
        }
        payload.clear();
        let tag = part::write(&part, &mut payload);
        out.frame(tag, &payload)?;
    }
    out.frame(END, &[])?;
    let seal = out.seal.sign();
    out.inner.write_all(seal.as_ref())?;
    out.inner.flush()
}

struct Sealing<W> {
    inner: W,
    seal: hmac::Context,
}

impl<W: Write> Sealing<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.seal.update(bytes);
        self.inner.write_all(bytes)
    }

    fn frame(&mut self, tag: u8, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(std::io::Error::other)?;
        self.put(&[tag])?;
        self.put(&length.to_le_bytes())?;
        self.put(payload)
    }
}

/// Reads a snapshot whose seal and basis are right.
pub(super) fn read(file: &File, key: &hmac::Key, basis: &[u8; 32]) -> Result<Snapshot, Unfit> {
    let length = file.metadata()?.len().checked_sub(SEAL).ok_or(Unfit::Cut)?;
    let mut input = BufReader::with_capacity(BUFFER, file);
    let mut sealed = Sealed {
        inner: (&mut input).take(length),
        seal: hmac::Context::with_key(key),
    };
    if sealed.array::<16>()? != MAGIC {
        return Err(Unfit::Format);
    }
    let made_by = sealed.array::<32>()?;
    let body = body(&mut sealed);
    // Whatever stood there: first of all, is it ours?
    std::io::copy(&mut sealed, &mut std::io::sink())?;
    let right = sealed.seal.sign();
    let mut seal = [0; SEAL as usize];
    input.read_exact(&mut seal).map_err(cut)?;
    verify_slices_are_equal(right.as_ref(), &seal).map_err(|_| Unfit::Seal)?;
    if made_by != *basis {
        return Err(Unfit::Basis);
    }
    body
}

fn body(sealed: &mut Sealed<impl Read>) -> Result<Snapshot, Unfit> {
    let count = u32::from_le_bytes(sealed.array()?);
    if count > MOST {
        return Err(Unfit::Part);
    }
    let mut marks = Marks::default();
    for _ in 0..count {
        marks.partitions.push(Mark {
            next: u64::from_le_bytes(sealed.array()?),
            before: sealed.array()?,
            chain: sealed.array()?,
        });
    }
    let mut registry = Registry::default();
    let mut of: Option<ComplexId> = None;
    let mut payload = Vec::new();
    loop {
        let [tag] = sealed.array()?;
        let length = u32::from_le_bytes(sealed.array()?) as usize;
        if length > LONGEST {
            return Err(Unfit::Part);
        }
        payload.resize(length, 0);
        sealed.read_exact(&mut payload).map_err(cut)?;
        match (tag, &of) {
            (END, _) => return Ok(Snapshot { registry, marks }),
            (COMPLEX, _) => {
                let text = std::str::from_utf8(&payload).map_err(|_| Unfit::Part)?;
                of = Some(text.parse().map_err(|_| Unfit::Part)?);
            }
            (tag, Some(complex)) => registry.restore(complex, part::read(tag, &payload)?),
            (_, None) => return Err(Unfit::Part),
        }
    }
}

struct Sealed<R> {
    inner: R,
    seal: hmac::Context,
}

impl<R: Read> Sealed<R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unfit> {
        let mut bytes = [0; N];
        self.read_exact(&mut bytes).map_err(cut)?;
        Ok(bytes)
    }
}

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.seal.update(&buffer[..read]);
        Ok(read)
    }
}

fn cut(error: std::io::Error) -> Unfit {
    match error.kind() {
        ErrorKind::UnexpectedEof => Unfit::Cut,
        _ => Unfit::File(error),
    }
}
