//! Apps: processes that listen, answer, hang and crash.

use std::collections::VecDeque;
use std::time::Duration;

use carpus_core::session::ExitStatus;
use carpus_core::watch::Repeat;
use carpus_core::{AppEvent, AppState, Haptic, SessionId};

use super::agenda::{Action, Event};
use super::{Done, Halt, World};
use crate::counts::Happening;
use crate::history::Behaviour;
use crate::input::Input;
use crate::random::Random;

/// A living process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) generation: u64,
    pub(super) attached: bool,
    /// It listened once, to this runtime or another.
    listened: bool,
    /// It is older than the part of the runtime that launches, which cannot tell how it ends.
    adopted: bool,
    pub(super) frozen: bool,
    /// Told to leave.
    pub(super) leaving: bool,
    /// What it would have done while it was frozen.
    held: Vec<Action>,
    /// What it asks of the runtime as soon as it has found that again (D5).
    calls: Vec<Action>,
    /// What was delivered and not read yet; durable events with their number.
    mail: VecDeque<(Option<u64>, AppEvent)>,
}

const SIGSEGV: i32 = 11;
const SIGTERM: i32 = 15;
pub(super) const SIGKILL: i32 = 9;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The times of a behaviour; none: never.
impl Behaviour {
    const fn attaches_after(self) -> Option<Duration> {
        match self {
            Self::Slow | Self::Late => Some(ms(2500)),
            Self::Hanging => None,
            _ => Some(ms(150)),
        }
    }

    const fn handles_after(self) -> Option<Duration> {
        match self {
            Self::Slow => Some(ms(3000)),
            Self::Late => Some(ms(7000)),
            Self::Hanging | Self::Deaf => None,
            _ => Some(ms(120)),
        }
    }

    const fn notifies_after(self) -> Option<Duration> {
        match self {
            Self::Slow | Self::Late => Some(ms(20_000)),
            Self::Hanging | Self::Deaf | Self::Silent => None,
            Self::Crashing => Some(ms(900)),
            _ => Some(ms(8000)),
        }
    }

    /// How long it takes to find the runtime that was started again.
    const fn finds_runtime_after(self) -> Option<Duration> {
        match self {
            Self::Slow | Self::Late => Some(ms(2000)),
            Self::Hanging => None,
            _ => Some(ms(100)),
        }
    }

    /// How long it takes to leave when told to.
    const fn leaves_after(self) -> Option<Duration> {
        match self {
            Self::Slow | Self::Late => Some(ms(3500)),
            Self::Hanging | Self::Deaf => None,
            _ => Some(ms(40)),
        }
    }

    /// How its process ends after it was told something, if it does; `chance` is any number.
    fn ends_after(self, event: &AppEvent, chance: u64) -> Option<(Duration, ExitStatus)> {
        let crash = |after_ms| Some((ms(after_ms), ExitStatus::Signal(SIGSEGV)));
        match (self, event) {
            (_, AppEvent::StateChanged { .. }) => None,
            (Self::Crashing, _) => crash(1300),
            (Self::Unsteady, _) if chance.is_multiple_of(3) => crash(chance / 3 % 5000),
            (Self::Quitting, AppEvent::DidStart { .. }) if chance.is_multiple_of(2) => {
                Some((ms(chance / 2 % 20_000), ExitStatus::Code(0)))
            }
            _ => None,
        }
    }
}

impl Process {
    /// Nobody hears it any more, and it is told nothing.
    pub(super) fn lose_runtime(&mut self, part: bool) {
        self.attached = false;
        self.adopted |= !part;
        self.mail.clear();
        self.held.retain(|action| *action != Action::Attach);
    }

    /// These events are void, and it did not read them yet.
    pub(super) fn forget_mail(&mut self, void: &[u64]) {
        self.mail.retain(|(sequence, _)| sequence.is_none_or(|sequence| !void.contains(&sequence)));
    }

    /// It would have done this, if it had got CPU, or if there had been a runtime.
    pub(super) fn keep_for_later(&mut self, action: Action) {
        if self.frozen {
            self.held.push(action);
        } else {
            self.calls.push(action);
        }
    }
}

