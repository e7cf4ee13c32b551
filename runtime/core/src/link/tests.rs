use super::*;
use crate::time::WallTime;

const A: char = 'a';
const B: char = 'b';
const C: char = 'c';

fn at(ms: u64) -> Now {
    Now { since_boot: Duration::from_millis(ms), wall: WallTime::default() }
}

fn outputs(links: &mut Links<char>) -> Vec<Output<char>> {
    std::iter::from_fn(|| links.poll_output()).collect()
}

/// What is asked of the radio, without the changes of state.
fn orders(links: &mut Links<char>) -> Vec<Output<char>> {
    outputs(links).into_iter().filter(|output| !matches!(output, Output::StateChanged { .. })).collect()
}

fn links(devices: &[char]) -> Links<char> {
    let mut links = Links::new(LinkLimits::default());
    links.handle_adapter(true, at(0));
    for device in devices {
        assert!(links.handle_add(*device, at(0)));
    }
    links
}

/// Takes `device` from a scan to live.
fn bring_up(links: &mut Links<char>, device: char, now: Now) {
    links.handle_seen(&device, now);
    links.handle_connected(&device, now);
    links.handle_discovered(&device, now);
    links.handle_live(&device, now);
    assert_eq!(links.state(&device), Some(LinkState::Live));
    outputs(links);
}

fn due_ms(links: &Links<char>) -> u128 {
    links.poll_timeout().expect("it waits for something").as_millis()
}

#[test]
fn a_strap_goes_from_absent_to_live() {
    let mut links = links(&[A]);
    let states = |links: &mut Links<char>| -> Vec<LinkState> {
        let state = |output| match output {
            Output::StateChanged { state, .. } => Some(state),
            _ => None,
        };
        outputs(links).into_iter().filter_map(state).collect()
    };
    assert_eq!(outputs(&mut links), [Output::StartScan]);
    links.handle_seen(&A, at(100));
    assert_eq!(states(&mut links), [LinkState::Seen, LinkState::Connecting]);
    links.handle_connected(&A, at(200));
    assert_eq!(states(&mut links), [LinkState::Discovering]);
    links.handle_discovered(&A, at(300));
    assert_eq!(states(&mut links), [LinkState::Subscribing]);
    links.handle_live(&A, at(400));
    assert_eq!(states(&mut links), [LinkState::Live]);
}

#[test]
fn the_scan_stops_before_a_connect() {
    let mut links = links(&[A, B]);
    orders(&mut links);
    links.handle_seen(&A, at(100));
    assert_eq!(orders(&mut links), [Output::StopScan, Output::Connect { device: A }]);
    links.handle_discovered(&A, at(200));
    assert_eq!(orders(&mut links), [Output::Subscribe { device: A }]);
    links.handle_live(&A, at(300));
    assert_eq!(orders(&mut links), [Output::StartScan], "the other one is still absent");
}

#[test]
fn one_connect_runs_at_a_time_and_the_longest_waiting_is_next() {
    let mut links = links(&[A, B, C]);
    orders(&mut links);
    for device in [C, A, B] {
        links.handle_seen(&device, at(10));
    }
    assert_eq!(orders(&mut links), [Output::StopScan, Output::Connect { device: C }]);
    links.handle_failed(&C, FailureClass::Transient, at(20));
    assert_eq!(orders(&mut links), [Output::Connect { device: A }]);
    links.handle_failed(&A, FailureClass::Transient, at(1000));
    assert_eq!(
        orders(&mut links),
        [Output::Connect { device: B }],
        "before another attempt at one that failed"
    );
    links.handle_failed(&B, FailureClass::Transient, at(1010));
    assert_eq!(orders(&mut links), [Output::Connect { device: C }]);
}

#[test]
fn no_scan_while_all_known_straps_are_connected() {
    let mut links = links(&[A]);
    bring_up(&mut links, A, at(0));
    for second in 1..100 {
        links.handle_data(&A, at(second * 1000));
        links.handle_timeout(at(second * 1000));
    }
    assert_eq!(outputs(&mut links), []);
}

