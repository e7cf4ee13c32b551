//! The thread that owns the motor.

use std::sync::Arc;

use carpus_core::haptics::{Output, Sequencer};
use carpus_core::{Haptic, Now};
use carpus_devices::clock::Clock;
use carpus_devices::haptics::{Motor, MotorError, Strength};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;

use super::{HapticPlayed, HapticsOptions, Play};
use crate::device::Device;
use crate::supervisor::{Outlet, life};
use crate::thread::answer;
use crate::time;

/// What the motor's thread is told.
pub(super) enum Command {
    Play(Play),
    Stop,
    /// Answered at once: the thread lives.
    Ping(oneshot::Sender<()>),
}

pub(super) struct MotorThread {
    motor: Device<dyn Motor, MotorError>,
    sequencer: Sequencer,
    clock: Arc<dyn Clock>,
    played: Outlet<HapticPlayed>,
    /// Who asked for the newest haptic; it is the one that begins next.
    origin: String,
    /// The haptic that began, until its first vibration was taken.
    begun: Option<Haptic>,
}

impl MotorThread {
    pub(super) fn new(options: HapticsOptions) -> Self {
        Self {
            motor: Device::new(options.open, "motor", options.reports),
            sequencer: Sequencer::new(options.theme, options.gap),
            clock: options.clock,
            played: options.played,
            origin: String::new(),
            begun: None,
        }
    }

    /// Serves the queue until its other end is dropped; then the motor is stopped and closed.
    pub(super) fn run(mut self, queue: &Receiver<Command>) {
        while !life::is_cut_off() {
            let now = self.now();
            self.motor.try_open(now.since_boot);
            self.sequencer.handle_timeout(now);
            self.perform(now);
            match self.next_command(queue) {
                Ok(Command::Play(play)) => self.play(play),
                Ok(Command::Stop) => self.stop(),
                Ok(Command::Ping(ping)) => answer(ping),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.stop();
    }

    fn now(&self) -> Now {
        time::now(&*self.clock)
    }

    fn next_command(&self, queue: &Receiver<Command>) -> Result<Command, RecvTimeoutError> {
        let due = [self.sequencer.poll_timeout(), self.motor.retry_at()].into_iter().flatten().min();
        match due {
            Some(due) => queue.recv_timeout(due.saturating_sub(self.clock.since_boot())),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn play(&mut self, play: Play) {
        let now = self.now();
        self.origin = play.origin;
        self.sequencer.handle_play(play.haptic, now);
        self.perform(now);
    }

    fn stop(&mut self) {
        let now = self.now();
        self.sequencer.handle_stop(now);
        self.perform(now);
    }

    fn perform(&mut self, now: Now) {
        while let Some(output) = self.sequencer.poll_output() {
            match output {
                Output::Begin(haptic) => self.begun = Some(haptic),
                Output::Vibrate { strength_percent, length } => {
                    let strength = Strength::percent(strength_percent);
                    if self.motor.run(now.since_boot, |motor| motor.vibrate(strength, length)) {
                        self.tell_played(now);
                    }
                }
                Output::Stop => {
                    self.motor.run(now.since_boot, |motor| motor.stop());
                }
                Output::LeftOut(haptic) => {
                    tracing::warn!(
                        haptic = haptic.name(),
                        origin = self.origin,
                        "left out: the motor must cool"
                    );
                }
            }
        }
    }

    fn tell_played(&mut self, at: Now) {
        if let Some(haptic) = self.begun.take() {
            self.played.tell(HapticPlayed { haptic, origin: self.origin.clone(), at });
        }
    }
}
