//! A sorted run of windows: in memory, or in a file with one entry per block in memory.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::Moment;

use super::{HITS_MAX, Question, Stretch, UsageKey, Window};

/// Windows that are read at once.
const BLOCK_WINDOWS: usize = 128;
/// What a window takes in a file.
const WINDOW_BYTES: usize = 40;
/// A block of windows: 5 KiB.
const BLOCK_BYTES: usize = BLOCK_WINDOWS * WINDOW_BYTES;

/// What is known of a block without reading it.
#[derive(Clone, Copy, Debug)]
struct Head {
    key: UsageKey,
    start: Moment,
    last_end: Moment,
}

impl Head {
    fn of(block: &[Window]) -> Option<Self> {
        let first = block.first()?;
        let last_end = block.iter().map(|window| window.stretch.end).max()?;
        Some(Self { key: first.key, start: first.stretch.start, last_end })
    }
}

#[derive(Debug)]
enum Body {
    Memory(Vec<Window>),
    File { file: File, windows: usize, block: Vec<Window>, read: Option<usize> },
}

/// Windows in their order.
#[derive(Debug)]
pub(super) struct Run {
    heads: Vec<Head>,
    body: Body,
}

impl Run {
    pub(super) fn in_memory(windows: Vec<Window>) -> Self {
        Self { heads: windows.chunks(BLOCK_WINDOWS).filter_map(Head::of).collect(), body: Body::Memory(windows) }
    }

    pub(super) fn overlaps(
        &mut self,
        questions: &[Question],
        found: &mut impl FnMut(usize, Option<&Window>),
    ) -> io::Result<()> {
        for question in questions {
            let (key, stretch) = (question.key, question.stretch);
            // The block before the first that begins with the key may end with it.
            let from = self.heads.partition_point(|head| head.key < key).saturating_sub(1);
            let mut hits = 0;
            for index in from..self.heads.len() {
                let Some(head) = self.heads.get(index) else { break };
                if (head.key, head.start) > (key, stretch.end) || hits > HITS_MAX {
                    break;
                }
                if head.last_end < stretch.start {
                    continue;
                }
                for window in self.body.block(index)? {
                    if window.key == key && window.stretch.intersects(stretch) {
                        hits += 1;
                        found(question.at, (hits <= HITS_MAX).then_some(window));
                        if hits > HITS_MAX {
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl Body {
    fn block(&mut self, index: usize) -> io::Result<&[Window]> {
        let first = index * BLOCK_WINDOWS;
        match self {
            Self::Memory(windows) => {
                let end = windows.len().min(first + BLOCK_WINDOWS);
                Ok(windows.get(first..end).unwrap_or_default())
            }
            Self::File { file, windows, block, read } => {
                // Sorted questions ask for the same block again and again.
                if *read != Some(index) {
                    *read = None;
                    let count = windows.saturating_sub(first).min(BLOCK_WINDOWS);
                    let mut bytes = [0; BLOCK_BYTES];
                    let bytes = bytes.get_mut(..count * WINDOW_BYTES).unwrap_or_default();
                    file.read_exact_at(bytes, (first * WINDOW_BYTES) as u64)?;
                    block.clear();
                    block.extend(bytes.as_chunks::<WINDOW_BYTES>().0.iter().map(decode));
                    *read = Some(index);
                }
                Ok(block)
            }
        }
    }
}

/// Writes a run to a file without a name.
pub(super) fn write(temp: &Path, windows: &[Window]) -> io::Result<Run> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    std::fs::create_dir_all(temp)?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = temp.join(format!("windows-{}-{count}.tmp", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(&path)?;
    let mut out = BufWriter::new(&file);
    for window in windows {
        out.write_all(&encode(window))?;
    }
    out.flush()?;
    drop(out);
    let heads = windows.chunks(BLOCK_WINDOWS).filter_map(Head::of).collect();
    Ok(Run { heads, body: Body::File { file, windows: windows.len(), block: Vec::new(), read: None } })
}

fn encode(window: &Window) -> [u8; WINDOW_BYTES] {
    let mut bytes = [0; WINDOW_BYTES];
    let numbers = [window.file, window.first_row, window.last_row].into_iter().flat_map(u32::to_le_bytes);
    let times = [window.stretch.start.0, window.stretch.end.0].into_iter().flat_map(i64::to_le_bytes);
    for (slot, byte) in bytes.iter_mut().zip(window.key.into_iter().chain(times).chain(numbers)) {
        *slot = byte;
    }
    bytes
}

fn decode(bytes: &[u8; WINDOW_BYTES]) -> Window {
    let time = |at: usize| Moment(i64::from_le_bytes(array(bytes, at)));
    let number = |at: usize| u32::from_le_bytes(array(bytes, at));
    let stretch = Stretch { start: time(12), end: time(20) };
    Window { key: array(bytes, 0), stretch, file: number(28), first_row: number(32), last_row: number(36) }
}

fn array<const N: usize>(bytes: &[u8; WINDOW_BYTES], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}
