//! Names of things: who writes (`ServiceName`, `HostId`), what is written about (`FileId`, `ObjectId`), and the
//! hashes that tie them together. SHA-256 is the only hash in the product, so that anyone can check it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A service of the product. Its number is in the bytes of the log and is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ServiceName {
    /// Accounts, products, contracts, subscriptions and keys.
    Catalog = 1,
    /// Workbooks and reported records in.
    Ingestion = 2,
    /// Every rule on every record.
    Validation = 3,
    /// The file's arbiter.
    Approval = 4,
    /// Chunks, reconciliation, closing.
    Extraction = 5,
    /// HTTP; writes no log.
    Gateway = 6,
}

impl ServiceName {
    /// Every service that writes a log, in the order in which a file meets them.
    pub const WRITERS: [Self; 5] = [Self::Catalog, Self::Approval, Self::Ingestion, Self::Validation, Self::Extraction];

    /// The number in the log's bytes.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The service of a number read from a log, if there is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Catalog, Self::Ingestion, Self::Validation, Self::Approval, Self::Extraction, Self::Gateway]
            .into_iter()
            .find(|service| service.number() == number)
    }

    /// The lower-case name used in paths, settings and `--only`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Ingestion => "ingestion",
            Self::Validation => "validation",
            Self::Approval => "approval",
            Self::Extraction => "extraction",
            Self::Gateway => "gateway",
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A partition of contracts; catalog is always partition 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Partition(pub u16);

/// One writer: a service for a partition. It owns one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostId {
    /// Which service writes.
    pub service: ServiceName,
    /// For which partition.
    pub partition: Partition,
}

impl HostId {
    /// The writer of a service for a partition.
    #[must_use]
    pub fn new(service: ServiceName, partition: u16) -> Self {
        Self { service, partition: Partition(partition) }
    }

    /// Every writer of a ledger of so many partitions: the catalog's, and one of each other service for each of them.
    #[must_use]
    pub fn all(partitions: u16) -> Vec<Self> {
        let of = |service| 0..if service == ServiceName::Catalog { 1 } else { partitions };
        ServiceName::WRITERS
            .into_iter()
            .flat_map(|service| of(service).map(move |one| Self::new(service, one)))
            .collect()
    }
}

impl HostId {
    /// Reads what [`HostId`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, partition) = text.split_once('-')?;
        let service = ServiceName::WRITERS.into_iter().find(|service| service.name() == name)?;
        let partition = Partition(partition.parse().ok()?);
        // One host, one name: `approval-00` is none.
        Some(Self { service, partition }).filter(|host| host.to_string() == text)
    }
}

