//! Bytes that change, sectors that are lost, files that are cut off: at many places of a real database.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::once;
use std::ops::Range;

use super::*;
use crate::journal::salvage::{beside, places};

const ALARMS: u64 = 100;
/// How many alarms were cancelled before.
const CANCELLED: u64 = 40;
/// For each way of damage.
const CASES: u64 = 24;

/// A folder in memory, where there is one: these tests are not about how long a disk takes.
fn room() -> (TempDir, PathBuf) {
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    let path = folder.path().join("state.db");
    (folder, path)
}

/// Numbers that look random and are the same in each run (xorshift, 64 bits).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Bit,
    Bytes,
    Sector,
    ZeroPage,
    Page,
    Misplaced,
    Cut,
}

const WAYS: [Way; 7] =
    [Way::Bit, Way::Bytes, Way::Sector, Way::ZeroPage, Way::Page, Way::Misplaced, Way::Cut];

impl Way {
    /// Does it, and says where.
    fn happen(self, bytes: &mut Vec<u8>, dice: &mut Dice) -> Vec<Range<usize>> {
        let length = bytes.len();
        let place = |at: usize, size: usize| at..(at + size).min(length);
        let noise = |bytes: &mut Vec<u8>, place: &Range<usize>, dice: &mut Dice| {
            bytes[place.clone()].fill_with(|| u8::try_from(dice.below(256)).unwrap());
        };
        match self {
            Self::Bit => {
                let at = dice.below(length);
                bytes[at] ^= 1 << dice.below(8);
                vec![place(at, 1)]
            }
            Self::Bytes => {
                let places: Vec<_> = (0..16).map(|_| place(dice.below(length), 1)).collect();
                places.iter().for_each(|place| noise(bytes, place, dice));
                places
            }
            Self::Sector | Self::Page => {
                let size = if self == Self::Page { 4096 } else { 512 };
                let place = place(dice.below(length / size) * size, size);
                noise(bytes, &place, dice);
                vec![place]
            }
            Self::ZeroPage => {
                let place = place(dice.below(length / 4096) * 4096, 4096);
                bytes[place.clone()].fill(0);
                vec![place]
            }
            Self::Misplaced => {
                let pages = length / 4096;
                let (from, to) = (dice.below(pages) * 4096, dice.below(pages) * 4096);
                let content = bytes[from..from + 4096].to_vec();
                bytes[to..to + 4096].copy_from_slice(&content);
                vec![place(to, 4096)]
            }
            Self::Cut => {
                let at = dice.below(length);
                bytes.truncate(at);
                once(at..length).collect()
            }
        }
    }
}

/// The files of a database as a runtime that was killed leaves them: the file, and its log.
struct Original {
    file: Vec<u8>,
    log: Vec<u8>,
    /// In which bytes of the two each alarm lies.
    places: BTreeMap<i64, Vec<(bool, Range<usize>)>>,
    /// Where the last two transactions begin in the log. Damage there may look like power that was cut while the last
    /// one was written: SQLite forgets it then, and so do we.
    last: usize,
}

fn step(thread: &mut thread::JournalThread, steps: Vec<Step>) {
    ask(thread, TakeSteps(steps)).unwrap();
}

fn ask<R: Request>(thread: &mut thread::JournalThread, request: R) -> Result<R::Answer, JournalError> {
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    thread.run(vec![Box::new(Work::new(request, reply))]);
    answer.try_recv().unwrap()
}

fn begin(path: &Path) -> thread::JournalThread {
    thread::JournalThread::open(&JournalOptions::at(path.to_owned(), 64), Arc::default()).unwrap()
}

/// `in_log`: how many of the alarms are still in the log only.
fn original(in_log: u64) -> Original {
    let (_folder, path) = room();
    let mut thread = begin(&path);
    let total = ALARMS + CANCELLED;
    for _ in 0..total {
        ask(&mut thread, NextSessionId).unwrap();
    }
    let save = |session| Step::Save(record(session, scheduled(1_800_000_000_000)));
    let tell = |session| Step::Append(Append { app: other_app(), event: started(session) });
    step(&mut thread, (1..=total - in_log).flat_map(|session| [save(session), tell(session)]).collect());
    step(&mut thread, (1..=CANCELLED).map(|session| Step::Forget(SessionId(session))).collect());
    step(&mut thread, vec![Step::SaveRecurrence(rules::recurrence(app()))]);
    ask(&mut thread, rules::grants()).unwrap();
    drop(thread);
    let mut thread = begin(&path);
    let mut lengths = vec![0];
    let log = beside(&path, "-wal");
    for session in total - in_log + 1..=total {
        lengths.push(std::fs::metadata(&log).map_or(0, |log| usize::try_from(log.len()).unwrap()));
        step(&mut thread, vec![save(session), tell(session)]);
    }
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap_or_default());
    let places = places(&file, &log);
    assert_eq!(places.len() as u64, ALARMS);
    let last = lengths[lengths.len().saturating_sub(2)];
    Original { file, log, places, last }
}