#[test]
fn scans_are_short_and_rare_while_a_strap_is_live() {
    let mut links = links(&[A, B]);
    links.handle_seen(&B, at(0));
    links.handle_failed(&B, FailureClass::NotFound, at(0));
    bring_up(&mut links, A, at(0));
    let mut scans = Vec::new();
    for second in 0..200 {
        links.handle_data(&A, at(second * 1000));
        links.handle_timeout(at(second * 1000));
        scans.extend(orders(&mut links).into_iter().map(|order| (second, order)));
    }
    assert_eq!(
        scans,
        [
            (8, Output::StopScan),
            (68, Output::StartScan),
            (76, Output::StopScan),
            (136, Output::StartScan),
            (144, Output::StopScan)
        ]
    );
}

#[test]
fn scans_have_short_rests_while_no_strap_is_live() {
    let mut links = links(&[A]);
    links.handle_seen(&A, at(0));
    links.handle_failed(&A, FailureClass::NotFound, at(0));
    orders(&mut links);
    assert_eq!(due_ms(&links), 8000);
    links.handle_timeout(at(8000));
    assert_eq!(orders(&mut links), [Output::StopScan]);
    assert_eq!(due_ms(&links), 10_000);
    links.handle_timeout(at(10_000));
    assert_eq!(orders(&mut links), [Output::StartScan]);
}

#[test]
fn a_strap_that_a_whole_scan_did_not_show_is_tried_once_unseen() {
    let mut links = links(&[A]);
    orders(&mut links);
    links.handle_timeout(at(8000));
    assert_eq!(orders(&mut links), [Output::StopScan, Output::Connect { device: A }]);
    links.handle_failed(&A, FailureClass::TimedOut, at(28_000));
    for second in 28..200 {
        links.handle_timeout(at(second * 1000));
    }
    assert!(!orders(&mut links).contains(&Output::Connect { device: A }), "once is enough");

    links.handle_adapter(false, at(200_000));
    links.handle_adapter(true, at(201_000));
    orders(&mut links);
    links.handle_timeout(at(209_000));
    assert_eq!(
        orders(&mut links),
        [Output::StopScan, Output::Connect { device: A }],
        "a new adapter, a new try"
    );
}

#[test]
fn a_strap_that_somebody_else_connected_is_in_reach() {
    let mut links = links(&[A]);
    orders(&mut links);
    links.handle_connected(&A, at(100));
    assert_eq!(orders(&mut links), [Output::StopScan, Output::Connect { device: A }]);
}

#[test]
fn a_new_strap_is_looked_for_at_once() {
    let mut links = links(&[A]);
    links.handle_seen(&A, at(0));
    links.handle_failed(&A, FailureClass::NotFound, at(0));
    links.handle_timeout(at(8000));
    orders(&mut links);
    links.handle_add(B, at(8500));
    assert_eq!(orders(&mut links), [Output::StartScan]);
}

#[test]
fn a_watched_scan_runs_as_long_as_it_is_watched() {
    let mut links = links(&[]);
    assert_eq!(orders(&mut links), []);
    links.handle_scan_wanted(Duration::from_secs(20), at(0));
    assert_eq!(orders(&mut links), [Output::StartScan]);
    links.handle_timeout(at(8000));
    assert_eq!(orders(&mut links), []);
    assert_eq!(due_ms(&links), 20_000);
    links.handle_timeout(at(20_000));
    assert_eq!(orders(&mut links), [Output::StopScan]);
    links.handle_timeout(at(22_000));
    assert_eq!(orders(&mut links), []);
}

#[test]
fn whoever_watches_does_not_wait_for_the_rest_to_end() {
    let mut links = links(&[A, B]);
    links.handle_seen(&B, at(0));
    links.handle_failed(&B, FailureClass::NotFound, at(0));
    bring_up(&mut links, A, at(0));
    links.handle_data(&A, at(8000));
    links.handle_timeout(at(8000));
    assert_eq!(orders(&mut links), [Output::StopScan]);
    links.handle_scan_wanted(Duration::from_secs(5), at(9000));
    assert_eq!(orders(&mut links), [Output::StartScan]);
}

#[test]
fn looking_for_new_straps_scans_although_none_is_absent() {
    let mut links: Links<char> = Links::new(LinkLimits { look_for_new: true, ..LinkLimits::default() });
    links.handle_adapter(true, at(0));
    assert_eq!(orders(&mut links), [Output::StartScan]);
}

