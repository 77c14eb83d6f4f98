//! A digest of any value that can be hashed: the same on every machine, so that two folds can be compared.

use std::hash::{Hash as StdHash, Hasher};

use sha2::{Digest, Sha256};

use crate::id::Hash;

/// The SHA-256 of a value's fields in their declared order, numbers little-endian.
pub fn digest_of(value: &impl StdHash) -> Hash {
    let mut hasher = DigestHasher(Sha256::new());
    value.hash(&mut hasher);
    Hash(hasher.0.finalize().into())
}

struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        // Nobody asks: the digest is taken from the hasher itself.
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }

    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }

    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }

    fn write_u128(&mut self, value: u128) {
        self.write(&value.to_le_bytes());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_i16(&mut self, value: i16) {
        self.write(&value.to_le_bytes());
    }

    fn write_i32(&mut self, value: i32) {
        self.write(&value.to_le_bytes());
    }

    fn write_i64(&mut self, value: i64) {
        self.write(&value.to_le_bytes());
    }

    fn write_i128(&mut self, value: i128) {
        self.write(&value.to_le_bytes());
    }

    fn write_isize(&mut self, value: isize) {
        self.write_i64(value as i64);
    }
}