impl World<'_> {
    pub(super) fn launch(&mut self, app: usize) {
        self.counts.add(Happening::AppsLaunched);
        self.generation += 1;
        let generation = self.generation;
        let process = Process {
            generation,
            attached: false,
            listened: false,
            adopted: false,
            frozen: false,
            leaving: false,
            held: Vec::new(),
            calls: Vec::new(),
            mail: VecDeque::new(),
        };
        self.apps[app].process = Some(process);
        self.will(app, self.apps[app].behaviour.attaches_after(), Action::Attach);
    }

    /// The runtime was started again: the app listens to it after a while.
    pub(super) fn find_runtime_again(&mut self, app: usize) {
        let behaviour = self.apps[app].behaviour;
        let Some(process) = &self.apps[app].process else { return };
        self.agenda.forget_attach(process.generation);
        let after =
            if process.listened { behaviour.finds_runtime_after() } else { behaviour.attaches_after() };
        self.will(app, after, Action::Attach);
    }

    /// The app will do it after some time, unless it never does.
    fn will(&mut self, app: usize, after: Option<Duration>, action: Action) {
        if let (Some(after), Some(process)) = (after, &self.apps[app].process) {
            let event = Event::App(app, process.generation, action);
            self.agenda.enter(self.now.since_boot + after, event);
        }
    }

    pub(super) fn freeze(&mut self, app: usize, frozen: bool) -> Done {
        let Some(process) = &mut self.apps[app].process else {
            return Err(Halt::Broken("L5: frozen or thawed without a process".to_owned()));
        };
        if std::mem::replace(&mut process.frozen, frozen) == frozen {
            return Err(Halt::Broken("L5: frozen and thawed not in turn".to_owned()));
        }
        if frozen {
            self.counts.add(Happening::AppsFrozen);
            return Ok(());
        }
        self.go_on(app)
    }

    /// The process gets CPU, and does what it would have done without.
    fn go_on(&mut self, app: usize) -> Done {
        let held = self.apps[app].process.as_mut().map(|process| std::mem::take(&mut process.held));
        for action in held.unwrap_or_default() {
            self.will(app, Some(Duration::ZERO), action);
        }
        self.read_mail(app)
    }

    /// SIGTERM. A frozen app is thawed to let it leave.
    pub(super) fn tell_to_leave(&mut self, app: usize) -> Done {
        if let Some(process) = &mut self.apps[app].process {
            process.leaving = true;
            process.frozen = false;
        }
        let leaves_after = self.apps[app].behaviour.leaves_after();
        self.will(app, leaves_after, Action::Exit(ExitStatus::Signal(SIGTERM)));
        self.go_on(app)
    }

    pub(super) fn kill(&mut self, app: usize) {
        self.counts.add(Happening::AppsKilled);
        self.will(app, Some(ms(5)), Action::Exit(ExitStatus::Signal(SIGKILL)));
    }

    /// A process does what it planned, if it lives and gets CPU.
    pub(super) fn act(&mut self, app: usize, generation: u64, action: Action) -> Done {
        let alive = |process: &&mut Process| process.generation == generation;
        let Some(process) = self.apps[app].process.as_mut().filter(alive) else { return Ok(()) };
        if let Action::Exit(status) = action {
            return self.exit(app, status);
        }
        if process.frozen || !process.attached && action != Action::Attach {
            process.keep_for_later(action);
            return Ok(());
        }
        let done = self.do_now(app, action);
        if let (Err(Halt::Outage(_)), Some(process)) = (&done, &mut self.apps[app].process)
            && action != Action::Attach
        {
            process.keep_for_later(action); // it was not answered
        }
        done
    }

    fn do_now(&mut self, app: usize, action: Action) -> Done {
        match action {
            Action::Attach => self.attach(app),
            Action::Handled(id) => self.tell(&Input::Handled(self.id(app), id)).map(drop),
            Action::Notify(id) => self.notify(app, id),
            Action::Answer(id, played) => self.answer(app, id, played),
            Action::Invalidate(id) => self.tell(&Input::Invalidate(self.id(app), id)).map(drop),
            Action::Acknowledge(sequence) => {
                self.disk.journals[app].acknowledge(sequence);
                Ok(())
            }
            Action::Exit(_) => Ok(()),
        }
    }

    pub(super) fn exit(&mut self, app: usize, status: ExitStatus) -> Done {
        let process = self.apps[app].process.take();
        let adopted = process.is_some_and(|process| process.adopted);
        let status = if adopted { ExitStatus::Unknown } else { status };
        self.tell(&Input::Exited(self.id(app), status)).map(drop)
    }

    pub(super) fn crash(&mut self, app: usize) -> Done {
        if self.apps[app].process.is_none() {
            return Ok(());
        }
        self.counts.add(Happening::AppCrashes);
        self.exit(app, ExitStatus::Signal(SIGSEGV))
    }

    /// The app listens: it is told what it missed, and the runtime is told that it is up.
    fn attach(&mut self, app: usize) -> Done {
        let waiting = &self.disk.journals[app].waiting;
        let Some(process) = self.apps[app].process.as_mut() else { return Ok(()) };
        process.attached = true;
        process.listened = true;
        let calls = std::mem::take(&mut process.calls);
        process.mail = waiting.iter().map(|(number, event)| (Some(*number), event.clone())).collect();
        for action in calls {
            self.will(app, Some(Duration::ZERO), action);
        }
        self.read_mail(app)?;
        if self.apps[app].behaviour == Behaviour::CrashLoop {
            self.will(app, Some(ms(200)), Action::Exit(ExitStatus::Signal(SIGSEGV)));
        }
        self.tell(&Input::Attached(self.id(app))).map(drop)
    }

    /// An event comes to the app's process, if there is one that listens.
    pub(super) fn deliver(&mut self, app: usize, sequence: Option<u64>, event: AppEvent) -> Done {
        let Some(process) = self.apps[app].process.as_mut().filter(|process| process.attached) else {
            return Ok(());
        };
        process.mail.push_back((sequence, event));
        self.read_mail(app)
    }

    fn read_mail(&mut self, app: usize) -> Done {
        while let Some(process) = self.apps[app].process.as_mut().filter(|process| !process.frozen) {
            let Some((sequence, event)) = process.mail.pop_front() else { break };
            if self.receive(app, sequence, &event)? {
                self.react(app, &event);
            }
        }
        Ok(())
    }

    /// Takes an event, unless the app has seen it before; and acknowledges it.
    pub(super) fn receive(
        &mut self,
        app: usize,
        sequence: Option<u64>,
        event: &AppEvent,
    ) -> Result<bool, Halt> {
        let Some(sequence) = sequence else { return Ok(true) };
        let received = self.apps[app].received;
        if self.apps[app].behaviour == Behaviour::Slow {
            self.will(app, Some(ms(700)), Action::Acknowledge(sequence));
        } else {
            self.disk.journals[app].acknowledge(sequence);
        }
        if sequence <= received {
            self.counts.add(Happening::Redeliveries);
            return Ok(false);
        }
        if !self.disk.journals[app].follows(sequence, received) {
            return Err(Halt::Broken(format!("D1: event {sequence} follows {received}")));
        }
        self.apps[app].received = sequence;
        // A disk that is slow or was full may finish only now what was meant for a process that is gone; and an alarm that was handed over
        // may wait once more when the clock was set back.
        let once = !self.disk.was_late && !self.clock_was_set;
        let process = self.apps[app].process.as_ref().filter(|_| once);
        let process = process.map(|process| process.generation);
        self.ledger.received(event, process, &mut self.counts)?;
        Ok(true)
    }

    fn react(&mut self, app: usize, event: &AppEvent) {
        let behaviour = self.apps[app].behaviour;
        match *event {
            AppEvent::Handle { session, .. } => {
                self.will(app, behaviour.handles_after(), Action::Handled(session));
                if behaviour == Behaviour::Confused {
                    self.will(app, Some(ms(130)), Action::Handled(session));
                    self.will(app, Some(ms(6000)), Action::Handled(session));
                }
            }
            AppEvent::DidStart { session, .. } => {
                self.will(app, behaviour.notifies_after(), Action::Notify(session));
            }
            AppEvent::RepeatAsked { session, played } => {
                self.will(app, behaviour.handles_after(), Action::Answer(session, played));
                if behaviour == Behaviour::Confused {
                    self.will(app, Some(ms(200)), Action::Answer(session, played));
                    self.will(app, Some(ms(90_000)), Action::Answer(session, played + 1));
                }
            }
            AppEvent::StateChanged { state: AppState::Active } => self.stop_own_alarm(app),
            AppEvent::StateChanged { .. } | AppEvent::WillExpire { .. } | AppEvent::DidInvalidate { .. } => {}
        }
        let chance = Random::new(self.generation << 32 | self.apps[app].received).next();
        if let Some((after, status)) = behaviour.ends_after(event, chance) {
            self.will(app, Some(after), Action::Exit(status));
        }
    }

    /// The app is active and rings: it has to end it (N4).
    fn stop_own_alarm(&mut self, app: usize) {
        let loud = self.ledger.newest_first().find(|(_, entry)| entry.app == app && entry.loud);
        if let Some((id, _)) = loud {
            self.will(app, self.apps[app].behaviour.handles_after(), Action::Invalidate(id));
        }
    }

    /// Each session repeats in another way.
    fn notify(&mut self, app: usize, id: SessionId) -> Done {
        let repeat = match (self.apps[app].behaviour, id.0 % 4) {
            (Behaviour::Confused, 0) => Repeat::EveryMs(-1),
            (Behaviour::Confused, 1) => Repeat::EveryMs(1_000_000),
            (_, 0) => Repeat::Default,
            (_, 1) => Repeat::EveryMs(5000),
            (_, 2) => Repeat::EveryMs(20_000),
            (_, _) => Repeat::Ask,
        };
        self.tell(&Input::NotifyUser(self.id(app), id, Haptic::Success, repeat)).map(drop)
    }

    fn answer(&mut self, app: usize, id: SessionId, played: u32) -> Done {
        let (interval_ms, haptic) = match (self.apps[app].behaviour, played % 3) {
            (Behaviour::Confused, 0) => (5, None),
            (Behaviour::Confused, 1) => (i64::MIN, None),
            (Behaviour::Confused, _) => (i64::MAX, Some(Haptic::Failure)),
            (_, 1) => (4000, Some(Haptic::Retry)),
            (_, _) => (6000, None),
        };
        self.tell(&Input::Repeat(self.id(app), id, played, interval_ms, haptic)).map(drop)
    }
}
