//! Goal: damaged bytes give an error or another value, never a panic and never unbounded memory. Method: every
//! prefix and two thousand seeded mutations of the samples, compressed and plain.

use super::messages;
use crate::convert::{checked, frame, read};
use crate::{decode_checked_batch, decode_event, decode_read_batch, encode_event, samples};

const SEED: u64 = 0x5eed_0437_eba2_0001;
const MUTATIONS: usize = 2_000;

/// Marsaglia's xorshift: the same numbers everywhere, from one seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] = self.byte(),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                2 => bytes.insert(at, self.byte()),
                3 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
    }
}

/// What decodes at all must encode again: such a value can reach the rest of the product.
fn check_event(bytes: &[u8]) {
    if let Ok(event) = decode_event(bytes) {
        assert_eq!(decode_event(&encode_event(&event)).unwrap(), event);
    }
}

#[test]
fn a_damaged_event_never_panics() {
    let samples: Vec<Vec<u8>> = samples::events().iter().map(|(_, event)| encode_event(event)).collect();
    for bytes in &samples {
        (0..bytes.len()).for_each(|end| check_event(&bytes[..end]));
    }
    let mut random = Random(SEED);
    for _ in 0..MUTATIONS {
        let mut bytes = samples[random.below(samples.len())].clone();
        random.mutate(&mut bytes);
        check_event(&bytes);
    }
}

/// What is cut off anywhere is refused: a part of an ask is never taken for another one.
#[test]
fn a_damaged_message_never_panics() {
    let messages = messages::all();
    for message in &messages {
        for end in 0..message.bytes.len() {
            assert!((message.read)(&message.bytes[..end]).is_err(), "{} cut off at {end}", message.name);
        }
    }
    let messages: Vec<_> = messages.into_iter().chain(messages::reports()).collect();
    let mut random = Random(SEED);
    for _ in 0..MUTATIONS * 4 {
        let message = &messages[random.below(messages.len())];
        let mut bytes = message.bytes.clone();
        random.mutate(&mut bytes);
        if let Ok((says, again)) = (message.read)(&bytes) {
            assert_eq!((message.read)(&again).unwrap().0, says, "{}", message.name);
        }
    }
}

#[test]
fn a_damaged_batch_never_panics() {
    let stored = crate::encode_read_batch(&samples::read_batch()).unwrap();
    let stored_checked = crate::encode_checked_batch(&samples::checked_batch()).unwrap();
    for end in 0..stored.len() {
        assert!(decode_read_batch(&stored[..end]).is_err(), "{end}");
    }
    for end in 0..stored_checked.len() {
        assert!(decode_checked_batch(&stored_checked[..end]).is_err(), "{end}");
    }
    let mut random = Random(SEED);
    for _ in 0..MUTATIONS {
        let (mut bytes, mut bytes_checked) = (stored.clone(), stored_checked.clone());
        random.mutate(&mut bytes);
        random.mutate(&mut bytes_checked);
        let _ = decode_read_batch(&bytes);
        let _ = decode_checked_batch(&bytes_checked);
    }
}

/// The checksum would catch nearly all of that, so what lies behind it is damaged too.
#[test]
fn a_batch_damaged_before_compression_never_panics() {
    let plain = read::plain(&samples::read_batch()).unwrap();
    let plain_checked = checked::plain(&samples::checked_batch()).unwrap();
    let mut random = Random(SEED);
    for _ in 0..MUTATIONS {
        let (mut bytes, mut bytes_checked) = (plain.clone(), plain_checked.clone());
        random.mutate(&mut bytes);
        random.mutate(&mut bytes_checked);
        if let Ok(batch) = read::from_plain(&bytes) {
            let again = frame::compress(&read::plain(&batch).unwrap(), batch.rows.len()).unwrap();
            assert_eq!(decode_read_batch(&again).unwrap(), batch);
        }
        if let Ok(batch) = checked::from_plain(&bytes_checked) {
            let again = frame::compress(&checked::plain(&batch).unwrap(), batch.records.len()).unwrap();
            assert_eq!(decode_checked_batch(&again).unwrap(), batch);
        }
    }
}
