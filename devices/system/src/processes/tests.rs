//! With real processes, each with process groups and, where this machine has them, with control groups.

mod adopted;
mod bounds;

use std::cell::RefCell;
use std::task::Poll;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::procfs;

/// How long a state of a process is waited for before the test fails; reaching it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
const BUSY: &str = "while :; do :; done";

struct Bench {
    launcher: Launcher,
    /// The place of the runtime, with the folder of the app and its data in it.
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    /// What was launched: a test that fails leaves nothing running.
    launched: RefCell<Vec<Arc<dyn AppProcess>>>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        for app in self.launched.borrow().iter() {
            app.kill().unwrap();
        }
    }
}

const MIB: u64 = 1 << 20;

fn options(place: &Path) -> LauncherOptions {
    LauncherOptions {
        place: place.to_owned(),
        sandbox: Sandbox::Auto,
        readable: Vec::new(),
        limits: AppLimits { open_files: 64, file_bytes: MIB, processes: 64, memory_bytes: 128 * MIB },
    }
}

/// One bench for each way that apps can be held here.
fn benches() -> Vec<Bench> {
    let mut benches = vec![Bench::new(Launcher::without_cgroups)];
    let own = Bench::new(Launcher::new);
    if own.launcher.subtree.is_some() {
        benches.push(own);
    }
    benches
}

impl Bench {
    fn new(launcher: impl FnOnce(LauncherOptions) -> io::Result<Launcher>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["folder", "data"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let launcher = launcher(options(folder.path())).unwrap();
        Self { launcher, folder, runtime, launched: RefCell::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn launch_of(&self, program: &str) -> Launch {
        launch(self.folder.path(), Path::new(program))
    }

    fn run(&self, script: &str) -> Arc<dyn AppProcess> {
        let app = self.launch_script(script);
        self.launched.borrow_mut().push(Arc::clone(&app));
        app
    }

    /// Launches a shell script. It is its own program, as apps take no arguments.
    fn launch_script(&self, script: &str) -> Arc<dyn AppProcess> {
        launch_written(&self.launcher, &launch(self.folder.path(), &self.write_script(script)))
    }

    fn write_script(&self, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        // A file of its own: a shell may read its script only after the next one is written.
        let path = self.path(&format!("folder/app{}", fs::read_dir(self.path("folder")).unwrap().count()));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn exit(&self, app: &dyn AppProcess) -> ExitStatus {
        let exited = app.exited();
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, exited).await }).unwrap()
    }

    fn is_running(&self, app: &dyn AppProcess) -> bool {
        let mut exited = app.exited();
        self.runtime
            .block_on(std::future::poll_fn(|context| Poll::Ready(exited.as_mut().poll(context))))
            .is_pending()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("logs/test-app.log")).unwrap()
    }

    /// Waits for `words` in the log and gives what stands behind them in the line.
    fn wait_for_log(&self, words: &str) -> String {
        let behind =
            |log: String| log.lines().find_map(|line| Some(line.split_once(words)?.1.trim().to_owned()));
        eventually(words, || self.log().ends_with('\n').then(|| behind(self.log())).flatten())
    }
}

fn launch(place: &Path, program: &Path) -> Launch {
    Launch {
        app: "test-app".to_owned(),
        program: program.to_owned(),
        folder: place.join("folder"),
        data: place.join("data"),
        environment: vec![("CARPUS_APP_ID".to_owned(), "test-app".to_owned())],
        log: place.join("logs/test-app.log"),
    }
}

