//! Apps that outlive who launched them (D2). The runtime that is killed is a process of its own: this test program,
//! started again for the one test that is ignored otherwise.

use std::env;
use std::process::Output;

use super::*;

/// Tells the started test program which place it is the runtime of, and that there is one.
const PLACE: &str = "CARPUS_TEST_PLACE";
const PROGRAM: &str = "CARPUS_TEST_PROGRAM";
const WITH_CGROUPS: &str = "CARPUS_TEST_WITH_CGROUPS";

impl Bench {
    /// Lets an earlier runtime of this place launch a script, and be killed.
    fn left_behind(&self, script: &str) -> ProcessIdentity {
        let program = self.write_script(script);
        let output = self.earlier_runtime(&program);
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.split_once("launched ")).map(|(_, line)| line);
        let fields: Vec<&str> = line.unwrap_or_else(|| panic!("{output:?}")).split(' ').collect();
        ProcessIdentity {
            id: fields[0].parse().unwrap(),
            started: fields[1].parse().unwrap(),
            group: fields.get(2).map(PathBuf::from),
        }
    }

    fn earlier_runtime(&self, program: &Path) -> Output {
        let helper = "processes::tests::adopted::an_earlier_runtime";
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", helper, "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(PLACE, self.folder.path()).env(PROGRAM, program);
        if self.launcher.subtree.is_some() {
            command.env(WITH_CGROUPS, "1");
        }
        command.output().unwrap()
    }

    fn adopt(&self, identity: &ProcessIdentity) -> Option<Arc<dyn AppProcess>> {
        let app = self.launcher.adopt(identity).unwrap();
        self.launched.borrow_mut().extend(app.clone());
        app
    }
}

#[test]
#[ignore = "the runtime that the other tests start and that is killed"]
fn an_earlier_runtime() {
    let Some(place) = env::var_os(PLACE).map(PathBuf::from) else { return };
    let launcher = match env::var_os(WITH_CGROUPS) {
        Some(_) => Launcher::new(options(&place)).unwrap(),
        None => Launcher::without_cgroups(options(&place)).unwrap(),
    };
    let program = PathBuf::from(env::var_os(PROGRAM).unwrap());
    let app = launch_written(&launcher, &launch(&place, &program));
    let ProcessIdentity { id, started, group } = app.identity();
    let group = group.map(|group| format!(" {}", group.display())).unwrap_or_default();
    println!("launched {id} {started}{group}");
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, Signal::KILL).unwrap();
}

#[test]
fn d2_an_app_outlives_the_runtime_and_is_steered_by_the_next() {
    for bench in benches() {
        let identity = bench.left_behind("trap 'echo leaving; exit 7' TERM; echo ready; while :; do :; done");
        bench.wait_for_log("ready");
        let app = bench.adopt(&identity).unwrap();
        assert_eq!((app.id(), app.identity()), (identity.id, identity.clone()));
        assert!(app.contains(identity.id) && !app.is_frozen() && bench.is_running(&*app));
        let used = wait_for_cpu_beyond(&*app, Duration::ZERO);
        app.freeze().unwrap();
        wait_until_frozen(app.id());
        assert!(app.is_frozen());
        app.thaw().unwrap();
        wait_for_cpu_beyond(&*app, used);
        app.terminate().unwrap();
        // Known where the kernel tells, and the process was reaped by whoever has orphans here.
        let status = bench.exit(&*app);
        assert!(matches!(status, ExitStatus::Code(7) | ExitStatus::Unknown), "{status:?}");
        assert!(bench.log().ends_with("leaving\n"));
    }
}

#[test]
fn d2_a_frozen_app_stays_frozen() {
    for bench in benches() {
        let identity = bench.left_behind(&format!("echo ready; {BUSY}"));
        bench.wait_for_log("ready");
        bench.adopt(&identity).unwrap().freeze().unwrap();
        wait_until_frozen(identity.id);
        let app = bench.adopt(&identity).unwrap();
        assert!(app.is_frozen());
        let used = cpu(&*app);
        bench.launcher.sweep();
        assert_eq!(cpu(&*app), used);
        app.kill().unwrap();
        wait_until_gone(identity.id);
    }
}

