//! A disk that is full, read-only, slow or broken, and a database that is damaged (A6, A9, D1, S4).

// What fails here fails the test.
#![allow(clippy::panic, clippy::unwrap_used)]

mod runtime;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use carpus_protocol::monitor;
use carpus_protocol::simulation::{Disk, DiskFault};
use runtime::{Puppet, Runtime, eventually, now_ms};
use serde_json::Value;

impl Runtime {
    async fn disk(&self, fault: DiskFault) {
        self.ask(Disk { fault }).await;
    }

    async fn has_problem(&self, part: &str) -> bool {
        let problems = self.ask(monitor::Status {}).await.problems;
        problems.iter().any(|problem| problem.part == part && !problem.remedy.is_empty())
    }

    async fn alarms(&self) -> BTreeSet<u64> {
        let alarms = self.ask(monitor::Alarms {}).await.alarms;
        alarms.into_iter().map(|alarm| alarm.session).collect()
    }
}

const HOUR_MS: i64 = 3_600_000;

/// How often the app was told that the session is over, over all its lives.
async fn ends(puppet: &Puppet, session: u64) -> usize {
    let told = puppet.does("told").await;
    let is_end =
        |told: &&Value| told["event"]["kind"] == "did_invalidate" && told["event"]["session"] == session;
    told["ok"]["told"].as_array().unwrap_or_else(|| panic!("{told}")).iter().filter(is_end).count()
}

#[tokio::test]
async fn a6_n1_on_a_disk_that_fails_an_alarm_is_refused_and_the_standing_one_rings_and_ends_once() {
    for fault in [DiskFault::Full, DiskFault::ReadOnly, DiskFault::IoError] {
        let mut runtime = Runtime::start(&[]).await;
        let mut standing = runtime.install_puppet("wake-up", "alarm").await;
        runtime.open("wake-up").await;
        let session = standing.schedules(now_ms() + 5000).await;
        let other = runtime.install_puppet("nap", "alarm").await;
        runtime.open("nap").await;
        let refused = other.creates().await;
        let mut events = runtime.events().await;
        runtime.disk(fault).await;

        let answer = other.does(&format!("start_at {refused} {}", now_ms() + HOUR_MS)).await;
        assert!(answer["ok"].is_null(), "{fault:?}: {answer}");
        assert!(answer.to_string().contains("could not be"), "{fault:?}: it says why: {answer}");
        assert_eq!(runtime.alarms().await, [session].into(), "{fault:?}");
        assert!(runtime.has_problem("disk").await, "{fault:?}");

        assert_eq!(standing.is_told("handle").await["event"]["session"], session);
        standing.achieves(&format!("handled {session}")).await;
        standing.is_told("did_start").await;
        standing.achieves(&format!("notify {session} 1000")).await;
        events.next("haptic").await;
        runtime.ask(monitor::StopAlarm { session: None }).await;
        runtime.disk(DiskFault::None).await;
        standing.is_told("did_invalidate").await;
        eventually("both ends are told", async || {
            ends(&standing, session).await > 0 && ends(&other, refused).await > 0
        })
        .await;
        assert!(!runtime.has_problem("disk").await, "{fault:?}");
        assert_eq!((ends(&standing, session).await, ends(&other, refused).await), (1, 1), "{fault:?}");

        runtime.signal("-KILL");
        runtime.wait();
        runtime.launch().await;
        assert_eq!(runtime.alarms().await, BTreeSet::new(), "{fault:?}");
        assert!(runtime.stop().success());
    }
}

#[tokio::test]
async fn a6_a_slow_disk_delays_the_answer_that_waits_for_it_and_nothing_else() {
    let mut runtime = Runtime::start(&[]).await;
    let alarm = runtime.install_puppet("wake-up", "alarm").await;
    let other = runtime.install_puppet("stretch", "physical-therapy").await;
    runtime.open("stretch").await;
    let therapy = other.creates().await;
    other.achieves(&format!("start {therapy}")).await;
    runtime.open("wake-up").await;
    let database = rusqlite::Connection::open(runtime.path("state/state.db")).unwrap();
    let sql = "SELECT count(*) FROM sessions WHERE app = 'wake-up'";
    let on_disk = || database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let mut served_meanwhile = false;
    // On a machine that is itself slower than the disk, what is looked for may not show at once.
    for _ in 0..5 {
        let session = alarm.creates().await;
        runtime.disk(DiskFault::Slow).await;
        let scheduling = alarm.begins(&format!("start_at {session} {}", now_ms() + HOUR_MS));
        eventually("it waits for the disk", async || runtime.alarms().await == [session].into()).await;
        assert!(other.does("play").await["ok"].is_object(), "the watch, another app, and the haptics go on");
        served_meanwhile = on_disk() == 0;
        assert!(scheduling.answer()["ok"].is_object());
        assert_eq!(on_disk(), 1, "what is acknowledged is on disk");
        runtime.disk(DiskFault::None).await;
        alarm.achieves(&format!("invalidate {session}")).await;
        if served_meanwhile {
            break;
        }
    }
    assert!(served_meanwhile, "another app was served while the disk was busy");
    assert!(runtime.stop().success());
}

