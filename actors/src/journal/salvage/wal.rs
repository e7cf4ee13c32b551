//! The write-ahead log beside a database, read as it lies there (SQLite's file format, part 4).
//!
//! SQLite takes a log up to the first frame that does not check, and forgets what comes after it without a word. Here
//! each frame is checked by itself, so that one that is damaged is noticed, and costs no other.

use std::collections::BTreeMap;
use std::io;

use super::pages::{ReadAt, be32};

const HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// Begins a log whose checksums read their words with the least significant byte first; one more says the other way.
const MAGIC: u32 = 0x377F_0682;

/// The frames of a log that count.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Where the newest content of a page begins in the log.
    pub(super) pages: BTreeMap<u32, u64>,
    /// The size of its pages in bytes, where the log says so.
    pub(super) page_size: Option<u32>,
    /// What was committed is damaged.
    pub(super) damaged: bool,
}

struct Frame {
    page: u32,
    /// Where its content begins.
    at: u64,
    /// The last of a transaction of this generation of the log.
    commits: bool,
    checks: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Sum(u32, u32);

impl Sum {
    fn over(self, bytes: &[u8], big: bool) -> Self {
        let word = |bytes: &[u8]| {
            let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
            if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        bytes.chunks_exact(8).fold(self, |Self(first, second), pair| {
            let first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
            Self(first, second.wrapping_add(word(&pair[4..])).wrapping_add(first))
        })
    }

    fn read(bytes: &[u8]) -> Self {
        Self(be32(bytes, 0), be32(bytes, 4))
    }
}

impl Log {
    /// Reads a log; `page_size` is what the database says, for a log whose own header is damaged.
    pub(super) fn read(file: &dyn ReadAt, page_size: u32) -> io::Result<Self> {
        let length = file.length()?;
        let mut header = [0; HEADER as usize];
        if length < HEADER + FRAME_HEADER || !file.read_whole(0, &mut header)? {
            return Ok(Self::default());
        }
        let magic = be32(&header, 0);
        let big = magic & 1 == 1;
        let sound = magic & !1 == MAGIC && Sum(0, 0).over(&header[..24], big) == Sum::read(&header[24..]);
        let said = be32(&header, 8);
        let page_size = if sound && super::pages::is_page_size(said) { said } else { page_size };
        let frames = frames(file, length, page_size, &header, big)?;
        Ok(Self::of(&frames, sound, page_size))
    }

    fn of(frames: &[Frame], header_checks: bool, page_size: u32) -> Self {
        let broken = frames.iter().position(|frame| !frame.checks).unwrap_or(frames.len());
        let commits = |frames: &[Frame]| frames.iter().filter(|frame| frame.commits).count();
        // A transaction that power was cut in may have left its last frame and not its first. Two that were committed,
        // from a frame on that does not check, are no such thing.
        let damaged = commits(&frames[broken..]) > 1 || (!header_checks && commits(frames) > 0);
        let counts = if damaged { frames } else { &frames[..broken] };
        let last = counts.iter().rposition(|frame| frame.checks && frame.commits);
        let committed = counts.get(..last.map_or(0, |last| last + 1)).unwrap_or_default();
        let pages = committed.iter().filter(|frame| frame.checks).map(|frame| (frame.page, frame.at));
        Self { pages: pages.collect(), page_size: Some(page_size), damaged }
    }
}

/// All frames of the log's present generation, which is told by its salts.
fn frames(
    file: &dyn ReadAt,
    length: u64,
    page_size: u32,
    header: &[u8],
    big: bool,
) -> io::Result<Vec<Frame>> {
    let mut first = [0; FRAME_HEADER as usize];
    file.read_whole(HEADER, &mut first)?;
    // A frame is of this generation if it has the salts of the header, or, where that is damaged, of the first frame.
    let salts = [&header[16..24], &first[8..16]];
    let mut before = Sum::read(&header[24..]);
    let mut frames = Vec::new();
    let mut content = vec![0; page_size as usize];
    let mut at = HEADER;
    let mut newest = 0;
    while at + FRAME_HEADER + u64::from(page_size) <= length {
        let mut head = [0; FRAME_HEADER as usize];
        file.read_whole(at, &mut head)?;
        file.read_whole(at + FRAME_HEADER, &mut content)?;
        let sum = before.over(&head[..8], big).over(&content, big);
        before = Sum::read(&head[16..]);
        let of_this = salts.contains(&&head[8..16]);
        let page = be32(&head, 0);
        let checks = of_this && page > 0 && sum == before;
        frames.push(Frame { page, at: at + FRAME_HEADER, commits: of_this && be32(&head, 4) > 0, checks });
        if of_this {
            newest = frames.len();
        }
        at += FRAME_HEADER + u64::from(page_size);
    }
    frames.truncate(newest); // what lies behind is of an older generation
    Ok(frames)
}
