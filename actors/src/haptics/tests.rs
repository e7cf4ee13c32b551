use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use carpus_core::haptics::{Pattern, Step};
use carpus_core::supervision::Policy;
use carpus_devices::haptics::{Motor, MotorError, Strength};
use carpus_simulated::VirtualClock;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::*;
use crate::report::{DeviceMended, DeviceProblem};
use crate::supervisor::{Handle, Supervisor, SupervisorOptions};
use crate::testing::{in_real_time, listener};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Vibrate(u8, Duration),
    Stop,
    Closed,
}

/// A motor that says what it was told; `plugged_in` and `panics` are the test's hands.
#[derive(Clone)]
struct Bench {
    told: UnboundedSender<Told>,
    plugged_in: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

struct BenchMotor(Bench);

impl BenchMotor {
    fn tell(&self, told: Told) -> Result<(), MotorError> {
        assert!(!self.0.panics.swap(false, Ordering::SeqCst), "the driver is brittle");
        if !self.0.plugged_in.load(Ordering::SeqCst) {
            return Err(MotorError::Failed(Arc::new(std::io::Error::other("no such device"))));
        }
        let _test_over = self.0.told.send(told);
        Ok(())
    }
}

impl Motor for BenchMotor {
    fn vibrate(&mut self, strength: Strength, length: Duration) -> Result<(), MotorError> {
        self.tell(Told::Vibrate(strength.as_percent(), length))
    }

    fn stop(&mut self) -> Result<(), MotorError> {
        self.tell(Told::Stop)
    }

    fn describe(&self) -> String {
        "a motor on the bench".to_owned()
    }
}

impl Drop for BenchMotor {
    fn drop(&mut self) {
        let _test_over = self.0.told.send(Told::Closed);
    }
}

impl Bench {
    fn new(plugged_in: bool) -> (Self, UnboundedReceiver<Told>) {
        let (told, tells) = mpsc::unbounded_channel();
        let plugged_in = Arc::new(AtomicBool::new(plugged_in));
        (Self { told, plugged_in, panics: Arc::default() }, tells)
    }

    fn opener(&self) -> OpenMotor {
        let bench = self.clone();
        Box::new(move || {
            if bench.plugged_in.load(Ordering::SeqCst) {
                Ok(Box::new(BenchMotor(bench.clone())))
            } else {
                Err(MotorError::Missing { remedy: "plug it in".to_owned() })
            }
        })
    }
}

struct Setup {
    bench: Bench,
    tells: UnboundedReceiver<Told>,
    haptics: Handle<Haptics>,
    played: UnboundedReceiver<HapticPlayed>,
    devices: UnboundedReceiver<DeviceReport>,
    _supervisor: actix::Addr<Supervisor>,
}

impl Setup {
    fn new(plugged_in: bool) -> Self {
        Self::with_theme(plugged_in, Theme::default())
    }

    fn with_theme(plugged_in: bool, theme: Theme) -> Self {
        let (theme, (bench, tells)) = (Arc::new(theme), Bench::new(plugged_in));
        let (on_played, played) = listener();
        let (on_device, devices) = listener();
        let clock = Arc::new(VirtualClock::new());
        let mut supervisor = Supervisor::new(SupervisorOptions {
            policy: Policy::default(),
            seed: 1,
            clock: clock.clone(),
            on_healthy: Box::new(|| {}),
            on_escalation: Box::new(|_| {}),
        });
        let haptics = Handle::new("haptics");
        let bench_of_thread = bench.clone();
        supervisor.supervise(&haptics, move |ctx| {
            let options = HapticsOptions {
                open: bench_of_thread.opener(),
                theme: theme.clone(),
                gap: carpus_core::haptics::HAPTIC_GAP,
                clock: clock.clone(),
                played: on_played.clone(),
                reports: on_device.clone(),
            };
            Haptics::new(options, ctx)
        });
        Self { bench, tells, haptics, played, devices, _supervisor: supervisor.start() }
    }