#[test]
fn d2_what_is_gone_is_not_adopted_nor_is_another_process_with_its_id() {
    for bench in benches() {
        let identity = bench.left_behind("exec sleep 1000");
        let another = ProcessIdentity { started: identity.started + 1, ..identity.clone() };
        assert!(bench.adopt(&another).is_none());
        let app = bench.adopt(&identity).unwrap();
        app.kill().unwrap();
        bench.exit(&*app);
        assert!(bench.adopt(&identity).is_none(), "whether or not anybody took note of its end");
        let never = ProcessIdentity { id: 4_194_304, started: 1, group: None }; // above the largest id
        assert!(bench.adopt(&never).is_none());
    }
}

#[test]
fn d2_what_nobody_adopts_is_swept_away_with_its_forks_and_what_is_held_or_anothers_stays() {
    for bench in benches() {
        let held = bench.left_behind("exec sleep 1000");
        let app = bench.adopt(&held).unwrap();
        let launched = bench.run("exec sleep 1000");
        // The leader ends, one fork stays in its session with an environment that says nothing, one leaves it.
        let left = bench.left_behind(
            "env -i /bin/sleep 1000 & echo one $!; setsid sleep 1000 & echo two $!; echo leader $$; exec sleep 1000",
        );
        let forks = ["one", "two"].map(|name| bench.wait_for_log(name).parse::<u32>().unwrap());
        let others = Bench::new(Launcher::without_cgroups);
        let another = others.left_behind("exec sleep 1000");
        bench.launcher.sweep();
        for id in [left.id, forks[0], forks[1]] {
            wait_until_gone(id);
        }
        for app in [&app, &launched] {
            assert!(bench.is_running(&**app));
        }
        others.adopt(&another).unwrap().kill().unwrap();
        wait_until_gone(another.id);
    }
}

#[test]
fn d2_forks_of_an_app_that_ended_meanwhile_are_swept_away() {
    let bench = Bench::new(Launcher::without_cgroups);
    let left = bench.left_behind("sleep 1000 & env -i /bin/sleep 1000 & echo fork $!; exit 0");
    let fork: u32 = bench.wait_for_log("fork").parse().unwrap();
    wait_until_gone(left.id);
    bench.launcher.sweep();
    wait_until_gone(fork);
}

#[test]
fn d2_a_child_that_nobody_took_note_of_is_adopted_with_its_status() {
    for bench in benches() {
        let app = bench.launch_script("read line < /dev/zero; exit 7");
        let identity = app.identity();
        drop(app);
        let (app, again) = (bench.adopt(&identity).unwrap(), bench.adopt(&identity).unwrap());
        app.kill().unwrap();
        drop(app);
        assert_eq!(bench.exit(&*again), ExitStatus::Signal(9));
        drop(again);
        bench.launched.borrow_mut().clear();
        assert_eq!(state(identity.id), None, "it is reaped once its end was told");
        assert!(bench.adopt(&identity).is_none());
    }
}

#[test]
fn a_fork_that_got_away_is_still_known_as_an_apps() {
    let bench = Bench::new(Launcher::without_cgroups);
    let app = bench.run("(env -i setsid /bin/sh -c 'echo away $$; exec sleep 1000' &); exec sleep 1000");
    let away: u32 = bench.wait_for_log("away").parse().unwrap();
    assert!(bench.launcher.is_of_some_app(app.id()) && bench.launcher.is_of_some_app(away));
    assert!(!bench.launcher.is_of_some_app(std::process::id()) && !bench.launcher.is_of_some_app(1));
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    assert!(!bench.launcher.is_of_some_app(child.id()), "a process of the same user");
    child.kill().unwrap();
    child.wait().unwrap();
    // Another launcher knows it by its marks alone.
    let other = Launcher::without_cgroups(options(bench.folder.path())).unwrap();
    assert!(other.is_of_some_app(away));
    other.sweep();
    bench.launched.borrow_mut().clear();
    wait_until_gone(app.id());
    rustix::process::kill_process(rustix::process::Pid::from_raw(away.cast_signed()).unwrap(), Signal::KILL)
        .unwrap();
}