#[test]
fn a_scan_that_failed_is_tried_again_later() {
    let mut links = links(&[A]);
    orders(&mut links);
    links.handle_scan_failed(at(100));
    assert_eq!(orders(&mut links), []);
    assert_eq!(due_ms(&links), 5100);
    links.handle_timeout(at(5100));
    assert_eq!(orders(&mut links), [Output::StartScan]);
}

#[test]
fn a_silent_strap_gets_a_fresh_connection() {
    let mut links = links(&[A]);
    bring_up(&mut links, A, at(0));
    links.handle_data(&A, at(5000));
    assert_eq!(due_ms(&links), 15_000);
    links.handle_timeout(at(15_000));
    assert_eq!(links.state(&A), Some(LinkState::Silent));
    assert_eq!(links.reason(&A).unwrap().to_string(), "it said nothing for 10 s");
    assert_eq!(orders(&mut links), [Output::Disconnect { device: A }]);

    links.handle_disconnected(&A, at(15_100));
    assert_eq!(links.state(&A), Some(LinkState::BackingOff));
    links.handle_timeout(at(15_350));
    assert_eq!(orders(&mut links), [Output::Connect { device: A }]);
}

#[test]
fn a_silent_strap_whose_link_does_not_go_down_is_not_waited_for_forever() {
    let mut links = links(&[A]);
    bring_up(&mut links, A, at(0));
    links.handle_timeout(at(10_000));
    assert_eq!(due_ms(&links), 15_000);
    links.handle_timeout(at(15_000));
    assert_eq!(links.state(&A), Some(LinkState::BackingOff));
}

#[test]
fn a_lost_strap_is_connected_again_in_a_moment_without_a_scan() {
    let mut links = links(&[A]);
    bring_up(&mut links, A, at(0));
    links.handle_data(&A, at(1000));
    links.handle_disconnected(&A, at(2000));
    assert_eq!(links.state(&A), Some(LinkState::Lost));
    assert_eq!(orders(&mut links), []);
    assert_eq!(due_ms(&links), 2250);
    links.handle_timeout(at(2250));
    assert_eq!(orders(&mut links), [Output::Connect { device: A }]);
}

#[test]
fn waits_depend_on_the_class_and_double_until_data_flows() {
    let first_wait = |class: FailureClass| {
        let mut links = links(&[A]);
        links.handle_seen(&A, at(0));
        links.handle_failed(&A, class, at(0));
        links.links[&A].not_before.as_millis()
    };
    assert_eq!(first_wait(FailureClass::Transient), 250);
    assert_eq!(first_wait(FailureClass::Busy), 1000);
    assert_eq!(first_wait(FailureClass::TimedOut), 2000);

    let mut links = links(&[A]);
    links.handle_seen(&A, at(0));
    let mut now_ms = 0;
    let mut waits = Vec::new();
    for _ in 0..10 {
        links.handle_failed(&A, FailureClass::Transient, at(now_ms));
        let due = u64::try_from(links.links[&A].not_before.as_millis()).unwrap();
        waits.push(due - now_ms);
        now_ms = due;
        links.handle_seen(&A, at(now_ms));
        links.handle_timeout(at(now_ms));
        assert_eq!(links.state(&A), Some(LinkState::Connecting));
    }
    assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);

    links.handle_discovered(&A, at(now_ms));
    links.handle_live(&A, at(now_ms));
    links.handle_data(&A, at(now_ms));
    links.handle_disconnected(&A, at(now_ms));
    assert_eq!(due_ms(&links), u128::from(now_ms) + 250);
}

#[test]
fn a_link_that_comes_up_but_never_gives_data_does_not_reset_the_waits() {
    let mut links = links(&[A]);
    bring_up(&mut links, A, at(0));
    links.handle_disconnected(&A, at(0));
    links.handle_timeout(at(250));
    links.handle_discovered(&A, at(250));
    links.handle_live(&A, at(250));
    links.handle_disconnected(&A, at(250));
    assert_eq!(due_ms(&links), 750);
}