    async fn play(&self, haptic: Haptic) {
        self.haptics.send(Play { haptic, origin: "an-app".to_owned() }).await.unwrap();
    }
}

fn vibrations(haptic: Haptic) -> Vec<Told> {
    let told = |step: &Step| Told::Vibrate(step.strength_percent, step.length);
    Theme::default().pattern(haptic).steps().iter().map(told).collect()
}

#[test]
fn h1_a_haptic_plays_its_pattern_and_is_reported() {
    in_real_time(async {
        let mut setup = Setup::new(true);
        setup.play(Haptic::Success).await;
        for expected in vibrations(Haptic::Success) {
            assert_eq!(setup.tells.recv().await, Some(expected));
        }
        let played = setup.played.recv().await.unwrap();
        assert_eq!((played.haptic, played.origin.as_str()), (Haptic::Success, "an-app"));
        assert!(setup.played.try_recv().is_err(), "once");
    });
}

#[test]
fn h1_a_haptic_plays_as_the_theme_has_it_for_each_life_of_the_actor() {
    in_real_time(async {
        let step = Step { strength_percent: 35, length: Duration::from_millis(45), pause: Duration::ZERO };
        let pattern = Pattern::new(vec![step], vec![]).unwrap();
        let mut setup = Setup::with_theme(true, Theme::new([(Haptic::Click, pattern)]).unwrap());
        setup.play(Haptic::Click).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Vibrate(35, step.length)));
        setup.bench.panics.store(true, Ordering::SeqCst);
        setup.play(Haptic::Start).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Closed), "the thread ended");
        while setup.haptics.send(Play { haptic: Haptic::Click, origin: String::new() }).await.is_err()
            || setup.tells.is_empty()
        {
            tokio::task::yield_now().await;
        }
        assert_eq!(setup.tells.recv().await, Some(Told::Vibrate(35, step.length)));
    });
}

#[test]
fn h2_a_new_haptic_stops_the_current_one() {
    in_real_time(async {
        let mut setup = Setup::new(true);
        setup.play(Haptic::UnderwaterDepthCriticalPrompt).await;
        let first = vibrations(Haptic::UnderwaterDepthCriticalPrompt).swap_remove(0);
        assert_eq!(setup.tells.recv().await, Some(first));
        setup.play(Haptic::Click).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Stop));
        assert_eq!(setup.tells.recv().await, vibrations(Haptic::Click).pop());
    });
}

#[test]
fn stop_stops() {
    in_real_time(async {
        let mut setup = Setup::new(true);
        setup.play(Haptic::UnderwaterDepthCriticalPrompt).await;
        setup.tells.recv().await;
        setup.haptics.send(StopHaptics).await.unwrap();
        assert_eq!(setup.tells.recv().await, Some(Told::Stop));
    });
}

#[test]
fn h3_the_end_of_the_actor_stops_the_motor_and_closes_it() {
    in_real_time(async {
        let mut setup = Setup::new(true);
        setup.play(Haptic::UnderwaterDepthCriticalPrompt).await;
        setup.tells.recv().await;
        setup._supervisor.send(crate::supervisor::StopAll).await.unwrap();
        assert_eq!(setup.tells.recv().await, Some(Told::Stop));
        assert_eq!(setup.tells.recv().await, Some(Told::Closed));
    });
}

#[test]
fn n8_a_missing_motor_is_said_once_with_its_remedy_and_used_when_it_comes() {
    in_real_time(async {
        let mut setup = Setup::new(false);
        let expected = DeviceProblem {
            part: "motor",
            what: "no vibration motor was found".to_owned(),
            remedy: "plug it in".to_owned(),
        };
        assert_eq!(setup.devices.recv().await, Some(DeviceReport::Problem(expected)));
        setup.play(Haptic::Click).await;
        setup.bench.plugged_in.store(true, Ordering::SeqCst);
        let mended = DeviceReport::Mended(DeviceMended { part: "motor" });
        assert_eq!(setup.devices.recv().await, Some(mended), "and no second problem before it");
        assert!(setup.played.try_recv().is_err(), "what was not felt is not reported as played");

        setup.play(Haptic::Click).await;
        assert_eq!(setup.played.recv().await.unwrap().haptic, Haptic::Click);
    });
}

#[test]
fn a_motor_that_fails_is_closed_reported_and_opened_again() {
    in_real_time(async {
        let mut setup = Setup::new(true);
        setup.play(Haptic::Click).await;
        setup.played.recv().await;
        setup.bench.plugged_in.store(false, Ordering::SeqCst);
        setup.play(Haptic::Click).await;
        let Some(DeviceReport::Problem(problem)) = setup.devices.recv().await else {
            panic!("no problem told")
        };
        assert_eq!(problem.what, "the vibration motor failed: no such device");
        let told = [setup.tells.recv().await, setup.tells.recv().await];
        assert_eq!(told, [vibrations(Haptic::Click).pop(), Some(Told::Closed)]);
        setup.bench.plugged_in.store(true, Ordering::SeqCst);
        // Between the failure and now it may have been looked for once more, and been missing.
        while let Some(report) = setup.devices.recv().await {
            if report == DeviceReport::Mended(DeviceMended { part: "motor" }) {
                break;
            }
        }
    });
}

#[test]
fn a_driver_that_panics_costs_one_haptic() {
    in_real_time(async {
        let mut setup = Setup::new(true);
        setup.bench.panics.store(true, Ordering::SeqCst);
        setup.play(Haptic::Click).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Closed), "the thread ended");
        while setup.haptics.send(Play { haptic: Haptic::Start, origin: String::new() }).await.is_err()
            || setup.played.try_recv().is_err()
        {
            tokio::task::yield_now().await;
        }
    });
}