/// Another test may be forking at this moment, and hold the program open for writing until it execs.
fn launch_written(launcher: &Launcher, launch: &Launch) -> Arc<dyn AppProcess> {
    eventually("a script that can be run", || match launcher.launch(launch) {
        Err(ProcessError::Launch { cause, .. }) if cause.to_string().contains("Text file busy") => None,
        launched => Some(launched.unwrap()),
    })
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn state(id: u32) -> Option<u8> {
    procfs::read(i32::try_from(id).unwrap()).unwrap().map(|stat| stat.state)
}

fn wait_until_gone(id: u32) {
    eventually("the end of a process", || matches!(state(id), None | Some(b'Z')).then_some(()));
}

/// Waits until the kernel has stopped `id`: told by its state, or for a control group by the group.
fn wait_until_frozen(id: u32) {
    let group = fs::read_to_string(format!("/proc/{id}/cgroup")).unwrap();
    let path = group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").to_owned();
    eventually("a frozen process", || {
        let is_stopped = state(id) == Some(b'T');
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
        let is_frozen = mounts.iter().any(|mount| {
            fs::read_to_string(format!("{mount}{path}/cgroup.events"))
                .is_ok_and(|events| events.contains("frozen 1"))
        });
        (is_stopped || is_frozen).then_some(())
    });
}

fn cpu(app: &dyn AppProcess) -> Duration {
    app.cpu_time().unwrap()
}

fn wait_for_cpu_beyond(app: &dyn AppProcess, used: Duration) -> Duration {
    eventually("CPU time", || Some(cpu(app)).filter(|now| *now > used))
}

#[test]
fn output_goes_to_the_log_and_the_code_comes_back() {
    for bench in benches() {
        let app = bench.run("echo to the log; echo and its errors >&2; exit 7");
        assert_eq!(bench.exit(&*app), ExitStatus::Code(7));
        assert_eq!(bench.log(), "to the log\nand its errors\n");
        bench.exit(&*bench.run("echo again"));
        assert_eq!(bench.log(), "to the log\nand its errors\nagain\n");
    }
}

#[test]
fn the_log_is_not_for_everybody() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new(Launcher::without_cgroups);
    bench.exit(&*bench.run("true"));
    let mode = fs::metadata(bench.path("logs/test-app.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
}

#[test]
fn the_environment_is_clean_the_input_empty_and_the_folder_the_apps() {
    for bench in benches() {
        let app = bench.run("cat; env | cut -d= -f1 | sort | tr '\\n' ' '; echo; pwd");
        assert_eq!(bench.exit(&*app), ExitStatus::Code(0));
        let log = bench.log();
        let (names, folder) = log.trim_end().split_once('\n').unwrap();
        let allowed =
            ["CARPUS_APP_ID", "CARPUS_RUNTIME", "PATH", "LANG", "TZ", "PWD", "OLDPWD", "SHLVL", "_"];
        assert!(names.split_whitespace().all(|name| allowed.contains(&name)), "{names}");
        assert!(names.contains("CARPUS_APP_ID") && names.contains("PATH"), "{names}");
        assert_eq!(Path::new(folder), bench.path("folder").canonicalize().unwrap());
    }
}

#[test]
fn a_search_path_is_there_even_if_the_runtime_has_none() {
    assert_eq!(kept_environment(|_| None), [("PATH", OsString::from(PATH_DEFAULT))]);
    let kept = kept_environment(|name| (name != "LANG").then(|| name.to_lowercase().into()));
    assert_eq!(kept, [("PATH", "path".into()), ("TZ", "tz".into())]);
}

#[test]
fn a_signal_that_ends_an_app_is_told() {
    for bench in benches() {
        assert_eq!(bench.exit(&*bench.run("kill -KILL $$")), ExitStatus::Signal(9));
    }
}

#[test]
fn the_end_may_be_asked_for_late() {
    for bench in benches() {
        let app = bench.run("exit 3");
        wait_until_gone(app.id());
        assert_eq!(bench.exit(&*app), ExitStatus::Code(3));
    }
}

#[test]
fn l5_a_frozen_app_gets_no_cpu_until_it_is_thawed() {
    for bench in benches() {
        let app = bench.run(BUSY);
        wait_for_cpu_beyond(&*app, Duration::from_millis(20));
        app.freeze().unwrap();
        wait_until_frozen(app.id());
        let frozen_at = cpu(&*app);
        for _ in 0..50 {
            procfs::read_all().unwrap();
            assert_eq!(cpu(&*app), frozen_at);
        }
        app.thaw().unwrap();
        wait_for_cpu_beyond(&*app, frozen_at);
        app.kill().unwrap();
        assert_eq!(bench.exit(&*app), ExitStatus::Signal(9));
    }
}

#[test]
fn l5_what_an_app_forked_is_frozen_with_it() {
    for bench in benches() {
        // The fork leaves the process group and the session.
        let app = bench.run(&format!("setsid sh -c 'echo fork $$; {BUSY}' & wait"));
        let fork: u32 = bench.wait_for_log("fork").parse().unwrap();
        app.freeze().unwrap();
        wait_until_frozen(fork);
        app.thaw().unwrap();
        eventually("the fork runs again", || (state(fork) == Some(b'R')).then_some(()));
        app.kill().unwrap();
        wait_until_gone(fork);
        assert_eq!(bench.exit(&*app), ExitStatus::Signal(9));
    }
}

#[test]
fn l7_an_app_that_ignores_the_request_to_end_is_killed() {
    for bench in benches() {
        let app = bench.run("trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done");
        bench.wait_for_log("ready");
        app.terminate().unwrap();
        bench.wait_for_log("asked");
        assert!(bench.is_running(&*app));
        app.kill().unwrap();
        assert_eq!(bench.exit(&*app), ExitStatus::Signal(9));
    }
}

#[test]
fn l7_a_frozen_app_is_thawed_to_end() {
    for bench in benches() {
        // No fork in the loop: a parent in vfork waits for its stopped child, and does not show as stopped.
        let app = bench.run(&format!("trap 'echo leaving; exit 0' TERM; echo ready; {BUSY}"));
        bench.wait_for_log("ready");
        app.freeze().unwrap();
        wait_until_frozen(app.id());
        app.terminate().unwrap();
        assert_eq!(bench.exit(&*app), ExitStatus::Code(0));
        assert!(bench.log().ends_with("leaving\n"));
    }
}

#[test]
fn l7_a_frozen_app_can_be_killed() {
    for bench in benches() {
        let app = bench.run("echo ready; exec sleep 1000");
        bench.wait_for_log("ready");
        app.freeze().unwrap();
        wait_until_frozen(app.id());
        app.kill().unwrap();
        assert_eq!(bench.exit(&*app), ExitStatus::Signal(9));
    }
}

#[test]
fn forks_that_outlive_the_app_are_ended_with_it() {
    for bench in benches() {
        let app = bench.run("sleep 1000 & echo fork $!; exit 0");
        let fork: u32 = bench.wait_for_log("fork").parse().unwrap();
        assert_eq!(bench.exit(&*app), ExitStatus::Code(0));
        assert!(app.contains(fork));
        app.kill().unwrap();
        wait_until_gone(fork);
    }
}

#[test]
fn c2_the_cpu_time_of_forks_counts() {
    for bench in benches() {
        // The fork loses its parent at once.
        let app = bench.run(&format!("(sh -c 'echo fork $$; {BUSY}' &); exec sleep 1000"));
        let fork: u32 = bench.wait_for_log("fork").parse().unwrap();
        wait_for_cpu_beyond(&*app, Duration::from_millis(200));
        let first = procfs::read(i32::try_from(app.id()).unwrap()).unwrap().unwrap();
        assert!(first.own_ticks + first.reaped_ticks < 20, "{first:?}");
        assert!(app.contains(fork));
        app.kill().unwrap();
        wait_until_gone(fork);
    }
}

#[test]
fn c2_the_cpu_time_of_ended_forks_counts_once_and_does_not_go_down() {
    for bench in benches() {
        let count = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
        let app =
            bench.run(&format!("sh -c '{count}'; (sh -c '{count}' &); {count}; echo done; exec sleep 1000"));
        let mut last = Duration::ZERO;
        eventually("the end of the counting", || {
            let now = cpu(&*app);
            assert!(now >= last, "{now:?} after {last:?}");
            last = now;
            bench.log().contains("done").then_some(())
        });
        let first = procfs::read(i32::try_from(app.id()).unwrap()).unwrap().unwrap();
        let own = Duration::from_millis(10 * (first.own_ticks + first.reaped_ticks));
        assert!(last > own / 2 && last < own * 4, "{last:?} in all, {own:?} by the first process");
        app.kill().unwrap();
        bench.exit(&*app);
        assert!(cpu(&*app) >= last);
    }
}

#[test]
fn an_app_holds_its_own_processes_only() {
    for bench in benches() {
        let (one, other) = (bench.run("exec sleep 1000"), bench.run("exec sleep 1000"));
        assert!(one.contains(one.id()) && other.contains(other.id()));
        assert!(!one.contains(other.id()) && !other.contains(one.id()));
        assert!(!one.contains(std::process::id()) && !one.contains(1) && !one.contains(u32::MAX));
        for app in [one, other] {
            app.kill().unwrap();
            bench.exit(&*app);
        }
    }
}

#[test]
fn what_ended_cannot_be_steered_and_can_be_killed_again() {
    for bench in benches() {
        let app = bench.run("true");
        bench.exit(&*app);
        let gone = |outcome: Result<(), ProcessError>| matches!(outcome, Err(ProcessError::Gone { id }) if id == app.id());
        eventually("an empty group", || gone(app.freeze()).then_some(()));
        assert!(gone(app.thaw()) && gone(app.terminate()));
        app.kill().unwrap();
        assert!(app.cpu_time().is_ok());
    }
}

#[test]
fn an_ended_app_keeps_its_id_until_it_is_dropped() {
    for bench in benches() {
        let app = bench.launch_script("true");
        let id = app.id();
        bench.exit(&*app);
        assert_eq!(state(id), Some(b'Z'), "its id stays taken");
        drop(app);
        assert_eq!(state(id), None);
    }
}

#[test]
fn a_program_that_is_missing_or_is_none_is_told() {
    for bench in benches() {
        let text = bench.path("folder/text");
        fs::write(&text, "not executable").unwrap();
        for program in ["/nowhere/to/be/found", text.to_str().unwrap()] {
            match bench.launcher.launch(&bench.launch_of(program)).err() {
                Some(ProcessError::Launch { program: named, .. }) => assert_eq!(named, program),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_folder_that_is_missing_is_told() {
    for bench in benches() {
        let launch = Launch { folder: "/nowhere/to/be/found".into(), ..bench.launch_of("/bin/sh") };
        assert!(matches!(bench.launcher.launch(&launch).err(), Some(ProcessError::Launch { .. })));
    }
}

#[test]
fn a_log_that_cannot_be_opened_is_told() {
    for bench in benches() {
        let launch = Launch { log: bench.folder.path().to_owned(), ..bench.launch_of("/bin/sh") };
        assert!(matches!(bench.launcher.launch(&launch).err(), Some(ProcessError::Log { .. })));
    }
}