#[test]
fn a_strap_that_does_not_answer_must_be_seen_again() {
    for class in [FailureClass::TimedOut, FailureClass::NotFound] {
        let mut links = links(&[A]);
        links.handle_seen(&A, at(0));
        orders(&mut links);
        links.handle_failed(&A, class, at(20_000));
        assert_eq!(links.state(&A), Some(LinkState::Absent), "{class:?}");
        assert_eq!(links.reason(&A), Some(LinkReason::ConnectFailed(class)));
        assert_eq!(orders(&mut links), [Output::StartScan]);

        links.handle_seen(&A, at(20_100));
        assert_eq!(links.state(&A), Some(LinkState::BackingOff), "seen, but too early");
        let due = u64::try_from(due_ms(&links)).unwrap();
        links.handle_timeout(at(due));
        assert_eq!(links.state(&A), Some(LinkState::Connecting));
    }
}

#[test]
fn after_four_failures_in_a_row_a_strap_must_be_seen() {
    let mut links = links(&[A]);
    links.handle_seen(&A, at(0));
    for attempt in 1..=4 {
        assert_eq!(links.state(&A), Some(LinkState::Connecting), "attempt {attempt}");
        let now = at(attempt * 10_000);
        links.handle_failed(&A, FailureClass::Transient, now);
        links.handle_timeout(at(attempt * 10_000 + 5000));
    }
    assert_eq!(links.state(&A), Some(LinkState::Absent));
}

#[test]
fn a_subscription_that_fails_takes_the_link_down() {
    let mut links = links(&[A]);
    links.handle_seen(&A, at(0));
    links.handle_discovered(&A, at(0));
    orders(&mut links);
    links.handle_failed(&A, FailureClass::Incomplete, at(100));
    assert_eq!(orders(&mut links), [Output::Disconnect { device: A }]);
    assert_eq!(links.state(&A), Some(LinkState::BackingOff));
    assert_eq!(due_ms(&links), 1100);
}

#[test]
fn an_attempt_that_nobody_ends_is_given_up() {
    let mut links = links(&[A, B]);
    links.handle_seen(&A, at(0));
    orders(&mut links);
    assert_eq!(due_ms(&links), 60_000);
    links.handle_timeout(at(60_000));
    assert_eq!(orders(&mut links), [Output::Disconnect { device: A }, Output::StartScan]);
    assert_eq!(links.state(&A), Some(LinkState::Absent));

    links.handle_discovered(&A, at(61_000));
    assert_eq!(orders(&mut links), [Output::Disconnect { device: A }], "it comes too late");
}

#[test]
fn a_disconnect_during_a_connect_leaves_the_verdict_to_the_connect() {
    let mut links = links(&[A]);
    links.handle_seen(&A, at(0));
    links.handle_connected(&A, at(0));
    links.handle_disconnected(&A, at(100));
    assert_eq!(links.state(&A), Some(LinkState::Discovering));
}

#[test]
fn forgetting_takes_the_link_down_and_says_no_more() {
    let mut links = links(&[A]);
    bring_up(&mut links, A, at(0));
    assert!(links.handle_forget(&A, at(100)));
    assert!(!links.handle_forget(&A, at(100)));
    assert_eq!(outputs(&mut links), [Output::Disconnect { device: A }]);
    links.handle_disconnected(&A, at(200));
    links.handle_data(&A, at(200));
    links.handle_seen(&A, at(300));
    assert_eq!(outputs(&mut links), []);
    assert_eq!(links.poll_timeout(), None);
}

#[test]
fn a_strap_forgotten_while_it_connects_is_taken_down_when_it_is_up() {
    let mut links = links(&[A, B]);
    links.handle_seen(&A, at(0));
    orders(&mut links);
    links.handle_forget(&A, at(100));
    links.handle_seen(&B, at(100));
    assert_eq!(orders(&mut links), [], "the radio is still at it");
    links.handle_discovered(&A, at(200));
    assert_eq!(orders(&mut links), [Output::Disconnect { device: A }, Output::Connect { device: B }]);
}

#[test]
fn without_an_adapter_everything_is_absent_and_comes_back_by_itself() {
    let mut links = links(&[A, B]);
    bring_up(&mut links, A, at(0));
    links.handle_adapter(false, at(1000));
    assert_eq!(
        outputs(&mut links),
        [Output::StateChanged { device: A, state: LinkState::Absent, reason: Some(LinkReason::AdapterGone) }]
    );
    links.handle_timeout(at(60_000));
    assert_eq!(outputs(&mut links), []);

    links.handle_adapter(true, at(70_000));
    assert_eq!(orders(&mut links), [Output::StartScan]);
}