/// What came of one case.
struct Outcome {
    rescued: bool,
    alarms: usize,
}

/// Starts on damaged files. The alarms that lie elsewhere are there, and no file is lost.
fn start(original: &Original, file: &[u8], log: &[u8], hit: &[(bool, Range<usize>)], what: &str) -> Outcome {
    let (_folder, path) = room();
    std::fs::write(&path, file).unwrap();
    if !log.is_empty() {
        std::fs::write(beside(&path, "-wal"), log).unwrap();
    }
    let rescue = match prepare(&path) {
        Ok(rescue) => rescue,
        // A bit of the number of the format itself, which is held to be that of a newer one.
        Err(OpenError::NewerVersion { .. }) => {
            let on_number = |(in_log, place): &(bool, Range<usize>)| *in_log || place.start < 64;
            assert!(hit.iter().any(on_number), "{what}");
            assert_eq!(std::fs::read(&path).unwrap(), file, "{what}");
            return Outcome { rescued: false, alarms: original.places.len() };
        }
        Err(refused) => panic!("{what}: {refused}"),
    };
    if let Some(rescue) = &rescue {
        assert_eq!(std::fs::read(&rescue.set_aside).unwrap(), file, "{what}: it is kept as it was");
        if !log.is_empty() {
            assert_eq!(std::fs::read(beside(&rescue.set_aside, "-wal")).unwrap(), log, "{what}");
        }
    }
    let mut thread = begin(&path);
    let sessions = ask(&mut thread, LoadSessions).unwrap();
    let kept: BTreeSet<i64> = sessions.iter().map(|record| record.session.0.cast_signed()).collect();
    for (session, places) in &original.places {
        let overlap = |(in_log, place): &(bool, Range<usize>)| {
            hit.iter().any(|(log, hit)| log == in_log && hit.start < place.end && place.start < hit.end)
        };
        let was_hit = places.iter().any(overlap);
        assert!(was_hit || kept.contains(session), "{what}: alarm {session} was not hit, and is gone");
    }
    let next = ask(&mut thread, NextSessionId).unwrap().0;
    let given = kept.iter().max().map_or(0, |largest| largest.cast_unsigned());
    assert!(next > given, "{what}");
    if rescue.is_some() {
        assert!(next > ALARMS + CANCELLED, "{what}: a number is given again");
        assert!(kept.iter().all(|session| *session > CANCELLED as i64), "{what}: a cancelled one is back");
    }
    ask(&mut thread, SaveSession(record(next, scheduled(5)))).unwrap();
    assert_eq!(prepare(&path).unwrap(), None, "{what}: it is whole now");
    Outcome { rescued: rescue.is_some(), alarms: sessions.len() }
}

fn table(name: &str, original: &Original, in_log: bool) {
    println!("{name}: {} bytes, log {} bytes", original.file.len(), original.log.len());
    println!("{:>10} {:>6} {:>8} {:>12} {:>8}", "damage", "cases", "set aside", "alarms saved", "fewest");
    for way in WAYS {
        let mut outcomes = Vec::new();
        for case in 0..CASES {
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (case + 1).wrapping_mul(0x2545_F491_4F6C_DD1D));
            let (mut file, mut log) = (original.file.clone(), original.log.clone());
            let mut hit = way.happen(if in_log { &mut log } else { &mut file }, &mut dice);
            let what = format!("{name}, {way:?}, case {case}, {hit:?}");
            if in_log && hit.iter().any(|place| way == Way::Cut || place.end > original.last) {
                // SQLite takes what is left of the log for all there ever was.
                hit = once(0..original.log.len()).collect();
            }
            let hit: Vec<_> = hit.into_iter().map(|place| (in_log, place)).collect();
            outcomes.push(start(original, &file, &log, &hit, &what));
        }
        let rescued = outcomes.iter().filter(|outcome| outcome.rescued).count();
        let saved: usize = outcomes.iter().map(|outcome| outcome.alarms).sum();
        let fewest = outcomes.iter().map(|outcome| outcome.alarms).min().unwrap();
        let average = saved as f64 / outcomes.len() as f64;
        println!("{:>10} {:>6} {rescued:>9} {average:>12.1} {fewest:>8}", format!("{way:?}"), outcomes.len());
    }
}

