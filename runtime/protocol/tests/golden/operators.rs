//! The interfaces for operators, and those that apps share with them.

use carpus_protocol::devices::{Contact, Device, HeartRateSample, LinkState};
use carpus_protocol::monitor::{EventKind, MonitorEvent};
use carpus_protocol::{
    AnyCall, AppState, Cause, Done, ErrorCode, HapticType, Reason, RecurrenceRule, SessionInfo, SessionKind,
    SessionState, TimeOfDay, Weekday, apps, devices, haptics, monitor, simulation, wrist,
};

use crate::frames::Frames;
use crate::{STRAP, text};

fn strap() -> Device {
    Device {
        device: text(STRAP),
        name: Some(text("Polar H10")),
        role: Some(text("heart-rate")),
        state: LinkState::BackingOff,
        reason: Some(text("out of reach")),
        known: true,
        battery_percent: Some(87),
        rssi_dbm: Some(-61),
        location: Some(text("chest")),
        manufacturer: Some(text("Polar")),
        model: Some(text("H10")),
        malformed: 1,
        samples: 1234,
    }
}

fn bare_device(state: LinkState) -> Device {
    Device {
        device: text(STRAP),
        name: None,
        role: None,
        state,
        reason: None,
        known: false,
        battery_percent: None,
        rssi_dbm: None,
        location: None,
        manufacturer: None,
        model: None,
        malformed: 0,
        samples: 0,
    }
}

fn sample(contact: Contact) -> HeartRateSample {
    HeartRateSample {
        device: text(STRAP),
        name: Some(text("Polar H10")),
        arrived_ms: 1_790_000_000_123,
        bpm: 61,
        contact,
        energy_kj: Some(12),
        rr_1024: vec![1001, 1013],
        dropped_before: 2,
        gap_before: true,
    }
}

#[tokio::test]
async fn devices() {
    use devices::*;
    let any = AnyCall::Devices;
    let mut frames = Frames::of(INTROSPECTION);
    let every_state = LinkState::ALL.iter().map(|state| bare_device(*state)).collect();
    frames.call(List {}, |call| any(Call::List(call))).await;
    frames.reply::<List>("", ListReply { devices: every_state }).await;
    frames.call(Scan { for_ms: 10_000 }, |call| any(Call::Scan(call))).await;
    frames.reply::<Scan>("", ScanReply { device: strap() }).await;
    frames.call(Add { device: text(STRAP) }, |call| any(Call::Add(call))).await;
    frames.reply::<Add>("", Done {}).await;
    frames.call(Forget { device: text(STRAP) }, |call| any(Call::Forget(call))).await;
    frames.reply::<Forget>("", Done {}).await;
    frames.call(HeartRate { device: None }, |call| any(Call::HeartRate(call))).await;
    frames.call(HeartRate { device: Some(text(STRAP)) }, |call| any(Call::HeartRate(call))).await;
    for contact in Contact::ALL {
        frames.reply::<HeartRate>("", HeartRateReply { sample: sample(*contact) }).await;
    }
    let bare = HeartRateSample {
        name: None,
        energy_kj: None,
        rr_1024: vec![],
        dropped_before: 0,
        gap_before: false,
        ..sample(Contact::Unsupported)
    };
    frames.reply::<HeartRate>("", HeartRateReply { sample: bare }).await;
    frames.error("NoAdapter", Error::NoAdapter { message: text("switch it on") }).await;
    frames.error("UnknownDevice", Error::UnknownDevice { device: text(STRAP) }).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.check();
}

#[tokio::test]
async fn haptics() {
    use haptics::*;
    let any = AnyCall::Haptics;
    let mut frames = Frames::of(INTROSPECTION);
    for haptic in HapticType::ALL {
        frames.call(Play { haptic: *haptic }, |call| any(Call::Play(call))).await;
    }
    frames.reply::<Play>("", Done {}).await;
    frames.call(Stop {}, |call| any(Call::Stop(call))).await;
    frames.reply::<Stop>("", Done {}).await;
    frames.error("NotAllowed", Error::NotAllowed { message: text("in the background") }).await;
    frames.error("NotAttached", Error::NotAttached).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.check();
}