#[test]
fn no_more_straps_than_allowed() {
    let mut links = Links::new(LinkLimits { links_max: 2, ..LinkLimits::default() });
    assert!(links.handle_add(A, at(0)));
    assert!(links.handle_add(B, at(0)));
    assert!(!links.handle_add(C, at(0)));
    assert!(links.handle_add(A, at(0)), "a known one is no further one");
}

/// A pseudo-random walk: whatever the radio says, and in whatever order, the rules of the radio hold.
mod walk {
    use super::*;

    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }
    }

    /// The radio as the orders leave it.
    #[derive(Default)]
    struct Radio {
        scanning: bool,
        connecting: Option<char>,
    }

    impl Radio {
        fn obey(&mut self, order: &Output<char>) {
            match order {
                Output::StartScan => {
                    assert!(!self.scanning, "started twice");
                    assert!(self.connecting.is_none(), "a scan beside a connect");
                    self.scanning = true;
                }
                Output::StopScan => {
                    assert!(self.scanning, "stopped without a scan");
                    self.scanning = false;
                }
                Output::Connect { device } => {
                    assert!(!self.scanning, "a connect beside a scan");
                    assert_eq!(self.connecting, None, "two connects at a time");
                    self.connecting = Some(*device);
                }
                Output::Subscribe { .. } | Output::Disconnect { .. } | Output::StateChanged { .. } => {}
            }
        }
    }

    const CLASSES: [FailureClass; 7] = [
        FailureClass::Transient,
        FailureClass::Busy,
        FailureClass::NotFound,
        FailureClass::TimedOut,
        FailureClass::Incomplete,
        FailureClass::Disconnected,
        FailureClass::Other,
    ];

    fn random_input(links: &mut Links<char>, radio: &mut Radio, dice: &mut Dice, now: Now) {
        let device = [A, B, C][usize::try_from(dice.roll(3)).unwrap()];
        let class = CLASSES[usize::try_from(dice.roll(7)).unwrap()];
        match dice.roll(14) {
            0 => drop(links.handle_add(device, now)),
            1 if dice.roll(4) == 0 => drop(links.handle_forget(&device, now)),
            2..=4 => links.handle_seen(&device, now),
            5 => links.handle_connected(&device, now),
            6 | 7 => {
                if let Some(device) = radio.connecting.take() {
                    links.handle_discovered(&device, now);
                }
            }
            8 => {
                if let Some(device) = radio.connecting.take() {
                    links.handle_failed(&device, class, now);
                }
            }
            9 if links.state(&device) == Some(LinkState::Subscribing) => {
                links.handle_failed(&device, class, now)
            }
            10 => links.handle_live(&device, now),
            11 => links.handle_data(&device, now),
            12 => links.handle_disconnected(&device, now),
            13 if dice.roll(8) == 0 => {
                *radio = Radio::default();
                links.handle_adapter(false, now);
                links.handle_adapter(dice.roll(4) != 0, now);
            }
            13 if radio.scanning => {
                radio.scanning = false;
                links.handle_scan_failed(now);
            }
            _ => links.handle_scan_wanted(Duration::from_secs(dice.roll(30)), now),
        }
    }

    #[test]
    fn the_radio_is_never_asked_for_two_things_at_once() {
        for seed in 0..300 {
            let mut dice = Dice(seed);
            let mut radio = Radio::default();
            let mut links = links(&[A]);
            let mut now_ms = 0;
            for _ in 0..400 {
                now_ms += dice.roll(700);
                let late =
                    links.attempt.as_ref().is_some_and(|attempt| attempt.deadline <= at(now_ms).since_boot);
                if late {
                    radio.connecting = None;
                }
                links.handle_timeout(at(now_ms));
                outputs(&mut links).iter().for_each(|order| radio.obey(order));
                random_input(&mut links, &mut radio, &mut dice, at(now_ms));
                outputs(&mut links).iter().for_each(|order| radio.obey(order));
                let waits = links.links.values().any(|link| link.state != LinkState::Seen);
                let stuck = links.adapter && waits && links.poll_timeout().is_none();
                assert!(!stuck, "seed {seed}: {links:?}");
            }
        }
    }
}