/// Has the database of a runtime that is stopped damaged, and starts it again.
async fn damage(runtime: &mut Runtime, how: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    assert!(runtime.stop().success());
    let path = runtime.path("state/state.db");
    let mut bytes = fs::read(&path).unwrap();
    how(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    runtime.launch().await;
    runtime.ask(monitor::Status {}).await; // it listens before it looks at the database, and answers after
    bytes
}

fn set_aside(runtime: &Runtime) -> Vec<PathBuf> {
    let entries = fs::read_dir(runtime.path("state")).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("state.db.damaged-") && name.ends_with('Z') // without the log beside it
    };
    entries.filter(named).collect()
}

#[tokio::test]
async fn a6_a_damaged_database_is_set_aside_the_alarms_are_saved_and_the_user_is_told() {
    let mut runtime = Runtime::start(&[]).await;
    let mut alarms = BTreeSet::new();
    for app in ["one", "two", "three"] {
        let puppet = runtime.install_puppet(app, "alarm").await;
        runtime.open(app).await;
        alarms.insert(puppet.schedules(now_ms() + HOUR_MS).await);
    }
    assert!(!runtime.has_problem("database").await);
    let bytes = damage(&mut runtime, |bytes| bytes[..4096].fill(0xA5)).await;
    assert_eq!(runtime.alarms().await, alarms);
    let [kept] = set_aside(&runtime).try_into().unwrap();
    assert_eq!(fs::read(&kept).unwrap(), bytes);
    let problems = runtime.ask(monitor::Status {}).await.problems;
    let told = problems.iter().find(|problem| problem.part == "database").unwrap();
    assert!(told.what.contains("3 sessions"), "{told:?}");
    assert!(told.remedy.contains(kept.to_str().unwrap()), "{told:?}");
    assert!(runtime.log().contains("state.db was damaged"), "{}", runtime.log());

    let puppet = runtime.puppet("one");
    runtime.open("one").await;
    let next = puppet.creates().await;
    assert!(!alarms.contains(&next) && next > 1_000_000, "{next}");
    assert!(runtime.stop().success());
    runtime.launch().await;
    assert!(runtime.has_problem("database").await, "it is told until the file is removed");
    fs::remove_file(kept).unwrap();
    assert!(runtime.stop().success());
    runtime.launch().await;
    assert!(!runtime.has_problem("database").await);
    assert_eq!(runtime.alarms().await, alarms);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn what_is_no_database_is_set_aside_and_another_programs_is_refused() {
    let mut runtime = Runtime::start(&[]).await;
    damage(&mut runtime, |bytes| *bytes = b"a shopping list".to_vec()).await;
    let [kept] = set_aside(&runtime).try_into().unwrap();
    assert_eq!(fs::read(kept).unwrap(), b"a shopping list");
    assert!(runtime.stop().success());

    let path = runtime.path("state/state.db");
    fs::remove_file(&path).unwrap();
    for ending in ["-wal", "-shm"] {
        fs::remove_file(runtime.path(&format!("state/state.db{ending}"))).ok();
    }
    let photos = rusqlite::Connection::open(&path).unwrap();
    photos.execute_batch("CREATE TABLE photos (name TEXT)").unwrap();
    drop(photos);
    let before = fs::read(&path).unwrap();
    let refused = runtime::output_of(&mut runtime.command()).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("the database of another program"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A small file system of its own in a file, mounted where the state is. Only root can do that.
struct Mounted {
    place: PathBuf,
    device: String,
}

impl Mounted {
    /// None where this machine does not let a test do that; says why.
    fn on(folder: &Path, megabytes: u64) -> Option<Self> {
        let (image, place) = (folder.join("disk.img"), folder.join("state"));
        let file = fs::File::create(&image).unwrap();
        file.set_len(megabytes << 20).unwrap();
        let run = |program: &str, words: &[&str]| {
            let output = Command::new(program).args(words).output();
            let output = output.map_err(|error| format!("{program}: {error}"))?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            output.status.success().then_some(output.stdout).ok_or_else(|| format!("{program}: {said}"))
        };
        let (image, target) = (image.to_str().unwrap(), place.to_str().unwrap());
        let mounted = run("mkfs.ext4", &["-q", "-F", "-m", "0", image])
            .and_then(|_| run("mount", &["-o", "loop,errors=remount-ro", image, target]))
            .and_then(|_| run("findmnt", &["-n", "-o", "SOURCE", target]));
        match mounted {
            Ok(device) => {
                let device = String::from_utf8(device).unwrap().trim().trim_start_matches("/dev/").to_owned();
                Some(Self { place, device })
            }
            Err(why) => {
                println!("skipped: a file system for the test cannot be mounted ({why})");
                None
            }
        }
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let filler = self.place.join("filler");
        for size in ["1M", "64K", "4K"] {
            while Command::new("sh")
                .arg("-c")
                .arg(format!("head -c {size} /dev/zero >> {}", filler.display()))
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap()
                .success()
            {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.place.join("filler")).unwrap();
    }

    /// What the kernel does when it finds the file system in disorder. It cannot be taken back.
    fn turn_read_only(&self) {
        let trigger = format!("/sys/fs/ext4/{}/trigger_fs_error", self.device);
        fs::write(trigger, "for a test").unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.place).status().ok();
    }
}

/// A runtime whose state is on a small disk; none where that cannot be had.
async fn on_small_disk(settings: &[&str]) -> Option<(Runtime, Mounted)> {
    let mut runtime = Runtime::start(settings).await;
    assert!(runtime.stop().success());
    let disk = Mounted::on(runtime.folder.path(), 256)?;
    runtime.launch().await;
    Some((runtime, disk))
}

#[tokio::test]
async fn a6_on_a_really_full_disk_what_is_acknowledged_is_there_after_a_kill_and_nothing_else() {
    for reserve in ["journal.reserve=0B", "journal.reserve=1MiB"] {
        let Some((mut runtime, disk)) = on_small_disk(&[reserve, "session.max_per_app=64"]).await else {
            return;
        };
        let puppet = runtime.install_puppet("wake-up", "alarm").await;
        runtime.open("wake-up").await;
        disk.fill();
        let (mut taken, mut refused) = (0_usize, 0_usize);
        let mut standing = None;
        for _ in 0..40 {
            let created = puppet.does("create").await;
            let Some(session) = created["ok"]["session"].as_u64() else {
                refused += 1;
                continue;
            };
            let answer = puppet.does(&format!("start_at {session} {}", now_ms() + HOUR_MS)).await;
            if answer["ok"].is_object() {
                taken += 1;
                standing = Some(session);
                if puppet.does(&format!("invalidate {session}")).await["ok"].is_object() {
                    standing = None;
                }
            } else {
                refused += 1;
            }
        }
        println!("{reserve}: of 40 alarms on a full disk {taken} were taken, {refused} refused");
        let session = match standing {
            Some(session) => Some(session),
            None => {
                let created = puppet.does("create").await["ok"]["session"].as_u64();
                let answer = match created {
                    Some(session) => puppet.does(&format!("start_at {session} {}", now_ms() + HOUR_MS)).await,
                    None => Value::Null,
                };
                created.filter(|_| answer["ok"].is_object())
            }
        };
        runtime.signal("-KILL");
        runtime.wait();
        runtime.launch().await;
        assert_eq!(runtime.alarms().await, session.into_iter().collect(), "{reserve}");
        disk.empty();
        let late = runtime.install_puppet("late", "alarm").await;
        runtime.open("late").await;
        let late = late.schedules(now_ms() + HOUR_MS).await;
        assert!(runtime.alarms().await.contains(&late), "there is room again");
        runtime.stop();
    }
}

#[tokio::test]
async fn a6_n1_on_a_file_system_that_turned_read_only_an_alarm_is_refused_and_the_standing_one_rings() {
    let Some((mut runtime, disk)) = on_small_disk(&[]).await else { return };
    let standing = runtime.install_puppet("wake-up", "alarm").await;
    runtime.open("wake-up").await;
    let session = standing.schedules(now_ms() + 5000).await;
    let other = runtime.install_puppet("nap", "alarm").await;
    runtime.open("nap").await;
    let refused = other.creates().await;
    let mut events = runtime.events().await;
    disk.turn_read_only();
    let answer = other.does(&format!("start_at {refused} {}", now_ms() + HOUR_MS)).await;
    assert!(answer["ok"].is_null(), "{answer}");
    assert_eq!(runtime.alarms().await, [session].into());
    assert!(runtime.has_problem("disk").await);
    eventually("it is handed over", async || {
        standing.does(&format!("handled {session}")).await["ok"].is_object()
    })
    .await;
    standing.achieves(&format!("notify {session} 1000")).await;
    events.next("haptic").await;
    runtime.ask(monitor::StopAlarm { session: None }).await;
    assert!(runtime.stop().success());
    let again = runtime::output_of(&mut runtime.command()).await;
    assert_eq!(again.status.code(), Some(1), "it does not start on a disk that it cannot write");
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.to_lowercase().contains("read-only"), "{said}");
}
