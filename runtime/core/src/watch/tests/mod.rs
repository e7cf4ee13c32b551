//! The rules, one by one, on a bench with virtual time.

mod adopt;
mod adopt_alarms;
mod bad_input;
mod bad_input_table;
mod can_start;
mod delivery;
mod fallback;
mod kinds;
mod lifecycle;
mod memory;
mod modes;
mod recurring;
mod relaunch;
mod replace;
mod restore;
mod rights;
mod ring;
mod scheduling;
mod sessions;
mod snooze;
mod strict;
mod suppression;
mod transitions;
mod views;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CallError, Draft, Kept, Output, Repeat, Standing, Survivor, Watch, Wrist};
use crate::app::{AppId, AppRights, AppState, Application};
use crate::event::AppEvent;
use crate::haptics::Haptic;
use crate::limits::Limits;
use crate::record::{RecurrenceRecord, SessionRecord};
use crate::schedule::Schedule;
use crate::session::{Cause, End, ErrorCode, ExitStatus, Reason, SessionId, SessionKind, SessionState};
use crate::suppression::Conditions;
use crate::time::{Now, WallTime};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// More than anything on a bench takes: what does not come to rest by then never does.
const STEPS_MAX: usize = 20_000;

/// A watch with virtual time, with a shell that keeps the alarms and the disk, and remembers every output.
struct Bench {
    watch: Watch,
    now: Now,
    limits: Limits,
    schedule: Schedule,
    disk: BTreeMap<SessionId, SessionRecord>,
    rules: BTreeMap<AppId, RecurrenceRecord>,
    /// Whether the shell has no number for a session that a rule wants.
    withholds_numbers: bool,
    /// Every output, with the time since boot at which it came.
    log: Vec<(Duration, Output)>,
    last_id: u64,
}

/// Something that happens on a bench.
type Act = fn(&mut Bench);

fn app(name: &str) -> AppId {
    AppId::parse(name).unwrap()
}

