//! The little of `/proc` that is needed here: `/proc/PID/stat`.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

/// A process as its `/proc/PID/stat` shows it (proc_pid_stat(5)). Times are in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The process id.
    pub(crate) id: i32,
    /// One letter: `R` running, `S` sleeping, `T` stopped, `Z` ended and not yet reaped, …
    pub(crate) state: u8,
    /// The parent's process id.
    pub(crate) parent: i32,
    /// The process group.
    pub(crate) group: i32,
    /// The session.
    pub(crate) session: i32,
    /// CPU time of the process itself, all threads, user and system.
    pub(crate) own_ticks: u64,
    /// CPU time of the children that it has waited for, and of theirs, user and system.
    pub(crate) reaped_ticks: u64,
    /// When it started, after boot. With the id it names a process for good.
    pub(crate) start_ticks: u64,
}

impl Stat {
    /// Reads the line of a process. The name in parentheses may hold anything, spaces and parentheses too.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let name_start = line.iter().position(|byte| *byte == b'(')?;
        let name_end = line.iter().rposition(|byte| *byte == b')')?;
        let id = std::str::from_utf8(&line[..name_start]).ok()?.trim().parse().ok()?;
        let rest = std::str::from_utf8(&line[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Numbered as in the manual, where the state is field 3.
        let field = |number: usize| fields.get(number - 3).copied();
        let signed = |number| field(number)?.parse::<i32>().ok();
        // The times of reaped children are signed in the kernel's format, and never negative.
        let ticks = |number| field(number)?.parse::<u64>().ok();
        Some(Self {
            id,
            state: *field(3)?.as_bytes().first()?,
            parent: signed(4)?,
            group: signed(5)?,
            session: signed(6)?,
            own_ticks: ticks(14)?.saturating_add(ticks(15)?),
            reaped_ticks: ticks(16)?.saturating_add(ticks(17)?),
            start_ticks: ticks(22)?,
        })
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// Reads one process; none when it is gone.
pub(crate) fn read(id: i32) -> io::Result<Option<Stat>> {
    match std::fs::read(PathBuf::from(format!("/proc/{id}/stat"))) {
        Ok(line) => Ok(Stat::parse(&line)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads all processes. One that ends meanwhile is left out.
pub(crate) fn read_all() -> io::Result<Vec<Stat>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        all.extend(read(id)?);
    }
    Ok(all)
}

/// Whether a file of `/proc/PID` could not be read because the process is gone.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    let no_such_process = Errno::SRCH.raw_os_error();
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(no_such_process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped() {
        let line = b"4711 (a) b (c) R 12 4711 4700 0 -1 4194304 1 2 3 4 50 6 70 8 20 0 1 0 99 1000 20 1844\n";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(
            stat,
            Stat {
                id: 4711,
                state: b'R',
                parent: 12,
                group: 4711,
                session: 4700,
                own_ticks: 56,
                reaped_ticks: 78,
                start_ticks: 99,
            }
        );
    }

    #[test]
    fn what_is_not_such_a_line_is_nothing() {
        for line in [&b""[..], b"1", b"1 (a", b"1 a)", b"1 (a) R 2 3", b")(", b"x (a) R 1 1 1"] {
            assert_eq!(Stat::parse(line), None, "{:?}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn a_name_that_is_no_text_is_skipped_too() {
        let line = b"1 (\xff\xfe) S 0 1 1 0 -1 0 0 0 0 0 1 1 1 1 20 0 1 0 5 0 0";
        assert_eq!(Stat::parse(line).unwrap().start_ticks, 5);
    }

    #[test]
    fn this_process_is_listed_and_a_missing_one_is_none() {
        let own = std::process::id() as i32;
        assert!(read_all().unwrap().iter().any(|stat| stat.id == own && stat.is_alive()));
        // Above the largest process id that the kernel gives (4 Mi).
        assert_eq!(read(i32::MAX).unwrap(), None);
    }
}
