//! The pages of a database as they lie in its file and its log (SQLite's file format, part 1).

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::wal::Log;

/// The size that SQLite gives to a new database's pages, for one whose header does not say it any more.
const USUAL_PAGE_SIZE: u32 = 4096;
/// The length of the database's own header, which lies at the beginning of the first page.
pub(super) const HEADER: usize = 100;
/// How each SQLite database begins.
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Bytes that can be read anywhere: a file, or a part of the memory.
pub(super) trait ReadAt {
    fn length(&self) -> io::Result<u64>;
    /// Reads as much as there is.
    fn read_some(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Fills the buffer; false where the end comes before.
    fn read_whole(&self, at: u64, buffer: &mut [u8]) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(at + filled as u64, &mut buffer[filled..])? {
                0 => return Ok(false),
                read => filled += read,
            }
        }
        Ok(true)
    }
}

impl ReadAt for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_some(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_at(buffer, at)
    }
}

impl ReadAt for &[u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_some(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

pub(super) fn be32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

pub(super) const fn is_page_size(size: u32) -> bool {
    size.is_power_of_two() && size >= 512 && size <= 65_536
}

/// What the database's header says that matters here.
pub(super) struct Header(pub(super) [u8; HEADER]);

impl Header {
    pub(super) fn page_size(&self) -> Option<u32> {
        match u32::from(self.0[16]) << 8 | u32::from(self.0[17]) {
            1 => Some(65_536), // a size that two bytes cannot hold
            size => Some(size).filter(|size| is_page_size(*size)),
        }
    }

    /// What no database of Carpus has in its header; none where all is well.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let Self(bytes) = self;
        let fixed = [(20, 0_u8), (21, 64), (22, 32), (23, 32)];
        let versions = [bytes[18], bytes[19]];
        let faults = [
            (bytes[..16] != MAGIC[..], "it does not begin as a database does"),
            (self.page_size().is_none(), "its header names no size of its pages"),
            (versions != [1, 1] && versions != [2, 2], "its header names a kind of file that is not known"),
            (fixed.iter().any(|(at, byte)| bytes[*at] != *byte), "its header is damaged"),
            (be32(bytes, 52) != 0 || be32(bytes, 64) != 0, "its header is damaged"),
            (be32(bytes, 56) > 1, "its header names another encoding of text"),
        ];
        faults.into_iter().find(|(wrong, _)| *wrong).map(|(_, fault)| fault)
    }
}

/// A database: its file, and over it the log.
pub(super) struct Pages<'a> {
    file: &'a dyn ReadAt,
    log_file: Option<&'a dyn ReadAt>,
    log: Log,
    size: u32,
    /// How many lie in the file.
    in_file: u32,
}

impl<'a> Pages<'a> {
    pub(super) fn of(file: &'a dyn ReadAt, log_file: Option<&'a dyn ReadAt>) -> io::Result<Self> {
        let mut header = Header([0; HEADER]);
        file.read_whole(0, &mut header.0)?;
        let said = header.page_size().unwrap_or(USUAL_PAGE_SIZE);
        let log = log_file.map_or(Ok(Log::default()), |log| Log::read(log, said))?;
        let size = log.page_size.filter(|_| !log.pages.is_empty()).unwrap_or(said);
        let in_file = u32::try_from(file.length()?.div_ceil(u64::from(size))).unwrap_or(u32::MAX);
        Ok(Self { file, log_file, log, size, in_file })
    }

    /// Whether the log has lost what was committed.
    pub(super) const fn log_is_damaged(&self) -> bool {
        self.log.damaged
    }

    /// The newest content of a page, which is numbered from 1; none where there is none.
    pub(super) fn read(&self, page: u32) -> Option<Vec<u8>> {
        let mut content = vec![0; self.size as usize];
        let read = match (self.log.pages.get(&page), self.log_file) {
            (Some(at), Some(log)) => log.read_whole(*at, &mut content),
            _ => {
                let at = u64::from(page.checked_sub(1)?) * u64::from(self.size);
                // The last page of a file that was cut off may be there in part.
                self.file.read_whole(at, &mut content).map(|_| at < self.file.length().unwrap_or(0))
            }
        };
        read.unwrap_or(false).then_some(content)
    }

    /// Where the newest content of a page lies: in the log (with the head of its frame), or in the file.
    #[cfg(test)]
    pub(super) fn place(&self, page: u32) -> (bool, std::ops::Range<usize>) {
        let size = self.size as usize;
        match self.log.pages.get(&page) {
            Some(at) => (true, usize::try_from(*at).unwrap() - 24..usize::try_from(*at).unwrap() + size),
            None => (false, (page as usize - 1) * size..page as usize * size),
        }
    }

    /// All pages: first those whose content is in the log, since it is newer than any in the file.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        let of_log = self.log.pages.keys().copied();
        of_log.chain((1..=self.in_file).filter(|page| !self.log.pages.contains_key(page)))
    }

    /// The pages that hold nothing any more. None are known where the list of them is damaged.
    pub(super) fn free(&self) -> BTreeSet<u32> {
        self.try_free().unwrap_or_default()
    }

    fn try_free(&self) -> Option<BTreeSet<u32>> {
        let header = self.read(1)?;
        let (mut trunk, expected) = (be32(&header, 32), be32(&header, 36) as usize);
        let mut free = BTreeSet::new();
        while trunk != 0 {
            let page = self.read(trunk).filter(|_| free.insert(trunk))?;
            let leaves = be32(&page, 4) as usize;
            if leaves > page.len() / 4 - 2 || free.len() > expected {
                return None;
            }
            for leaf in (0..leaves).map(|leaf| be32(&page, 8 + 4 * leaf)) {
                if leaf < 2 || !free.insert(leaf) {
                    return None;
                }
            }
            trunk = be32(&page, 0);
        }
        (free.len() == expected).then_some(free)
    }
}