impl Bench {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self {
            watch: Watch::new(limits.clone()),
            now: Now { since_boot: HOUR, wall: WallTime::from_unix_ms(1_700_000_000_000) },
            limits,
            schedule: Schedule::new(),
            disk: BTreeMap::new(),
            rules: BTreeMap::new(),
            withholds_numbers: false,
            log: Vec::new(),
            last_id: 0,
        }
    }

    /// A bench with one app, "a".
    fn of(kind: SessionKind) -> Self {
        let mut bench = Self::new();
        bench.install("a", kind);
        bench
    }

    /// A bench with one app, "a", and its session, which runs; and the app is active.
    fn running(kind: SessionKind) -> (Self, SessionId) {
        let mut bench = Self::of(kind);
        bench.launch("a");
        let id = bench.run("a");
        (bench, id)
    }

    /// A bench with one app, "a", and its alarm, which is due in an hour; and the app is active.
    fn scheduled() -> (Self, SessionId) {
        let mut bench = Self::of(SessionKind::Alarm);
        bench.launch("a");
        let id = bench.schedule("a", HOUR);
        (bench, id)
    }

    /// A bench with one app, "a", whose alarm came due in the background and runs.
    fn alarm() -> (Self, SessionId) {
        let (mut bench, id) = Self::scheduled();
        bench.crown();
        bench.advance(HOUR);
        bench.handled("a", id).unwrap();
        (bench, id)
    }

    /// Acts on the watch, and performs what it asks for.
    fn act<T>(&mut self, act: impl FnOnce(&mut Watch, Now) -> T) -> T {
        let result = act(&mut self.watch, self.now);
        while let Some(output) = self.watch.poll_output() {
            self.perform(&output);
            self.log.push((self.now.since_boot, output));
        }
        result
    }

    fn perform(&mut self, output: &Output) {
        match output {
            Output::Arm { session, at } => self.schedule.handle_arm(*session, *at),
            Output::Disarm { session } => self.schedule.handle_disarm(*session),
            Output::Save(record) | Output::Advance { record, .. } => {
                drop(self.disk.insert(record.session, record.clone()))
            }
            Output::Forget { session } => drop(self.disk.remove(session)),
            Output::Conclude { session, keep: Some(record), .. } => {
                drop(self.disk.insert(*session, record.clone()))
            }
            Output::Conclude { session, keep: None, .. } => drop(self.disk.remove(session)),
            Output::SaveRecurrence(record) => drop(self.rules.insert(record.app.clone(), record.clone())),
            Output::ForgetRecurrence { app } => drop(self.rules.remove(app)),
            Output::WantOccurrence { app } if !self.withholds_numbers => self.give_number(app),
            _ => {}
        }
    }

    /// Answers to a rule that wants a session.
    fn give_number(&mut self, app: &AppId) {
        self.last_id += 1;
        self.watch.handle_occurrence(app, SessionId(self.last_id), self.now);
    }

    // --- time

    /// Lets time pass, and stops at each moment at which something is due.
    fn advance(&mut self, span: Duration) {
        let end = self.now.since_boot + span;
        assert!((0..STEPS_MAX).any(|_| !self.step(end)), "the watch comes to rest");
    }

    /// Lets time pass until something is due and does it; false when nothing is until `end`, which is now.
    fn step(&mut self, end: Duration) -> bool {
        let next = self.next_due().filter(|due| *due <= end);
        let span = next.unwrap_or(end).saturating_sub(self.now.since_boot);
        self.pass(span);
        if next.is_some() {
            self.catch_up();
        }
        next.is_some()
    }

    fn next_due(&mut self) -> Option<Duration> {
        let alarm = self.schedule.poll_timeout().map(|at| self.now.after(at.since(self.now.wall)));
        let timeout = self.watch.poll_timeout().map(|(at, _)| at);
        alarm.into_iter().chain(timeout).min()
    }

    /// Lets time pass, and does nothing: the runtime is late.
    fn pass(&mut self, span: Duration) {
        self.now.since_boot += span;
        self.now.wall = self.now.wall.plus(span);
    }

    /// Does all that is due.
    fn catch_up(&mut self) {
        self.act(Watch::handle_timeout);
        for _ in 0..STEPS_MAX {
            let Some(id) = self.schedule.poll_due(self.now.wall) else { return };
            self.act(|watch, now| watch.handle_due(id, now));
        }
        panic!("the schedule comes to rest");
    }

    /// The wall clock is set, and nothing else passes.
    fn set_clock(&mut self, wall: WallTime) {
        self.now.wall = wall;
        self.catch_up();
    }

    /// The wall-clock instant `span` from now.
    fn wall_in(&self, span: Duration) -> WallTime {
        self.now.wall.plus(span)
    }

    /// The board loses power and is on again after `off`: only the disk stays.
    fn power_loss(&mut self, off: Duration, apps: &[(&str, SessionKind)]) {
        self.watch = Watch::new(self.limits.clone());
        self.schedule = Schedule::new();
        self.now.since_boot = SECOND;
        self.now.wall = self.now.wall.plus(off);
        for (name, kind) in apps {
            self.install(name, *kind);
        }
        let records = self.disk.values().cloned().collect();
        let rules = self.rules.values().cloned().collect();
        let kept = Kept { sessions: records, recurrences: rules, ..Kept::default() };
        self.act(|watch, now| watch.restore(kept, now));
        self.catch_up();
    }

    /// The runtime is killed and is back after `off`, on the same boot, and finds `survivors` alive, each with whether
    /// it is frozen.
    fn restart(&mut self, off: Duration, apps: &[(&str, SessionKind)], survivors: &[(&str, bool)]) {
        let standing = self.watch.standing();
        self.restart_with(off, apps, survivors, Some(standing));
    }

    fn restart_with(
        &mut self,
        off: Duration,
        apps: &[(&str, SessionKind)],
        survivors: &[(&str, bool)],
        standing: Option<Standing>,
    ) {
        self.watch = Watch::new(self.limits.clone());
        self.schedule = Schedule::new();
        self.pass(off);
        for (name, kind) in apps {
            self.install(name, *kind);
        }
        let survivor = |(name, suspended): &(&str, bool)| Survivor { app: app(name), suspended: *suspended };
        let kept = Kept {
            sessions: self.disk.values().cloned().collect(),
            recurrences: self.rules.values().cloned().collect(),
            standing,
            survivors: survivors.iter().map(survivor).collect(),
        };
        self.look_anew();
        self.act(|watch, now| watch.restore(kept, now));
        self.catch_up();
    }

    // --- apps

    fn install(&mut self, name: &str, kind: SessionKind) {
        self.watch.handle_installed(Application { id: app(name), session_kinds: vec![kind] });
    }

    fn remove(&mut self, name: &str) {
        self.act(|watch, now| watch.handle_removed(&app(name), now)).unwrap();
    }

    /// The user lets the app do this.
    fn allow(&mut self, name: &str, rights: AppRights) {
        self.act(|watch, now| watch.handle_rights(&app(name), rights, now)).unwrap();
    }

    fn measure(&mut self, battery_percent: Option<u8>, temperature_mdegc: Option<i32>) {
        let conditions = Conditions { battery_percent, temperature_mdegc };
        self.act(|watch, now| watch.handle_conditions(conditions, now));
    }

    fn open(&mut self, name: &str) {
        self.act(|watch, now| watch.handle_open(&app(name), now)).unwrap();
    }

    fn attach(&mut self, name: &str) {
        self.act(|watch, now| watch.handle_attached(&app(name), now));
    }

    /// Opens the app and lets it come up.
    fn launch(&mut self, name: &str) {
        self.open(name);
        self.attach(name);
    }

    fn close(&mut self, name: &str) {
        self.act(|watch, now| watch.handle_close(&app(name), now)).unwrap();
    }

    fn exit(&mut self, name: &str, status: ExitStatus) {
        self.act(|watch, now| watch.handle_exited(&app(name), status, now));
    }

    fn crown(&mut self) {
        self.act(Watch::handle_crown);
    }

    fn cover(&mut self) {
        self.act(Watch::handle_covered);
    }

    fn wrist_down(&mut self) {
        self.act(Watch::handle_wrist_down);
    }

    fn wrist_up(&mut self) {
        self.act(Watch::handle_wrist_up);
    }

    fn state(&self, name: &str) -> AppState {
        self.watch.app_state(&app(name)).unwrap()
    }

    // --- sessions

    fn create(&mut self, name: &str) -> SessionId {
        self.last_id += 1;
        let id = SessionId(self.last_id);
        self.act(|watch, _| watch.create(&app(name), id, None)).unwrap();
        id
    }

    fn start(&mut self, name: &str, id: SessionId) -> Result<(), CallError> {
        self.act(|watch, now| watch.start(&app(name), id, now))
    }

    fn start_at(&mut self, name: &str, id: SessionId, at: WallTime) -> Result<(), CallError> {
        self.act(|watch, now| watch.start_at(&app(name), id, at, now))
    }

    /// Makes a session that runs at once; an alarm is given the present as its time.
    fn run(&mut self, name: &str) -> SessionId {
        let id = self.create(name);
        let is_alarm = self.watch.session(&app(name), id).unwrap().kind == SessionKind::Alarm;
        if is_alarm { self.start_at(name, id, self.now.wall) } else { self.start(name, id) }.unwrap();
        id
    }

    /// Makes a session that is due in `span`.
    fn schedule(&mut self, name: &str, span: Duration) -> SessionId {
        let id = self.create(name);
        self.start_at(name, id, self.wall_in(span)).unwrap();
        id
    }

    /// The app answers that it has set its delegate.
    fn handled(&mut self, name: &str, id: SessionId) -> Result<(), CallError> {
        self.attach(name);
        self.act(|watch, now| watch.handle_handled(&app(name), id, now))
    }

    fn invalidate(&mut self, name: &str, id: SessionId) -> Result<(), CallError> {
        self.act(|watch, now| watch.invalidate(&app(name), id, now))
    }

    fn notify(&mut self, name: &str, id: SessionId, repeat: Repeat) -> Result<(), CallError> {
        self.act(|watch, now| watch.notify_user(&app(name), id, Haptic::Notification, repeat, now))
    }

    /// The session that a rule has scheduled last, and when it is due.
    fn waiting(&self) -> Vec<(SessionId, WallTime)> {
        self.watch.waiting_alarms().collect()
    }

    fn session_state(&self, name: &str, id: SessionId) -> SessionState {
        self.watch.session(&app(name), id).unwrap().state
    }

    fn expiration(&self, name: &str, id: SessionId) -> Option<WallTime> {
        self.watch.session(&app(name), id).unwrap().expiration
    }

    // --- what came out

    /// Every event that the app was told, in order.
    fn delivered(&self, name: &str) -> Vec<AppEvent> {
        let of_app = |output: &Output| match output {
            Output::Deliver { app, event }
            | Output::Advance { app, event, .. }
            | Output::Conclude { app, event, .. }
                if app.as_str() == name =>
            {
                Some(event.clone())
            }
            _ => None,
        };
        self.log.iter().filter_map(|(_, output)| of_app(output)).collect()
    }

    /// The events about a session, in order.
    fn told(&self, id: SessionId) -> Vec<AppEvent> {
        let events = self.log.iter().filter_map(|(_, output)| match output {
            Output::Deliver { event, .. }
            | Output::Advance { event, .. }
            | Output::Conclude { event, .. } => Some(event.clone()),
            _ => None,
        });
        events.filter(|event| session_of(event) == Some(id)).collect()
    }

    /// The end that a session was told; it is one exactly.
    fn end(&self, id: SessionId) -> End {
        let mut ends = self.told(id).into_iter().filter_map(|event| match event {
            AppEvent::DidInvalidate { end, .. } => Some(end),
            _ => None,
        });
        let end = ends.next().expect("the session has ended");
        assert_eq!(ends.next(), None, "did_invalidate comes once");
        end
    }

    /// The states that an app went through.
    fn states(&self, name: &str) -> Vec<AppState> {
        let of_app = |output: &Output| match output {
            Output::AppStateChanged { app, state } if app.as_str() == name => Some(*state),
            _ => None,
        };
        self.log.iter().filter_map(|(_, output)| of_app(output)).collect()
    }

    /// How long ago each haptic of an alarm was played.
    fn rings(&self) -> Vec<Duration> {
        let rings = self.log.iter().filter(|(_, output)| matches!(output, Output::Ring { .. }));
        rings.map(|(at, _)| self.now.since_boot - *at).collect()
    }

    fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.log.iter().filter(|(_, output)| wanted(output)).count()
    }

    /// Where an output comes in the order of all.
    fn place(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.log.iter().position(|(_, output)| wanted(output)).expect("the output came")
    }

    /// From here on only what comes anew is seen.
    fn look_anew(&mut self) {
        self.log.clear();
    }
}

