use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus_simulated::VirtualClock;
use tokio::sync::mpsc;

use super::*;
use crate::testing::{in_virtual_time, listener};

fn at(seconds: u64) -> WallTime {
    crate::time::wall_time(start() + Duration::from_secs(seconds))
}

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn scheduler() -> (VirtualClock, Addr<Scheduler>, mpsc::UnboundedReceiver<Due>) {
    let clock = VirtualClock::starting_at(start());
    let (due, told) = listener();
    let timer = Arc::new(clock.wall_timer());
    (clock.clone(), Scheduler::new(Arc::new(clock), timer, due, Outlet::nobody()).start(), told)
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
        let timer = Arc::new(clock.wall_timer());
        let _scheduler = Scheduler::new(Arc::new(clock), timer, Outlet::nobody(), begins).start();
        assert_eq!(told.recv().await, Some(ArmAgain));
    });
}
