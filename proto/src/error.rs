//! Why bytes are no fact, batch or ask, and why a batch or an ask can't become bytes.

/// What can go wrong between a value and its bytes. Whoever decodes a log stops at any of these: none is skipped.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The bytes are no message of `usage.v1`.
    #[error("decode the protobuf message")]
    Malformed(#[from] prost::DecodeError),
    /// The event holds no fact that this version knows: it was written by a newer one, or is damaged.
    #[error("decode an event whose fact is unknown to this version")]
    UnknownFact,
    /// A message is none of those that this version knows: it was written by a newer one, or is damaged.
    #[error("decode {what} of a kind that is unknown to this version")]
    UnknownKind {
        /// What it was to be.
        what: &'static str,
    },
    /// A field that every writer fills is absent.
    #[error("decode a message without `{field}`")]
    Missing {
        /// Its name in `usage.v1`.
        field: &'static str,
    },
    /// An enumeration holds its zero or a number that this version doesn't know.
    #[error("decode `{field}`, whose number {number} is unknown to this version")]
    UnknownValue {
        /// Its name in `usage.v1`.
        field: &'static str,
        /// What it holds.
        number: i64,
    },
    /// A field holds what can't be a value of it: an id with a space, a hash of five bytes, a tier of 300.
    #[error("decode `{field}`, which holds no value of its kind")]
    Invalid {
        /// Its name in `usage.v1`.
        field: &'static str,
    },
    /// Parts of a batch contradict each other.
    #[error("make sense of a batch: {what}")]
    Inconsistent {
        /// Which parts, and how.
        what: &'static str,
    },
    /// A message has more of something than any may.
    #[error("take a message with {count} {what}: at most {max} are allowed")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A batch is over the limits of `ledger::record`: too many records, or too many bytes. Its maker splits it.
    #[error("take a batch of {stored} bytes stored and {plain} plain: over the limits")]
    BatchTooLarge {
        /// Bytes after compression; 0 when it was not compressed because it was too large before.
        stored: usize,
        /// Bytes before compression; 0 when it was not decompressed because it was too large before.
        plain: usize,
    },
    /// A message is longer than any may be.
    #[error("take {what} of {bytes} bytes: at most {max} are allowed")]
    TooLarge {
        /// Which message.
        what: &'static str,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        max: usize,
    },
    /// A message can't be written as JSON.
    #[error("write a message as JSON")]
    Json(#[source] serde_json::Error),
    /// zstd could not compress.
    #[error("compress a batch")]
    Compress(#[source] std::io::Error),
    /// The compressed bytes are damaged, or larger inside than a batch may be.
    #[error("decompress a batch")]
    Decompress(#[source] std::io::Error),
}
