//! Where a piece of work stands in a trace: W3C Trace Context, as a header says it and as an event keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of a trace in an event: id, span, flags.
const BYTES: usize = 25;
/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;

/// A trace and the span in it that comes before whatever is told of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Trace {
    id: u128,
    span: u64,
    flags: u8,
}

impl Trace {
    /// The header of HTTP and of NATS that holds one.
    pub const HEADER: &'static str = "traceparent";

    /// A trace that is recorded; none for the ids that mean nothing.
    #[must_use]
    pub fn new(id: u128, span: u64) -> Option<Self> {
        (id != 0 && span != 0).then_some(Self { id, span, flags: SAMPLED })
    }

    /// Another span of the same trace.
    #[must_use]
    pub fn with_span(self, span: u64) -> Self {
        Self { span, ..self }
    }

    /// Whether both are of one trace.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        self.id == other.id
    }

    /// Whether whoever began the trace has it recorded.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The id of the trace: 32 digits.
    #[must_use]
    pub fn id(self) -> String {
        format!("{:032x}", self.id)
    }

    /// The id of the span: 16 digits.
    #[must_use]
    pub fn span(self) -> String {
        format!("{:016x}", self.span)
    }

    /// Reads a header: `00-<32 digits>-<16 digits>-<2 digits>`, and of later versions what is the same in them.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let (version, id, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        if (version == "00" && fields.next().is_some()) || version == "ff" || digits(version, 2).is_none() {
            return None;
        }
        let (id, span) = (digits(id, 32)?, u64::try_from(digits(span, 16)?).ok()?);
        let flags = u8::try_from(digits(flags, 2)?).ok()?;
        Some(Self { flags, ..Self::new(id, span)? })
    }

    /// The bytes that an event keeps.
    pub(crate) fn encode(self) -> Vec<u8> {
        [&self.id.to_be_bytes()[..], &self.span.to_be_bytes(), &[self.flags]].concat()
    }

    /// Reads what an event keeps. A trace says nothing of the business: one that can't be read is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let (id, rest) = bytes.split_first_chunk()?;
        let (span, flags) = rest.split_first_chunk()?;
        let trace = Self::new(u128::from_be_bytes(*id), u64::from_be_bytes(*span))?;
        Some(Self { flags: *flags.first()?, ..trace })
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.id, self.span, self.flags)
    }
}

/// A number of so many hexadecimal digits, which are lower case.
fn digits(text: &str, count: usize) -> Option<u128> {
    let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let right = text.len() == count && text.bytes().all(hexadecimal);
    right.then(|| u128::from_str_radix(text, 16).ok())?
}