impl fmt::Display for HostId {
    /// `approval-0`: also the name of its folder of segments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.service, self.partition.0)
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What stands before the first event of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of parts, each preceded by its length, so that no two lists of parts give the same bytes.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The digest written in 64 lower-case hexadecimal digits, if `text` is that.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The identity of an event: 128 bits of the hash of what caused it, who decided and its index. Deciding the same
/// command again gives the same id.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// The id of the `index`th event that `service` decided for the request `seed`.
    #[must_use]
    pub fn derive(seed: &Hash, service: ServiceName, index: u32) -> Self {
        let full = Hash::of_parts(&[&seed.0, &[service.number()], &index.to_le_bytes()]);
        let mut id = [0_u8; 16];
        id.copy_from_slice(&full.0[..16]);
        Self(id)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The id of a catalog object as the distributor's platform writes it: `PRD-…`, `CRD-…`, `AS-…`.
///
/// Matches `[A-Za-z0-9_-]{1,64}`, so that it is safe in a path, a subject and a query (design §6).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId(String);

impl ObjectId {
    /// The longest id, in bytes: ids stand in subjects and file names.
    pub const LENGTH_MAX: usize = 64;

    /// The id, if `text` may be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        (fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
            .then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a usage file, `UF-yyyy-mm-####-####` (connect-api §2.7). The first two digits are its partition, the
/// other six count the files of its month there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    year: u16,
    month: u8,
    digits: u32,
}

impl FileId {
    /// Files that one partition can create in one month: six digits.
    pub const FILES_PER_MONTH_MAX: u32 = 1_000_000;
    /// Partitions that fit in the two digits of an id.
    pub const PARTITIONS_MAX: u16 = 100;

    /// The id of the `count`th file (from 0) of a month in a partition, if both fit.
    #[must_use]
    pub fn new(year: u16, month: u8, partition: Partition, count: u32) -> Option<Self> {
        let fits = count < Self::FILES_PER_MONTH_MAX && partition.0 < Self::PARTITIONS_MAX;
        (fits && (1..=12).contains(&month) && (1000..=9999).contains(&year)).then(|| Self {
            year,
            month,
            digits: u32::from(partition.0) * Self::FILES_PER_MONTH_MAX + count,
        })
    }

    /// Reads `UF-2026-11-0000-0001`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_body(text.strip_prefix("UF-")?)
    }

    fn parse_body(body: &str) -> Option<Self> {
        let mut groups = body.split('-');
        let (year, month) = (digits(groups.next()?, 4)?, digits(groups.next()?, 2)?);
        let (high, low) = (digits(groups.next()?, 4)?, digits(groups.next()?, 4)?);
        if groups.next().is_some() {
            return None;
        }
        let digits = high * 10_000 + low;
        let partition = u16::try_from(digits / Self::FILES_PER_MONTH_MAX).ok()?;
        Self::new(
            u16::try_from(year).ok()?,
            u8::try_from(month).ok()?,
            Partition(partition),
            digits % Self::FILES_PER_MONTH_MAX,
        )
    }

    /// The partition that owns the file.
    #[must_use]
    pub fn partition(self) -> Partition {
        Partition(u16::try_from(self.digits / Self::FILES_PER_MONTH_MAX).unwrap_or(0))
    }

    /// Year and month of creation: the counter starts again with each.
    #[must_use]
    pub fn month(self) -> (u16, u8) {
        (self.year, self.month)
    }

    /// The file's place among those of its month and partition, from 0.
    #[must_use]
    pub fn count(self) -> u32 {
        self.digits % Self::FILES_PER_MONTH_MAX
    }

    fn body(self) -> String {
        format!("{:04}-{:02}-{:04}-{:04}", self.year, self.month, self.digits / 10_000, self.digits % 10_000)
    }

    /// The id of a record: the file's digits and the sheet row in eight (`UR-2026-11-0000-0001-0000-0002`).
    #[must_use]
    pub fn record(self, row: u32) -> RecordId {
        RecordId { file: self, row }
    }

    /// The id of the `index`th chunk (from 1): `UFC-2026-11-0000-0001-001`.
    #[must_use]
    pub fn chunk(self, index: u16) -> ChunkId {
        ChunkId { file: self, index }
    }

    /// The id of the `index`th reconciliation (from 1): `RCF-2026-11-0000-0001-001`.
    #[must_use]
    pub fn reconciliation(self, index: u16) -> ReconciliationId {
        ReconciliationId { file: self, index }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UF-{}", self.body())
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The id of a usage record: its file and the row of the sheet that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The usage file.
    pub file: FileId,
    /// The row of the `records` sheet, counted as the spreadsheet does (the header is usually row 1).
    pub row: u32,
}

impl RecordId {
    /// Reads `UR-2026-11-0000-0001-0000-0002`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix("UR-")?;
        let (rest, low) = body.rsplit_once('-')?;
        let (file, high) = rest.rsplit_once('-')?;
        let row = digits(high, 4)? * 10_000 + digits(low, 4)?;
        Some(Self { file: FileId::parse_body(file)?, row })
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UR-{}-{:04}-{:04}", self.file.body(), self.row / 10_000, self.row % 10_000)
    }
}

macro_rules! numbered_id {
    ($name:ident, $prefix:literal, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The usage file.
            pub file: FileId,
            /// Its number within the file, from 1.
            pub index: u16,
        }

        impl $name {
            /// Reads the id as the API writes it.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let (file, index) = text.strip_prefix($prefix)?.rsplit_once('-')?;
                let index = u16::try_from(digits(index, 3)?).ok()?;
                Some(Self { file: FileId::parse_body(file)?, index })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}-{:03}"), self.file.body(), self.index)
            }
        }
    };
}

numbered_id!(ChunkId, "UFC-", "The id of a chunk: the part of an accepted file that one hub extracts.");
numbered_id!(ReconciliationId, "RCF-", "The id of a reconciliation workbook uploaded for a file.");

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let id = FileId::parse(text).map(|id| id.to_string());
        assert_eq!(id.as_deref(), Some(text));
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        check("UF-2026-11-0000-0000");
        check("UF-2021-06-5094-4269");
        for wrong in
            ["UF-2026-13-0000-0000", "UF-2026-11-000-0000", "UF-2026-11-0000-0000-1", "uf-2026-11-0000-0000", ""]
        {
            assert_eq!(FileId::parse(wrong), None, "{wrong}");
        }
        for text in ["UR-2026-11-0000-0001-0104-8576", "UR-2026-11-0000-0001-0000-0002"] {
            assert_eq!(RecordId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        }
        let chunk = ChunkId::parse("UFC-2026-11-0112-0001-001");
        assert_eq!(chunk.map(|id| (id.index, id.file.partition().0, id.file.count())), Some((1, 1, 120_001)));
    }

    #[test]
    fn an_object_id_is_safe_in_a_path_and_a_subject() {
        assert!(ObjectId::new("CRD-00000-00000-00000").is_some());
        for wrong in ["", "a b", "../x", "a.b", "a/b", &"x".repeat(65)] {
            assert!(ObjectId::new(wrong).is_none(), "{wrong}");
        }
    }
}
