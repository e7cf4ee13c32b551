use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus_simulated::VirtualClock;
use tokio::sync::mpsc;

use super::*;
use crate::testing::{drain, in_virtual_time, listener, pass};

fn at(seconds: u64) -> WallTime {
    crate::time::wall_time(start() + Duration::from_secs(seconds))
}

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn scheduler() -> (VirtualClock, Addr<Scheduler>, mpsc::UnboundedReceiver<Due>) {
    let clock = VirtualClock::starting_at(start());
    let (due, told) = listener();
    (clock.clone(), Scheduler::new(SchedulerOptions { due, ..options(&clock) }).start(), told)
}

/// Nobody listens.
fn options(clock: &VirtualClock) -> SchedulerOptions {
    SchedulerOptions {
        clock: Arc::new(clock.clone()),
        timer: Arc::new(clock.wall_timer()),
        zone: Arc::new(|| TimeZone::UTC),
        due: Outlet::nobody(),
        begins: Outlet::nobody(),
        clock_set: Outlet::nobody(),
        zone_changed: Outlet::nobody(),
    }
}

#[test]
fn a4_alarms_are_told_at_their_instants() {
    in_virtual_time(async {
        let (clock, scheduler, mut told) = scheduler();
        scheduler.do_send(Arm(SessionId(1), at(20)));
        scheduler.do_send(Arm(SessionId(2), at(10)));
        assert_eq!(told.recv().await, Some(Due(SessionId(2))));
        assert_eq!(clock.wall(), start() + Duration::from_secs(10));
        assert_eq!(told.recv().await, Some(Due(SessionId(1))));
        assert_eq!(clock.wall(), start() + Duration::from_secs(20));
    });
}

#[test]
fn a7_a_clock_set_forward_past_the_instant_tells_at_once() {
    in_virtual_time(async {
        let (clock, scheduler, mut told) = scheduler();
        scheduler.send(Arm(SessionId(1), at(3600))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        clock.set_wall(start() + Duration::from_secs(4000));
        assert_eq!(told.recv().await, Some(Due(SessionId(1))));
        assert_eq!(clock.since_boot(), Duration::from_secs(1));
    });
}

#[test]
fn a7_a_clock_set_back_makes_the_alarm_wait_for_the_wall_clock() {
    in_virtual_time(async {
        let (clock, scheduler, mut told) = scheduler();
        scheduler.send(Arm(SessionId(1), at(60))).await.unwrap();
        clock.set_wall(start() - Duration::from_secs(60));
        assert_eq!(told.recv().await, Some(Due(SessionId(1))));
        assert_eq!(clock.since_boot(), Duration::from_secs(120));
    });
}

#[test]
fn a_disarmed_alarm_is_not_told() {
    in_virtual_time(async {
        let (_clock, scheduler, mut told) = scheduler();
        scheduler.do_send(Arm(SessionId(1), at(10)));
        scheduler.do_send(Arm(SessionId(2), at(20)));
        scheduler.do_send(Disarm(SessionId(1)));
        assert_eq!(told.recv().await, Some(Due(SessionId(2))));
    });
}

#[test]
fn an_instant_that_the_system_cannot_express_blocks_no_other() {
    in_virtual_time(async {
        let (_clock, scheduler, mut told) = scheduler();
        scheduler.do_send(Arm(SessionId(1), WallTime::from_unix_ms(i64::MAX)));
        scheduler.do_send(Arm(SessionId(2), at(10)));
        assert_eq!(told.recv().await, Some(Due(SessionId(2))));
    });
}

#[test]
fn a_scheduler_that_begins_asks_for_the_alarms_that_wait() {
    in_virtual_time(async {
        let clock = VirtualClock::starting_at(start());
        let (begins, mut told) = listener();
        let _scheduler = Scheduler::new(SchedulerOptions { begins, ..options(&clock) }).start();
        assert_eq!(told.recv().await, Some(ArmAgain));
    });
}

#[test]
fn a10_each_step_of_the_clock_is_told_though_no_alarm_waits() {
    in_virtual_time(async {
        let clock = VirtualClock::starting_at(start());
        let (clock_set, mut told) = listener();
        let _scheduler = Scheduler::new(SchedulerOptions { clock_set, ..options(&clock) }).start();
        pass(Duration::from_secs(3600)).await;
        assert_eq!(drain(&mut told), [], "the clock goes, and is not set");
        for step_to in [start() + Duration::from_secs(86_400), start() - Duration::from_secs(86_400)] {
            clock.set_wall(step_to);
            pass(Duration::from_secs(1)).await;
            assert_eq!(drain(&mut told), [ClockSet]);
        }
    });
}

#[test]
fn a10_the_time_zone_is_told_at_the_start_and_when_it_changes() {
    in_virtual_time(async {
        let clock = VirtualClock::starting_at(start());
        let board = Arc::new(Mutex::new(TimeZone::UTC));
        let (zone_changed, mut told) = listener();
        let read = Arc::clone(&board);
        let zone: ReadZone = Arc::new(move || read.lock().unwrap().clone());
        let _scheduler = Scheduler::new(SchedulerOptions { zone, zone_changed, ..options(&clock) }).start();
        pass(ZONE_INTERVAL * 10).await;
        assert_eq!(drain(&mut told), [ZoneChanged(TimeZone::UTC)]);
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        *board.lock().unwrap() = tokyo.clone();
        pass(ZONE_INTERVAL).await;
        assert_eq!(drain(&mut told), [ZoneChanged(tokyo)]);
        *board.lock().unwrap() = TimeZone::UTC;
        clock.set_wall(start());
        pass(Duration::from_secs(1)).await;
        assert_eq!(drain(&mut told), [ZoneChanged(TimeZone::UTC)], "a step of the clock is a reason to look");
    });
}
