use carpus_simulated::{SimulatedLauncher, Steering};
use tokio::sync::mpsc;

use super::*;
use crate::testing::{in_virtual_time, listener, pass, settle};

const LEAVE_TIME: Duration = Duration::from_secs(5);

struct Bench {
    launcher: SimulatedLauncher,
    apps: Addr<Apps>,
    exited: mpsc::UnboundedReceiver<Exited>,
    folder: tempfile::TempDir,
}

fn id(text: &str) -> AppId {
    AppId::parse(text).unwrap()
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let launcher = SimulatedLauncher::new();
    let (apps, exited) = start(&launcher, folder.path(), &["one", "two", "three"]);
    Bench { launcher, apps, exited, folder }
}

fn start(
    launcher: &SimulatedLauncher,
    folder: &Path,
    installed: &[&str],
) -> (Addr<Apps>, mpsc::UnboundedReceiver<Exited>) {
    let options = AppsOptions {
        socket: folder.join("carpus.sock"),
        data: folder.join("data"),
        logs: folder.to_owned(),
        max_log_bytes: 1024,
        leave_time: LEAVE_TIME,
        max_running: 2,
    };
    let installed = installed.iter().map(|name| InstalledApp {
        application: Application { id: id(name), session_kinds: Vec::new() },
        name: (*name).to_owned(),
        version: "1".to_owned(),
        modes: Vec::new(),
        folder: folder.to_owned(),
        program: folder.join(name),
    });
    let (exited, told) = listener();
    let apps = Apps::new(Arc::new(launcher.clone()), options, exited, installed.collect());
    (apps.start(), told)
}

impl Bench {
    async fn steer(&self, steer: Steer) {
        self.apps.send(steer).await.unwrap();
    }

    fn token_of(&self, app: &str) -> String {
        let launches = self.launcher.launches();
        let launch = launches.iter().rfind(|launch| launch.app == app).unwrap();
        launch.environment.iter().find(|(name, _)| name == "CARPUS_LAUNCH_TOKEN").unwrap().1.clone()
    }

    async fn app_with(&self, token: String, pid: u32) -> Option<AppId> {
        self.apps.send(Authenticate { token, pid }).await.unwrap()
    }
}

#[test]
fn l1_an_app_is_launched_with_what_it_needs_to_know() {
    in_virtual_time(async {
        let bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        let launches = bench.launcher.launches();
        let names: Vec<_> = launches[0].environment.iter().map(|(name, _)| name.as_str()).collect();
        let carpus = ["CARPUS_APP_ID", "CARPUS_APP_DATA", "CARPUS_LAUNCH_TOKEN", "CARPUS_SOCKET"];
        assert_eq!(names, [&carpus[..], &["HOME", "TMPDIR"]].concat());
        for folder in ["data/one", "data/one/tmp"] {
            let mode = std::fs::metadata(bench.folder.path().join(folder)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, PRIVATE, "{folder}");
        }
    });
}

#[test]
fn a_launch_token_serves_its_own_process_only() {
    in_virtual_time(async {
        let bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.steer(Steer::Launch(id("two"))).await;
        let (one, two) = (bench.launcher.running("one").unwrap(), bench.launcher.running("two").unwrap());
        let token = bench.token_of("one");
        assert_eq!(bench.app_with(token.clone(), one).await, Some(id("one")));
        assert_eq!(bench.app_with(token, two).await, None);
        assert_eq!(bench.app_with("guess".to_owned(), one).await, None);
        assert_eq!(bench.apps.send(AppOf { pid: two }).await.unwrap(), Some(id("two")));
    });
}

#[test]
fn l7_an_app_that_is_told_to_end_has_the_time_that_the_rules_give_it() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.launcher.set_stubborn("two", true);
        for app in ["one", "two"] {
            bench.steer(Steer::Launch(id(app))).await;
            bench.steer(Steer::End(id(app))).await;
        }
        let obedient = bench.exited.recv().await.unwrap();
        assert_eq!((obedient.app, obedient.status), (id("one"), ExitStatus::Signal(15)));
        pass(LEAVE_TIME * 10).await;
        assert_eq!(
            bench.launcher.steerings("two"),
            [Steering::Terminate],
            "nobody said that it is to be killed"
        );
        bench.steer(Steer::Kill(id("two"))).await;
        let stubborn = bench.exited.recv().await.unwrap();
        assert_eq!((stubborn.app, stubborn.status), (id("two"), ExitStatus::Signal(9)));
    });
}

#[test]
fn l7_killing_what_has_left_already_does_nothing() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.steer(Steer::End(id("one"))).await;
        bench.exited.recv().await.unwrap();
        bench.steer(Steer::Kill(id("one"))).await;
        assert_eq!(bench.launcher.steerings("one"), [Steering::Terminate]);
    });
}