#[test]
fn a6_a9_the_alarms_on_pages_that_are_whole_outlive_any_damage_to_the_file() {
    table("file", &original(0), false);
}

#[test]
fn a6_a9_the_alarms_in_frames_that_are_whole_outlive_any_damage_to_the_log() {
    table("log", &original(30), true);
}

#[test]
fn a6_a9_the_alarms_in_the_log_outlive_any_damage_to_the_file() {
    table("file with log", &original(30), false);
}

#[test]
fn what_is_read_page_by_page_is_what_the_database_says() {
    // Long rows go on on further pages, and many rows make trees with several levels.
    let (_folder, path) = room();
    let mut thread = begin(&path);
    let name = "n".repeat(64);
    let long = AppId::parse(&name).unwrap();
    for session in 1..=2000 {
        let steps = vec![
            Step::Save(SessionRecord { app: long.clone(), ..record(session, running(true)) }),
            Step::Append(Append { app: long.clone(), event: started(session) }),
        ];
        step(&mut thread, steps);
    }
    step(&mut thread, (500..=900).map(|session| Step::Forget(SessionId(session))).collect());
    ask(&mut thread, Acknowledge { app: long.clone(), sequence: 700 }).unwrap();
    for number in 0..20 {
        let device = DeviceId::parse(&format!("C0:FF:EE:00:00:{number:02X}")).unwrap();
        let strap = KnownStrap {
            device,
            name: Some("long ".repeat(number * 300)),
            role: None,
            added_at: WallTime::from_unix_ms(77),
        };
        ask(&mut thread, SaveStrap(strap)).unwrap();
    }
    let sessions = ask(&mut thread, LoadSessions).unwrap();
    let straps = ask(&mut thread, LoadStraps).unwrap();
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(beside(&path, "-wal")).unwrap());
    assert!(log.len() > 4096 * 10, "a part of it is in the log");
    let copy = TempDir::new().unwrap();
    let copied = copy.path().join("state.db");
    std::fs::write(&copied, &file).unwrap();
    std::fs::write(beside(&copied, "-wal"), &log).unwrap();
    let rescue = salvage::rescue(&copied, "for the test".to_owned()).unwrap();
    assert_eq!(rescue.saved.unreadable, 0);
    assert_eq!((rescue.saved.sessions, rescue.saved.events, rescue.saved.straps), (1599, 1300, 20));
    let mut thread = begin(&copied);
    assert_eq!(ask(&mut thread, LoadSessions).unwrap(), sessions);
    assert_eq!(ask(&mut thread, LoadStraps).unwrap(), straps);
}

/// How long the look at a database takes, and a write: `cargo test -p carpus-actors figures -- --ignored --nocapture`.
#[test]
#[ignore = "figures for people"]
fn figures() {
    for alarms in [100, 10_000] {
        let (_folder, path) = super::room();
        let mut thread = begin(&path);
        let steps = |session| Step::Save(record(session, scheduled(1_800_000_000_000)));
        step(&mut thread, (1..=alarms).map(steps).collect());
        drop(thread);
        let bytes = std::fs::metadata(&path).unwrap().len();
        for sql in ["PRAGMA quick_check(1)", "PRAGMA integrity_check(1)"] {
            let connection = Connection::open(&path).unwrap();
            let begun = std::time::Instant::now();
            connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
            println!("{alarms} alarms, {bytes} bytes: {sql} {:?}", begun.elapsed());
        }
        let begun = std::time::Instant::now();
        prepare(&path).unwrap();
        println!("{alarms} alarms: whole check {:?}", begun.elapsed());
        let mut thread = begin(&path);
        let begun = std::time::Instant::now();
        (1..=200).for_each(|session| step(&mut thread, vec![steps(session)]));
        println!("{alarms} alarms: a write {:?}", begun.elapsed() / 200);
        drop(thread);
        let mut damaged = std::fs::read(&path).unwrap();
        damaged[..100].fill(0);
        std::fs::write(&path, damaged).unwrap();
        let begun = std::time::Instant::now();
        let rescue = prepare(&path).unwrap().unwrap();
        println!("{alarms} alarms: rescue {:?}, {}", begun.elapsed(), rescue.saved);
    }
}
