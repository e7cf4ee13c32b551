//! A launcher without processes, for tests of who launches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carpus_devices::BoxFuture;
use carpus_devices::processes::{AppLauncher, AppProcess, ExitStatus, Launch, ProcessError, ProcessIdentity};
use tokio::sync::watch;

use crate::adapter::cause;

/// Process ids begin here: above the largest that Linux gives (4 Mi), so that none is a real one.
const FIRST_ID: u32 = 5_000_000;
/// The signal that ends an obedient process.
const SIGTERM: i32 = 15;
/// The signal that ends every process.
const SIGKILL: i32 = 9;

/// What was done to an app's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steering {
    /// It was frozen.
    Freeze,
    /// It was thawed.
    Thaw,
    /// It was asked to end.
    Terminate,
    /// It was killed.
    Kill,
}

/// How apps of one name behave.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    is_stubborn: bool,
    fails_to_launch: bool,
}

#[derive(Debug, Default)]
struct State {
    manners: BTreeMap<String, Manner>,
    launches: Vec<Launch>,
    /// The processes by app, the newest last.
    processes: BTreeMap<String, Vec<Arc<SimulatedProcess>>>,
}

/// Launches apps that are only told about. A clone is the same launcher.
///
/// Apps are obedient at first: they end by SIGTERM when they are asked to.
#[derive(Clone, Debug, Default)]
pub struct SimulatedLauncher(Arc<Mutex<State>>);

impl SimulatedLauncher {
    /// A launcher that has launched nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// All launches so far, failed ones not included.
    pub fn launches(&self) -> Vec<Launch> {
        self.lock().launches.clone()
    }

    /// What was done to the newest process of `app`; empty when it has none.
    pub fn steerings(&self, app: &str) -> Vec<Steering> {
        self.newest(app).map(|process| process.lock().steerings.clone()).unwrap_or_default()
    }

    /// The id of the newest process of `app`, if it is running.
    pub fn running(&self, app: &str) -> Option<u32> {
        self.newest(app).filter(|process| process.is_alive()).map(|process| process.id)
    }

    /// Whether the newest process of `app` is running and frozen.
    pub fn is_frozen(&self, app: &str) -> bool {
        self.newest(app).is_some_and(|process| process.is_frozen())
    }

    /// Lets the newest process of `app` end by itself. False when none is running.
    pub fn exit(&self, app: &str, status: ExitStatus) -> bool {
        self.newest(app).is_some_and(|process| process.end(status))
    }

    /// Sets the CPU time that the newest process of `app` has used. It never goes down. False when it has none.
    pub fn set_cpu(&self, app: &str, used: Duration) -> bool {
        self.newest(app)
            .map(|process| {
                let mut state = process.lock();
                state.cpu_used = state.cpu_used.max(used);
            })
            .is_some()
    }

    /// Puts process `id` into the tree of the newest process of `app`. False when it has none.
    pub fn add_child(&self, app: &str, id: u32) -> bool {
        self.newest(app).is_some_and(|process| process.lock().children.insert(id))
    }

    /// Lets all processes of `app`, running and later ones, ignore the request to end, or heed it.
    pub fn set_stubborn(&self, app: &str, stubborn: bool) {
        let mut state = self.lock();
        state.manners.entry(app.to_owned()).or_default().is_stubborn = stubborn;
        for process in state.processes.get(app).into_iter().flatten() {
            process.lock().is_stubborn = stubborn;
        }
    }

    /// Lets launches of `app` fail, or succeed again.
    pub fn fail_launch(&self, app: &str, failing: bool) {
        self.lock().manners.entry(app.to_owned()).or_default().fails_to_launch = failing;
    }

