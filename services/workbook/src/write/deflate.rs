//! A part of a package, deflated as it is written. Whole blocks are deflated beside each other, so that both cores work
//! on one sheet; where blocks end depends on the bytes alone, so that the same part is always the same.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress};

/// Between speed and size: with 100,000 × 20, 6 takes twice the time for a tenth fewer bytes, 1 takes two thirds of it
/// for two fifths more (`measure` in the tests).
const LEVEL: u32 = 3;
/// What is deflated at once. Each block begins with an empty window, which costs nothing that can be seen at this size.
const BLOCK_BYTES: usize = 1 << 20;
/// Threads that deflate one part. Two parts are often written at once, and few machines have more cores to spare.
const WORKERS: usize = 2;
/// Blocks that wait at or rest with each of them.
const WAITING: usize = 2;
/// A last block that is empty.
const END: [u8; 2] = [3, 0];
/// The room that is added when a block does not fit.
const ROOM_BYTES: usize = 1 << 16;

/// What the directory of a package says of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) crc: u32,
    pub(super) raw: u64,
    pub(super) packed: u64,
}

/// A part in the making. What is deflated goes to the sink that each call names, always the same one.
pub(super) struct Part {
    block: Vec<u8>,
    crc: Crc,
    sizes: Sizes,
    workers: Vec<Worker>,
    sent: usize,
    received: usize,
}

struct Worker {
    blocks: SyncSender<Vec<u8>>,
    done: Receiver<io::Result<Deflated>>,
}

struct Deflated {
    bytes: Vec<u8>,
    crc: Crc,
    raw: u64,
}

impl Part {
    pub(super) fn new() -> Self {
        Self { block: Vec::new(), crc: Crc::new(), sizes: Sizes::default(), workers: Vec::new(), sent: 0, received: 0 }
    }

    /// What is to be deflated next: append to it, then call [`Part::flow`].
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.block
    }

    /// Hands a full block to a worker.
    pub(super) fn flow(&mut self, sink: &mut impl Write) -> io::Result<()> {
        if self.block.len() < BLOCK_BYTES {
            return Ok(());
        }
        if self.workers.is_empty() {
            self.workers = (0..WORKERS).map(|_| Worker::start()).collect::<io::Result<_>>()?;
        }
        if self.sent - self.received == WORKERS * WAITING {
            self.receive(sink)?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES + ROOM_BYTES));
        let worker = self.workers.get(self.sent % WORKERS).ok_or_else(gone)?;
        worker.blocks.send(block).map_err(|_| gone())?;
        self.sent += 1;
        Ok(())
    }

    /// Takes back the oldest block: they are dealt out in turn, so its worker is known.
    fn receive(&mut self, sink: &mut impl Write) -> io::Result<()> {
        let worker = self.workers.get(self.received % WORKERS).ok_or_else(gone)?;
        let deflated = worker.done.recv().map_err(|_| gone())??;
        self.received += 1;
        self.take(&deflated, sink)
    }

    fn take(&mut self, deflated: &Deflated, sink: &mut impl Write) -> io::Result<()> {
        self.crc.combine(&deflated.crc);
        self.sizes.raw += deflated.raw;
        self.sizes.packed += deflated.bytes.len() as u64;
        sink.write_all(&deflated.bytes)
    }

    /// Deflates the rest and ends the part.
    pub(super) fn finish(mut self, sink: &mut impl Write) -> io::Result<Sizes> {
        while self.received < self.sent {
            self.receive(sink)?;
        }
        let rest = deflate(&mut compressor(), &self.block)?;
        self.take(&rest, sink)?;
        sink.write_all(&END)?;
        let packed = self.sizes.packed + END.len() as u64;
        Ok(Sizes { crc: self.crc.sum(), packed, ..self.sizes })
    }
}

impl Worker {
    /// Starts a thread that ends when its part is dropped.
    fn start() -> io::Result<Self> {
        let (blocks, work) = sync_channel::<Vec<u8>>(WAITING);
        let (results, done) = sync_channel(WAITING);
        thread::Builder::new().name("deflate".to_owned()).spawn(move || {
            let mut state = compressor();
            while let Ok(block) = work.recv() {
                if results.send(deflate(&mut state, &block)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { blocks, done })
    }
}

fn compressor() -> Compress {
    Compress::new(Compression::new(LEVEL), false)
}

/// Deflates a block so that any other may follow it.
fn deflate(state: &mut Compress, block: &[u8]) -> io::Result<Deflated> {
    state.reset();
    let mut bytes = Vec::with_capacity(block.len() / 4 + ROOM_BYTES);
    loop {
        let rest = usize::try_from(state.total_in()).ok().and_then(|done| block.get(done..)).unwrap_or_default();
        state.compress_vec(rest, &mut bytes, FlushCompress::Sync)?;
        // Room that is left says that everything came out.
        if state.total_in() == block.len() as u64 && bytes.len() < bytes.capacity() {
            break;
        }
        bytes.reserve(ROOM_BYTES);
    }
    let mut crc = Crc::new();
    crc.update(block);
    Ok(Deflated { bytes, crc, raw: block.len() as u64 })
}

fn gone() -> io::Error {
    io::Error::other("a thread that deflates ended")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_written_comes_out_again_whatever_its_length() {
        let line = |at: usize| format!("row {at} {}\n", at.wrapping_mul(2_654_435_761)).into_bytes();
        for rows in [0, 1, 1_000, 200_000, 400_000] {
            let (mut part, mut packed, mut raw) = (Part::new(), Vec::new(), Vec::new());
            for at in 0..rows {
                part.buffer().extend(line(at));
                raw.extend(line(at));
                part.flow(&mut packed).unwrap();
            }
            let sizes = part.finish(&mut packed).unwrap();
            assert_eq!((sizes.raw, sizes.packed), (raw.len() as u64, packed.len() as u64));
            let mut crc = Crc::new();
            crc.update(&raw);
            assert_eq!(sizes.crc, crc.sum());
            let mut inflated = Vec::new();
            flate2::read::DeflateDecoder::new(&packed[..]).read_to_end(&mut inflated).unwrap();
            assert!(inflated == raw, "{rows}");
        }
    }

    #[test]
    fn what_does_not_shrink_comes_out_whole() {
        let mut random = 1_u64;
        let noise: Vec<u8> = (0..3 * BLOCK_BYTES)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 56) as u8
            })
            .collect();
        let (mut part, mut packed) = (Part::new(), Vec::new());
        for piece in noise.chunks(100_000) {
            part.buffer().extend(piece);
            part.flow(&mut packed).unwrap();
        }
        part.finish(&mut packed).unwrap();
        let mut inflated = Vec::new();
        flate2::read::DeflateDecoder::new(&packed[..]).read_to_end(&mut inflated).unwrap();
        assert!(inflated == noise);
    }

    #[test]
    fn a_sink_that_fails_is_an_error() {
        let mut part = Part::new();
        part.buffer().extend(b"x");
        assert!(part.finish(&mut &mut [0_u8; 1][..]).is_err());
    }
}