#[tokio::test]
async fn apps() {
    use apps::*;
    let any = AnyCall::Apps;
    let mut frames = Frames::of(INTROSPECTION);
    let app = |state, pid| AppInfo {
        app: text("heart-rate"),
        name: text("Heart Rate"),
        version: text("0.1.0"),
        modes: vec![text("mindfulness"), text("bluetooth-central")],
        state,
        pid,
        background_refresh: None,
        scheduling: None,
        bluetooth: None,
    };
    let apps = AppState::ALL.iter().map(|state| app(*state, Some(42))).collect();
    let follow = Log { app: text("heart-rate"), lines: 20, follow: true };
    let manifest =
        |line, key| Error::BadManifest { path: text("/a/app.toml"), line, key, reason: text("is missing") };
    let plain = Install { folder: text("/a"), bluetooth: None };
    frames.call(plain, |call| any(Call::Install(call))).await;
    frames.reply::<Install>("", InstallReply { app: app(AppState::NotRunning, None) }).await;
    frames.call(Remove { app: text("heart-rate") }, |call| any(Call::Remove(call))).await;
    frames.reply::<Remove>("", Done {}).await;
    frames.call(List {}, |call| any(Call::List(call))).await;
    frames.reply::<List>("", ListReply { apps }).await;
    frames.call(Open { app: text("heart-rate") }, |call| any(Call::Open(call))).await;
    frames.reply::<Open>("", Done {}).await;
    frames.call(Close { app: text("heart-rate") }, |call| any(Call::Close(call))).await;
    frames.reply::<Close>("", Done {}).await;
    frames.call(follow, |call| any(Call::Log(call))).await;
    frames.reply::<Log>("", LogReply { line: text("61 bpm \"exactly\"\tré") }).await;
    frames.error("UnknownApp", Error::UnknownApp { app: text("x") }).await;
    frames.error("BadManifest", manifest(Some(3), Some(text("app.id")))).await;
    frames.error("BadManifest", manifest(None, None)).await;
    frames.error("Refused", Error::Refused { message: text("no") }).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.next_version();
    let rights = |background_refresh, scheduling| SetRights {
        app: text("wake"),
        background_refresh,
        scheduling,
        bluetooth: None,
    };
    for rights in [rights(None, None), rights(Some(true), None), rights(Some(false), Some(false))] {
        frames.call(rights, |call| any(Call::SetRights(call))).await;
    }
    frames.reply::<SetRights>("", Done {}).await;
    let limited =
        AppInfo { background_refresh: Some(true), scheduling: Some(false), ..app(AppState::Active, None) };
    frames.reply::<List>("", ListReply { apps: vec![limited] }).await;
    frames.next_version();
    for bluetooth in [vec![], BluetoothProfile::ALL.to_vec()] {
        let install = Install { folder: text("/a"), bluetooth: Some(bluetooth.clone()) };
        frames.call(install, |call| any(Call::Install(call))).await;
        let grant = SetRights { bluetooth: Some(bluetooth), ..rights(None, None) };
        frames.call(grant, |call| any(Call::SetRights(call))).await;
    }
    let access = [(BluetoothProfile::HeartRate, true), (BluetoothProfile::Battery, false)];
    let access = access.map(|(profile, granted)| BluetoothAccess { profile, granted });
    let asks = AppInfo { bluetooth: Some(access.to_vec()), ..app(AppState::NotRunning, None) };
    frames.reply::<Install>("", InstallReply { app: asks }).await;
    let needed = Error::ConsentNeeded {
        app: text("heart-rate"),
        name: text("Heart Rate"),
        version: text("0.1.0"),
        bluetooth: BluetoothProfile::ALL.to_vec(),
    };
    frames.error("ConsentNeeded", needed).await;
    frames.check();
}