    fn newest(&self, app: &str) -> Option<Arc<SimulatedProcess>> {
        self.lock().processes.get(app)?.last().cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AppLauncher for SimulatedLauncher {
    fn launch(&self, launch: &Launch) -> Result<Arc<dyn AppProcess>, ProcessError> {
        let mut state = self.lock();
        let manner = state.manners.get(&launch.app).copied().unwrap_or_default();
        if manner.fails_to_launch {
            return Err(ProcessError::Launch {
                program: launch.program.display().to_string(),
                cause: cause("the simulated launcher was told to fail"),
            });
        }
        let number = u32::try_from(state.launches.len()).unwrap_or(u32::MAX);
        let process = Arc::new(SimulatedProcess::new(FIRST_ID.saturating_add(number), manner.is_stubborn));
        state.launches.push(launch.clone());
        state.processes.entry(launch.app.clone()).or_default().push(Arc::clone(&process));
        Ok(process)
    }

    fn adopt(&self, identity: &ProcessIdentity) -> Result<Option<Arc<dyn AppProcess>>, ProcessError> {
        let state = self.lock();
        let mut all = state.processes.values().flatten();
        let found = all.find(|process| process.identity() == *identity && !process.lock().is_reaped);
        Ok(found.map(|process| Arc::clone(process) as Arc<dyn AppProcess>))
    }

    fn sweep(&self) {
        let state = self.lock();
        // Who launched or adopted a process holds it.
        let nobodys = state.processes.values().flatten().filter(|process| Arc::strong_count(process) == 1);
        for process in nobodys {
            if process.steer(Steering::Kill).is_ok() {
                process.end(ExitStatus::Signal(SIGKILL));
            }
        }
    }

    fn is_of_some_app(&self, id: u32) -> bool {
        self.lock().processes.values().flatten().any(|process| process.contains(id))
    }

    fn describe(&self) -> String {
        "simulated processes".to_owned()
    }
}

#[derive(Debug, Default)]
struct ProcessState {
    steerings: Vec<Steering>,
    is_frozen: bool,
    is_stubborn: bool,
    /// Its end was told: nobody finds it any more.
    is_reaped: bool,
    cpu_used: Duration,
    children: BTreeSet<u32>,
}

/// A process that is not there.
#[derive(Debug)]
struct SimulatedProcess {
    id: u32,
    status: watch::Sender<Option<ExitStatus>>,
    state: Arc<Mutex<ProcessState>>,
}

impl SimulatedProcess {
    fn new(id: u32, is_stubborn: bool) -> Self {
        let state = ProcessState { is_stubborn, ..ProcessState::default() };
        Self { id, status: watch::Sender::new(None), state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, ProcessState> {
        lock(&self.state)
    }

    fn is_alive(&self) -> bool {
        self.status.borrow().is_none()
    }

    /// Ends it, once.
    fn end(&self, status: ExitStatus) -> bool {
        self.status.send_if_modified(|ended| {
            let was_alive = ended.is_none();
            ended.get_or_insert(status);
            was_alive
        })
    }

    fn steer(&self, steering: Steering) -> Result<MutexGuard<'_, ProcessState>, ProcessError> {
        if !self.is_alive() {
            return Err(ProcessError::Gone { id: self.id });
        }
        let mut state = self.lock();
        state.steerings.push(steering);
        state.is_frozen = steering == Steering::Freeze;
        Ok(state)
    }
}

fn lock(state: &Mutex<ProcessState>) -> MutexGuard<'_, ProcessState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AppProcess for SimulatedProcess {
    fn id(&self) -> u32 {
        self.id
    }

    fn identity(&self) -> ProcessIdentity {
        ProcessIdentity { id: self.id, started: u64::from(self.id), group: None }
    }

    fn exited(&self) -> BoxFuture<'static, ExitStatus> {
        let (mut status, state) = (self.status.subscribe(), Arc::clone(&self.state));
        Box::pin(async move {
            let ended = match status.wait_for(Option::is_some).await {
                Ok(ended) => ended.unwrap_or(ExitStatus::Unknown),
                // The launcher and the process were dropped.
                Err(_) => ExitStatus::Unknown,
            };
            lock(&state).is_reaped = true;
            ended
        })
    }

    fn freeze(&self) -> Result<(), ProcessError> {
        self.steer(Steering::Freeze).map(drop)
    }

    fn thaw(&self) -> Result<(), ProcessError> {
        self.steer(Steering::Thaw).map(drop)
    }

    fn is_frozen(&self) -> bool {
        self.is_alive() && self.lock().is_frozen
    }

    fn terminate(&self) -> Result<(), ProcessError> {
        let is_stubborn = self.steer(Steering::Terminate)?.is_stubborn;
        if !is_stubborn {
            self.end(ExitStatus::Signal(SIGTERM));
        }
        Ok(())
    }

    fn kill(&self) -> Result<(), ProcessError> {
        if self.steer(Steering::Kill).is_ok() {
            self.end(ExitStatus::Signal(SIGKILL));
        }
        Ok(())
    }

    fn cpu_time(&self) -> Result<Duration, ProcessError> {
        Ok(self.lock().cpu_used)
    }

    fn contains(&self, id: u32) -> bool {
        id == self.id || self.lock().children.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(app: &str) -> Launch {
        Launch {
            app: app.to_owned(),
            program: "/apps/app".into(),
            folder: "/apps".into(),
            data: "/data".into(),
            environment: vec![("A".to_owned(), "B".to_owned())],
            log: "/logs/app.log".into(),
        }
    }

    #[tokio::test]
    async fn an_obedient_app_ends_when_it_is_asked_to() {
        let launcher = SimulatedLauncher::new();
        let app = launcher.launch(&launch("one")).unwrap();
        assert_eq!(launcher.running("one"), Some(app.id()));
        app.freeze().unwrap();
        assert!(launcher.is_frozen("one"));
        app.terminate().unwrap();
        assert_eq!(app.exited().await, ExitStatus::Signal(15));
        assert_eq!(launcher.steerings("one"), [Steering::Freeze, Steering::Terminate]);
        assert!(matches!(app.thaw(), Err(ProcessError::Gone { .. })));
        assert!(app.kill().is_ok());
        assert_eq!((launcher.running("one"), launcher.is_frozen("one")), (None, false));
    }

    #[tokio::test]
    async fn a_stubborn_app_ends_by_the_kill_only() {
        let launcher = SimulatedLauncher::new();
        launcher.set_stubborn("one", true);
        let app = launcher.launch(&launch("one")).unwrap();
        app.terminate().unwrap();
        assert!(launcher.running("one").is_some());
        app.kill().unwrap();
        assert_eq!(app.exited().await, ExitStatus::Signal(9));
    }

    #[tokio::test]
    async fn an_app_exits_by_itself_once() {
        let launcher = SimulatedLauncher::new();
        assert!(!launcher.exit("one", ExitStatus::Code(0)));
        let app = launcher.launch(&launch("one")).unwrap();
        let exited = tokio::spawn(app.exited());
        assert!(launcher.exit("one", ExitStatus::Code(3)));
        assert!(!launcher.exit("one", ExitStatus::Code(4)));
        assert_eq!(exited.await.unwrap(), ExitStatus::Code(3));
    }

    #[test]
    fn launches_are_kept_and_each_process_has_an_id_of_its_own() {
        let launcher = SimulatedLauncher::new();
        let (one, two) = (launcher.launch(&launch("one")).unwrap(), launcher.launch(&launch("two")).unwrap());
        assert_ne!(one.id(), two.id());
        assert!(one.contains(one.id()) && !one.contains(two.id()));
        assert!(launcher.add_child("one", 77) && one.contains(77));
        let apps: Vec<String> = launcher.launches().into_iter().map(|launch| launch.app).collect();
        assert_eq!(apps, ["one", "two"]);
    }

    #[tokio::test]
    async fn d2_a_process_is_adopted_until_its_end_was_told() {
        let launcher = SimulatedLauncher::new();
        let identity = launcher.launch(&launch("one")).unwrap().identity();
        let app = launcher.adopt(&identity).unwrap().unwrap();
        app.freeze().unwrap();
        assert!(launcher.adopt(&identity).unwrap().unwrap().is_frozen());
        launcher.exit("one", ExitStatus::Code(3));
        let app = launcher.adopt(&identity).unwrap().unwrap();
        assert_eq!(app.exited().await, ExitStatus::Code(3));
        assert!(launcher.adopt(&identity).unwrap().is_none());
        let another = ProcessIdentity { started: 1, ..identity };
        assert!(launcher.adopt(&another).unwrap().is_none());
    }

    #[test]
    fn d2_what_nobody_holds_is_swept_away() {
        let launcher = SimulatedLauncher::new();
        let _held = launcher.launch(&launch("held")).unwrap();
        drop(launcher.launch(&launch("left")).unwrap());
        launcher.sweep();
        assert!(launcher.running("held").is_some() && launcher.running("left").is_none());
    }

    #[test]
    fn launches_fail_while_they_are_told_to() {
        let launcher = SimulatedLauncher::new();
        launcher.fail_launch("one", true);
        assert!(matches!(launcher.launch(&launch("one")).err(), Some(ProcessError::Launch { .. })));
        assert!(launcher.launches().is_empty());
        launcher.fail_launch("one", false);
        assert!(launcher.launch(&launch("one")).is_ok());
    }

    #[test]
    fn cpu_time_never_goes_down() {
        let launcher = SimulatedLauncher::new();
        let app = launcher.launch(&launch("one")).unwrap();
        assert_eq!(app.cpu_time().unwrap(), Duration::ZERO);
        launcher.set_cpu("one", Duration::from_secs(3));
        launcher.set_cpu("one", Duration::from_secs(2));
        assert_eq!(app.cpu_time().unwrap(), Duration::from_secs(3));
    }
}