#[test]
fn l7_all_are_told_to_end_and_the_one_that_stays_is_killed() {
    in_virtual_time(async {
        let bench = bench();
        bench.launcher.set_stubborn("two", true);
        for app in ["one", "two"] {
            bench.steer(Steer::Launch(id(app))).await;
        }
        bench.apps.send(EndAll).await.unwrap();
        assert_eq!(bench.launcher.steerings("one"), [Steering::Terminate]);
        assert_eq!(bench.launcher.steerings("two"), [Steering::Terminate, Steering::Kill]);
    });
}

#[test]
fn an_app_that_cannot_be_launched_has_exited() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.launcher.fail_launch("one", true);
        bench.steer(Steer::Launch(id("one"))).await;
        assert_eq!(bench.exited.recv().await.unwrap().status, ExitStatus::Unknown);
        bench.steer(Steer::Launch(id("unheard-of"))).await;
        assert_eq!(bench.exited.recv().await.unwrap().app, id("unheard-of"));
    });
}

#[test]
fn no_more_apps_run_than_allowed() {
    in_virtual_time(async {
        let mut bench = bench();
        for app in ["one", "two", "three"] {
            bench.steer(Steer::Launch(id(app))).await;
        }
        let refused = bench.exited.recv().await.unwrap();
        assert_eq!((refused.app, refused.status), (id("three"), ExitStatus::Unknown));
        assert_eq!(bench.launcher.launches().len(), 2);
    });
}

#[test]
fn l5_the_app_that_is_suspended_longest_makes_room_for_another() {
    in_virtual_time(async {
        let mut bench = bench();
        for app in ["one", "two"] {
            bench.steer(Steer::Launch(id(app))).await;
        }
        for app in ["two", "one"] {
            bench.steer(Steer::Freeze(id(app))).await;
        }
        bench.steer(Steer::Launch(id("three"))).await;
        assert!(bench.launcher.running("three").is_some());
        let ended = bench.exited.recv().await.unwrap();
        assert_eq!((ended.app, ended.status), (id("two"), ExitStatus::Signal(9)));
        assert!(bench.launcher.is_frozen("one"));
    });
}

#[test]
fn l5_an_app_that_was_thawed_makes_no_room() {
    in_virtual_time(async {
        let mut bench = bench();
        for app in ["one", "two"] {
            bench.steer(Steer::Launch(id(app))).await;
        }
        bench.steer(Steer::Freeze(id("one"))).await;
        bench.steer(Steer::Thaw(id("one"))).await;
        bench.steer(Steer::Launch(id("three"))).await;
        assert_eq!(bench.exited.recv().await.unwrap().app, id("three"));
        assert_eq!(bench.launcher.steerings("one"), [Steering::Freeze, Steering::Thaw]);
    });
}

#[test]
fn the_log_of_a_running_app_is_kept_short() {
    in_virtual_time(async {
        let bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        let log = bench.launcher.launches()[0].log.clone();
        for _ in 0..2 {
            std::fs::write(&log, "a line\n".repeat(1000)).unwrap();
            tokio::time::sleep(LOG_INTERVAL * 2).await;
            let left = std::fs::metadata(&log).unwrap().len();
            assert!(left > 0 && left <= 1024, "{left}");
        }
    });
}

#[test]
fn l5_freezing_and_thawing_reach_the_process() {
    in_virtual_time(async {
        let bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.steer(Steer::Freeze(id("one"))).await;
        assert!(bench.launcher.is_frozen("one"));
        bench.steer(Steer::Thaw(id("one"))).await;
        assert!(!bench.launcher.is_frozen("one"));
    });
}

#[test]
fn ending_all_waits_for_the_last() {
    in_virtual_time(async {
        let bench = bench();
        bench.launcher.set_stubborn("one", true);
        bench.steer(Steer::Launch(id("one"))).await;
        bench.apps.send(EndAll).await.unwrap();
        assert_eq!(bench.launcher.running("one"), None);
    });
}

/// Ends the actor as a failure of it does, and nothing else.
#[derive(Message)]
#[rtype(result = "()")]
struct Quit;

impl Handler<Quit> for Apps {
    type Result = ();