#[tokio::test]
async fn wrist() {
    use wrist::*;
    let any = AnyCall::Wrist;
    let mut frames = Frames::of(INTROSPECTION);
    frames.call(Raise {}, |call| any(Call::Raise(call))).await;
    frames.reply::<Raise>("", Done {}).await;
    frames.call(Lower {}, |call| any(Call::Lower(call))).await;
    frames.reply::<Lower>("", Done {}).await;
    frames.call(Crown {}, |call| any(Call::Crown(call))).await;
    frames.reply::<Crown>("", Done {}).await;
    frames.call(State {}, |call| any(Call::State(call))).await;
    frames.reply::<State>("", StateReply { screen_on: true, frontmost: Some(text("heart-rate")) }).await;
    frames.reply::<State>("", StateReply { screen_on: false, frontmost: None }).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.next_version();
    frames.call(Cover {}, |call| any(Call::Cover(call))).await;
    frames.reply::<Cover>("", Done {}).await;
    frames.check();
}

/// An event with every member set, as none is in practice: the bytes of each member count.
fn full_event() -> MonitorEvent {
    MonitorEvent {
        app: Some(text("heart-rate")),
        session: Some(3),
        state: Some(text("running")),
        expiration_ms: Some(1_790_001_800_000),
        remaining_ms: Some(30_000),
        at_ms: Some(1_790_000_000_000),
        reason: Some(Reason::ResignedFrontmost),
        error: Some(ErrorCode::ExceededResourceLimits.into()),
        cause: Some(Cause::Crown),
        device: Some(text(STRAP)),
        name: Some(text("Polar H10")),
        bpm: Some(61),
        rr_1024: Some(vec![1001]),
        contact: Some(Contact::Detected),
        haptic: Some(HapticType::Click),
        sound: Some(text("click")),
        alert: Some(text("alarm")),
        part: Some(text("audio")),
        message: Some(text("it ended")),
        remedy: Some(text("plug it in")),
        ..MonitorEvent::new(1_790_000_000_123, EventKind::Sample)
    }
}

#[tokio::test]
async fn monitor() {
    use monitor::*;
    let any = AnyCall::Monitor;
    let mut frames = Frames::of(INTROSPECTION);
    frames.call(Events {}, |call| any(Call::Events(call))).await;
    let (first_kinds, later_kinds) = EventKind::ALL.split_at(18);
    for kind in first_kinds {
        frames.reply::<Events>("", EventsReply { event: MonitorEvent::new(1, *kind) }).await;
    }
    let session = |kind, state| SessionInfo {
        session: 3,
        app: text("heart-rate"),
        kind,
        state,
        started_at_ms: None,
        expiration_ms: None,
        scheduled_at_ms: None,
    };
    let states = SessionState::ALL.iter().map(|state| session(SessionKind::Mindfulness, *state));
    let kinds = SessionKind::ALL.iter().map(|kind| session(*kind, SessionState::Running));
    let alarm = Alarm {
        session: 3,
        app: text("smart-alarm"),
        at_ms: 1_790_000_000_000,
        state: SessionState::Scheduled,
        ringing: false,
        snoozed: None,
        fallback: None,
    };
    let problem = Problem { part: text("audio"), what: text("no device"), remedy: text("plug one in") };
    let status =
        StatusReply { version: text("0.1.0"), simulate: true, problems: vec![problem], children: None };
    frames.reply::<Events>(" full", EventsReply { event: full_event() }).await;
    frames.call(Sessions {}, |call| any(Call::Sessions(call))).await;
    frames.reply::<Sessions>("", SessionsReply { sessions: states.chain(kinds).collect() }).await;
    frames.call(Alarms {}, |call| any(Call::Alarms(call))).await;
    frames.reply::<Alarms>("", AlarmsReply { alarms: vec![alarm.clone()] }).await;
    frames.call(StopAlarm { session: None }, |call| any(Call::StopAlarm(call))).await;
    frames.call(StopAlarm { session: Some(3) }, |call| any(Call::StopAlarm(call))).await;
    frames.reply::<StopAlarm>("", Done {}).await;
    frames.call(OpenAlarm { session: Some(3) }, |call| any(Call::OpenAlarm(call))).await;
    frames.reply::<OpenAlarm>("", Done {}).await;
    frames.call(Status {}, |call| any(Call::Status(call))).await;
    frames.reply::<Status>("", status).await;
    frames.error("UnknownSession", Error::UnknownSession { session: 9 }).await;
    frames.error("NothingRings", Error::NothingRings).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.next_version();
    for kind in later_kinds {
        frames.reply::<Events>("", EventsReply { event: MonitorEvent::new(1, *kind) }).await;
    }
    let snoozed = Alarm { snoozed: Some(true), fallback: Some(false), ..alarm.clone() };
    let fallback = Alarm {
        state: SessionState::Invalid,
        ringing: true,
        snoozed: Some(false),
        fallback: Some(true),
        ..alarm
    };
    frames.reply::<Alarms>("", AlarmsReply { alarms: vec![snoozed, fallback] }).await;
    frames.call(Recurrences {}, |call| any(Call::Recurrences(call))).await;
    let rule = |zone| RecurrenceRule {
        weekdays: vec![Weekday::Monday, Weekday::Sunday],
        time: TimeOfDay::new(7, 30, 0).unwrap(),
        zone,
    };
    let recurrences = vec![
        AppRecurrence { app: text("wake"), rule: rule(None), next_ms: Some(1_790_000_000_000) },
        AppRecurrence { app: text("nap"), rule: rule(Some(text("Europe/Berlin"))), next_ms: None },
    ];
    frames.reply::<Recurrences>("", RecurrencesReply { recurrences }).await;
    let snooze = |session, for_ms| SnoozeAlarm { session, for_ms };
    frames.call(snooze(None, None), |call| any(Call::SnoozeAlarm(call))).await;
    frames.call(snooze(Some(3), Some(540_000)), |call| any(Call::SnoozeAlarm(call))).await;
    frames.reply::<SnoozeAlarm>("", Done {}).await;
    frames.error("NoRoomToSnooze", Error::NoRoomToSnooze { left_ms: 90_000 }).await;
    frames.error("NotOffered", Error::NotOffered { message: text("compat.strict") }).await;
    frames.next_version();
    let child = |state, restarts, reason| Child { child: text("watch"), state, restarts, reason };
    let every_state = ChildState::ALL.iter().map(|state| child(*state, 0, None));
    let failed = child(ChildState::Up, 3, Some(text("panicked")));
    let children = Some(every_state.chain([failed]).collect());
    let status = StatusReply { version: text("0.2.0"), simulate: false, problems: vec![], children };
    frames.reply::<Status>("", status).await;
    frames.check();
}