/// The session that an event is about.
fn session_of(event: &AppEvent) -> Option<SessionId> {
    match event {
        AppEvent::StateChanged { .. } => None,
        AppEvent::Handle { session, .. }
        | AppEvent::DidStart { session, .. }
        | AppEvent::WillExpire { session, .. }
        | AppEvent::DidInvalidate { session, .. }
        | AppEvent::RepeatAsked { session, .. } => Some(*session),
    }
}

fn is_launch(output: &Output) -> bool {
    matches!(output, Output::Launch { .. })
}

fn is_freeze(output: &Output) -> bool {
    matches!(output, Output::Freeze { .. })
}

fn is_thaw(output: &Output) -> bool {
    matches!(output, Output::Thaw { .. })
}

fn is_did_start(output: &Output) -> bool {
    matches!(output, Output::Advance { event: AppEvent::DidStart { .. }, .. })
}

fn is_did_invalidate(output: &Output) -> bool {
    matches!(output, Output::Conclude { event: AppEvent::DidInvalidate { .. }, .. })
}

/// The end of a start that a rule forbids.
fn refused(code: ErrorCode) -> End {
    End::with_error(code, Cause::Refused)
}

/// The end of a start beside a session that runs or waits already.
fn in_progress() -> End {
    End::by(Reason::SessionInProgress, Cause::Refused)
}