    fn handle(&mut self, _: Quit, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Bench {
    /// The next life of the actor, on the same places.
    async fn next_life(&mut self, installed: &[&str]) {
        self.apps.do_send(Quit);
        settle().await;
        (self.apps, self.exited) = start(&self.launcher, self.folder.path(), installed);
        settle().await;
    }

    async fn survivors(&self) -> Vec<(String, bool)> {
        let survivors = self.apps.send(Survivors).await.unwrap();
        survivors.into_iter().map(|survivor| (survivor.app.to_string(), survivor.suspended)).collect()
    }

    fn steered(&self, app: &str) -> Vec<Steering> {
        self.launcher.steerings(app)
    }
}

#[test]
fn d2_apps_outlive_the_actor_and_are_the_same_to_its_next_life() {
    in_virtual_time(async {
        let mut bench = bench();
        for app in ["one", "two"] {
            bench.steer(Steer::Launch(id(app))).await;
        }
        bench.steer(Steer::Freeze(id("two"))).await;
        let (token, pid) = (bench.token_of("one"), bench.launcher.running("one").unwrap());
        bench.next_life(&["one", "two"]).await;
        assert_eq!(bench.survivors().await, [("one".to_owned(), false), ("two".to_owned(), true)]);
        assert_eq!((bench.steered("one"), bench.steered("two")), (vec![], vec![Steering::Freeze]));
        assert_eq!(bench.app_with(token, pid).await, Some(id("one")), "its token is still good");
        let listed = bench.apps.send(ListApps).await.unwrap();
        assert_eq!(listed[0].1, Some(pid));
        bench.steer(Steer::End(id("one"))).await;
        let exited = bench.exited.recv().await.unwrap();
        assert_eq!((exited.app, exited.status), (id("one"), ExitStatus::Signal(15)));
        assert_eq!(bench.launcher.launches().len(), 2);
    });
}

#[test]
fn d2_what_was_frozen_longest_is_still_the_first_to_make_room() {
    in_virtual_time(async {
        let mut bench = bench();
        for app in ["one", "two"] {
            bench.steer(Steer::Launch(id(app))).await;
        }
        bench.steer(Steer::Freeze(id("two"))).await;
        bench.next_life(&["one", "two", "three"]).await;
        bench.survivors().await;
        bench.steer(Steer::Launch(id("three"))).await;
        assert_eq!(bench.exited.recv().await.unwrap().app, id("two"), "it is frozen, and the other runs");
    });
}

#[test]
fn d2_an_app_that_is_no_longer_installed_is_ended() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.next_life(&["two"]).await;
        assert_eq!(bench.survivors().await, []);
        assert_eq!(bench.steered("one"), [Steering::Kill]);
    });
}

#[test]
fn d2_what_is_not_written_down_is_ended() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        std::fs::remove_file(bench.folder.path().join("carpus.sock.apps")).unwrap();
        bench.next_life(&["one"]).await;
        assert_eq!(bench.survivors().await, []);
        assert_eq!((bench.launcher.running("one"), bench.steered("one")), (None, vec![Steering::Kill]));
        bench.steer(Steer::Launch(id("one"))).await;
        assert!(bench.launcher.running("one").is_some());
    });
}

#[test]
fn d2_an_end_between_two_lives_is_told_with_its_status() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.apps.do_send(Quit);
        settle().await;
        bench.launcher.exit("one", processes::ExitStatus::Code(3));
        bench.next_life(&["one"]).await;
        assert!(bench.exited.try_recv().is_err(), "nobody is there yet");
        assert_eq!(bench.survivors().await, [("one".to_owned(), false)]);
        let exited = bench.exited.recv().await.unwrap();
        assert_eq!((exited.app, exited.status), (id("one"), ExitStatus::Code(3)));
        assert_eq!(bench.survivors().await, []);
        bench.next_life(&["one"]).await;
        assert_eq!(bench.survivors().await, [], "an end is told once");
    });
}

#[test]
fn d2_in_good_order_all_end_and_none_is_found_again() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.apps.send(EndAll).await.unwrap();
        bench.next_life(&["one"]).await;
        assert_eq!(bench.survivors().await, []);
        assert_eq!(bench.steered("one"), [Steering::Terminate]);
    });
}

#[test]
fn an_app_that_runs_already_is_not_left_behind_by_a_second_launch() {
    in_virtual_time(async {
        let mut bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        let before = bench.launcher.running("one").unwrap();
        bench.steer(Steer::Launch(id("one"))).await;
        settle().await;
        assert_ne!(bench.launcher.running("one"), Some(before));
        bench.next_life(&["one"]).await;
        assert_eq!(bench.survivors().await.len(), 1);
        assert!(bench.exited.try_recv().is_err(), "the app has not ended");
    });
}

#[test]
fn a_fork_of_an_app_is_known_as_such() {
    in_virtual_time(async {
        let bench = bench();
        bench.steer(Steer::Launch(id("one"))).await;
        bench.launcher.add_child("one", 77);
        assert!(bench.apps.send(OfSomeApp { pid: 77 }).await.unwrap());
        assert!(!bench.apps.send(OfSomeApp { pid: 78 }).await.unwrap());
    });
}