#[tokio::test]
async fn simulation() {
    use simulation::*;
    let any = AnyCall::Simulation;
    let mut frames = Frames::of(INTROSPECTION);
    for button in Button::ALL {
        frames.call(Press { button: *button }, |call| any(Call::Press(call))).await;
    }
    frames.reply::<Press>("", Done {}).await;
    frames.call(DropOut { device: text(STRAP), for_ms: 5_000 }, |call| any(Call::DropOut(call))).await;
    frames.reply::<DropOut>("", Done {}).await;
    frames.call(Mute { device: text(STRAP), for_ms: 5_000 }, |call| any(Call::Mute(call))).await;
    frames.reply::<Mute>("", Done {}).await;
    frames.call(Malformed { device: text(STRAP) }, |call| any(Call::Malformed(call))).await;
    frames.reply::<Malformed>("", Done {}).await;
    frames.call(SetBattery { device: text(STRAP), percent: 5 }, |call| any(Call::SetBattery(call))).await;
    frames.reply::<SetBattery>("", Done {}).await;
    frames.error("UnknownDevice", Error::UnknownDevice { device: text(STRAP) }).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.next_version();
    let board = |battery_percent, external_power, temperature_mdegc| SetBoard {
        battery_percent,
        external_power,
        temperature_mdegc,
    };
    for board in
        [board(None, None, None), board(Some(4), None, Some(85_000)), board(None, Some(true), Some(-1_000))]
    {
        frames.call(board, |call| any(Call::SetBoard(call))).await;
    }
    frames.reply::<SetBoard>("", Done {}).await;
    frames.next_version();
    for fault in DiskFault::ALL {
        frames.call(Disk { fault: *fault }, |call| any(Call::Disk(call))).await;
    }
    frames.reply::<Disk>("", Done {}).await;
    for how in FailHow::ALL {
        frames.call(Fail { child: text("watch"), how: *how }, |call| any(Call::Fail(call))).await;
    }
    frames.reply::<Fail>("", Done {}).await;
    frames.check();
}
