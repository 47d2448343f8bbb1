//! W3C Trace Context, section 3.2: the `traceparent` header.
//! <https://www.w3.org/TR/trace-context/#traceparent-header>

use std::fmt;
use std::str::FromStr;

use tracing::Span;
use uuid::Uuid;

/// Name of the header, in HTTP, in gRPC metadata and on log records.
pub const TRACEPARENT: &str = "traceparent";

/// Identifies a whole trace; never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// Identifies one operation of a trace; never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// Which trace a piece of work belongs to and which operation caused it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TraceContext {
    trace_id: TraceId,
    parent_id: SpanId,
    sampled: bool,
}

/// Text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent; it is 00-<32 hex>-<16 hex>-<2 hex>, lower case, ids not all zero")]
pub struct InvalidTraceparent;

impl TraceContext {
    /// Starts a trace with random ids.
    pub fn root() -> Self {
        Self {
            // The version and variant bits of a UUIDv4 keep either id from being all zeros.
            trace_id: TraceId(Uuid::new_v4().into_bytes()),
            parent_id: SpanId::random(),
            sampled: false,
        }
    }

    /// Continues the caller's trace, or starts one where the header is absent or invalid
    /// (section 4.3: a vendor that fails to parse it starts a new trace).
    pub fn from_header(traceparent: Option<&str>) -> Self {
        traceparent
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(Self::root)
    }

    /// The context to hand on: same trace and flags, an operation id of its own.
    pub fn child(&self) -> Self {
        Self {
            parent_id: SpanId::random(),
            ..*self
        }
    }

    /// The trace.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The operation that this context was received from or is handed on as.
    pub fn parent_id(&self) -> SpanId {
        self.parent_id
    }

    /// The trace flags; only `sampled` (bit 0) is defined and carried on (section 3.2.2.5).
    pub fn flags(&self) -> u8 {
        u8::from(self.sampled)
    }

    /// A span that carries `operation`, `trace_id` and `parent_id` into each log line within it.
    pub fn span(&self, operation: &'static str) -> Span {
        let (trace_id, parent_id) = (self.trace_id, self.parent_id);
        tracing::info_span!("operation", operation, %trace_id, %parent_id)
    }

    /// Fills in the fields `trace_id` and `parent_id` of a span that declares them `Empty`.
    pub fn record(&self, span: &Span) {
        span.record("trace_id", tracing::field::display(self.trace_id));
        span.record("parent_id", tracing::field::display(self.parent_id));
    }
}

impl SpanId {
    fn random() -> Self {
        let [_, _, _, _, _, _, _, _, low @ ..] = Uuid::new_v4().into_bytes();
        Self(low)
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let (version, rest) = hex::<1>(text)?;
        let (trace_id, rest) = hex::<16>(rest.strip_prefix('-').ok_or(InvalidTraceparent)?)?;
        let (parent_id, rest) = hex::<8>(rest.strip_prefix('-').ok_or(InvalidTraceparent)?)?;
        let (flags, rest) = hex::<1>(rest.strip_prefix('-').ok_or(InvalidTraceparent)?)?;
        // Section 3.2.4: a higher version may append, after another dash; 255 is invalid.
        let length_fits = match version {
            [0x00] => rest.is_empty(),
            [0xff] => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        if !length_fits || trace_id == [0; 16] || parent_id == [0; 8] {
            return Err(InvalidTraceparent);
        }
        Ok(Self {
            trace_id: TraceId(trace_id),
            parent_id: SpanId(parent_id),
            sampled: flags[0] & 1 == 1,
        })
    }
}

/// The first `N` bytes in lower-case hex, and what follows them.
fn hex<const N: usize>(text: &str) -> Result<([u8; N], &str), InvalidTraceparent> {
    let (digits, rest) = text.split_at_checked(2 * N).ok_or(InvalidTraceparent)?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(InvalidTraceparent),
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok((bytes, rest))
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace_id, parent_id) = (self.trace_id, self.parent_id);
        write!(f, "00-{trace_id}-{parent_id}-{:02x}", self.flags())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_standards_example_comes_back_as_it_was() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.flags(), 1);
    }

    #[test]
    fn a_child_keeps_the_trace_and_flags_only() {
        let parent: TraceContext = EXAMPLE.parse().unwrap();
        let child = parent.child();
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_eq!(child.flags(), parent.flags());
        assert_ne!(child.parent_id(), parent.parent_id());
        assert_eq!(child.to_string().parse(), Ok(child));
    }

    #[test]
    fn flags_of_later_standards_are_not_passed_on() {
        let context: TraceContext = EXAMPLE.replace("-01", "-ff").parse().unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for text in [
            EXAMPLE.replacen("00", "cc", 1),
            EXAMPLE.replacen("00", "cc", 1) + "-what-the-future-brings",
        ] {
            let context: TraceContext = text.parse().unwrap();
            assert_eq!(context.to_string(), EXAMPLE);
        }
    }

    #[test]
    fn anything_else_is_refused_and_starts_a_new_trace() {
        let wrong = [
            String::new(),
            "00".into(),
            EXAMPLE.to_uppercase(),
            EXAMPLE.replacen("00", "ff", 1),
            EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            EXAMPLE.replace('-', "_"),
            EXAMPLE.replace("4bf9", "4bfg"),
            EXAMPLE.replace("4bf9", "4bé"),
            format!("{EXAMPLE}-extra"),
            format!(" {EXAMPLE}"),
            EXAMPLE[..54].into(),
            EXAMPLE.replacen("00", "cc", 1) + "x",
        ];
        for text in wrong {
            assert_eq!(
                text.parse::<TraceContext>(),
                Err(InvalidTraceparent),
                "{text}"
            );
            let fresh = TraceContext::from_header(Some(&text));
            assert_eq!(fresh.to_string().parse(), Ok(fresh));
        }
        assert_ne!(
            TraceContext::from_header(None),
            TraceContext::from_header(None)
        );
    }
}
