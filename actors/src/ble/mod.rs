//! Bluetooth: the adapter, a link to each of the user's straps, and the stream of their samples.
//!
//! When to scan, connect and give up is decided by [`carpus_core::link`]; this actor performs it on the radio, decodes
//! what the straps send, and gives each sample to whoever reads (D3, D4). A missing adapter is reported once, with its
//! remedy, and tried again quietly.

mod messages;
mod radio;
mod samples;
mod strap;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, SpawnHandle};
use carpus_core::Now;
use carpus_core::link::{LinkLimits, LinkReason, LinkState, Links, Output};
use carpus_core::supervision::Backoff;
use carpus_devices::bluetooth::{Advertisement, BleError, DeviceId, Link, Notification, Radio, RadioEvent};
use carpus_devices::clock::Clock;
use carpus_gatt::DecodeError;
use carpus_gatt::battery::BatteryLevel;
use carpus_gatt::heart_rate::Measurement;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::messages::{
    AddStrap, BleReport, ForgetStrap, GivenStrap, ListStraps, ScanFor, ScanRefused, StrapInfo,
    SubscribeHeart, TooManyStraps,
};
use self::radio::{FromRadio, LinkLife, News, Opening, RadioAnswer, RadioCall, Reporter};
use self::samples::Fanout;
pub use self::samples::{HeartSample, SampleQueue, SampleReader, sample_queue};
use self::strap::Strap;
use crate::device::{Spokesman, reopen_backoff};
use crate::report::DeviceReport;
use crate::supervisor::{Outlet, answers_pings};
use crate::time;

/// What the actor needs.
#[derive(Clone)]
pub struct BleOptions {
    /// The adapter.
    pub radio: Arc<dyn Radio>,
    /// The board's clocks.
    pub clock: Arc<dyn Clock>,
    /// The numbers behind the links.
    pub limits: LinkLimits,
    /// How long one connect may take.
    pub connect_limit: Duration,
    /// How many straps that are not the user's are remembered from scans.
    pub seen_max: usize,
    /// How many scans may be wanted at once.
    pub scans_max: usize,
    /// The user's straps, from the journal.
    pub straps: Vec<GivenStrap>,
    /// Whether each heart-rate strap that is seen becomes one of the user's by itself: for simulation only.
    pub auto_add: bool,
    /// Is told what happens to the straps, and each sample. A sample that finds its mailbox full is left out.
    pub observer: Outlet<BleReport>,
    /// Is told that the adapter is missing or failed, and that it works again.
    pub reports: Outlet<DeviceReport>,
}

/// A link that is up.
struct LinkUp {
    life: LinkLife,
    link: Arc<dyn Link>,
}

/// The Bluetooth actor.
pub struct Ble {
    radio: Arc<dyn Radio>,
    clock: Arc<dyn Clock>,
    connect_limit: Duration,
    seen_max: usize,
    scans_max: usize,
    auto_add: bool,
    observer: Outlet<BleReport>,
    links: Links<DeviceId>,
    straps: BTreeMap<DeviceId, Strap>,
    /// Straps that the user forgot are not added by themselves again.
    forgotten: BTreeSet<DeviceId>,
    links_up: BTreeMap<DeviceId, LinkUp>,
    lives: u64,
    opening: Opening,
    reopen: Backoff,
    spokesman: Spokesman,
    /// Calls that wait for the one that runs.
    calls: VecDeque<RadioCall>,
    is_calling: bool,
    /// All that runs detached; dropped with the actor, and with each end of the adapter.
    tasks: JoinSet<()>,
    fanout: Fanout,
    scans: Vec<(u64, mpsc::Sender<Advertisement>)>,
    scans_made: u64,
    wake: Option<SpawnHandle>,
}

impl Ble {
    /// An actor that opens the adapter and connects the given straps when it starts.
    pub fn new(options: BleOptions) -> Self {
        let limits = LinkLimits {
            look_for_new: options.limits.look_for_new || options.auto_add,
            attempt: options.limits.attempt.max(radio::attempt_limit(options.connect_limit)),
            ..options.limits
        };
        let mut ble = Self {
            clock: options.clock,
            radio: options.radio,
            connect_limit: options.connect_limit,
            seen_max: options.seen_max,
            scans_max: options.scans_max,
            auto_add: options.auto_add,
            observer: options.observer,
            links: Links::new(limits),
            straps: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            links_up: BTreeMap::new(),
            lives: 0,
            opening: Opening::default(),
            reopen: reopen_backoff(),
            spokesman: Spokesman::new("bluetooth", options.reports),
            calls: VecDeque::new(),
            is_calling: false,
            tasks: JoinSet::new(),
            fanout: Fanout::default(),
            scans: Vec::new(),
            scans_made: 0,
            wake: None,
        };
        let now = ble.now();
        for GivenStrap { device, name } in options.straps {
            if ble.links.handle_add(device.clone(), now) {
                ble.straps.entry(device).or_default().set_name(name.as_deref());
            } else {
                tracing::warn!(strap = %device, "left out: more straps are known than allowed");
            }
        }
        ble
    }

    fn now(&self) -> Now {
        time::now(&*self.clock)
    }

    fn reporter(&self, ctx: &Context<Self>) -> Reporter {
        Reporter { actor: ctx.address(), opening: self.opening }
    }

    fn detach(&mut self, task: impl Future<Output = ()> + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn_local(task);
    }

    /// Runs one mutation of the core, performs what it asks for, and arms the one timer that it wants next.
    fn step<T>(&mut self, ctx: &mut Context<Self>, mutate: impl FnOnce(&mut Links<DeviceId>, Now) -> T) -> T {
        let now = self.now();
        let outcome = mutate(&mut self.links, now);
        while let Some(output) = self.links.poll_output() {
            self.perform(output, ctx);
        }
        if let Some(stale) = self.wake.take() {
            ctx.cancel_future(stale);
        }
        self.wake = self.links.poll_timeout().map(|at| {
            ctx.run_later(at.saturating_sub(now.since_boot), |this, ctx| {
                this.wake = None;
                this.step(ctx, Links::handle_timeout);
            })
        });
        outcome
    }

    fn perform(&mut self, output: Output<DeviceId>, ctx: &Context<Self>) {
        match output {
            Output::StartScan => self.call(RadioCall::StartScan, ctx),
            Output::StopScan => self.call(RadioCall::StopScan, ctx),
            Output::Connect { device } => self.call(RadioCall::Connect(device), ctx),
            Output::Subscribe { device } => self.subscribe(&device, ctx),
            Output::Disconnect { device } => self.disconnect(&device, ctx),
            Output::StateChanged { device, state, reason } => self.tell_state(device, state, reason),
        }
    }

    fn call(&mut self, call: RadioCall, ctx: &Context<Self>) {
        self.calls.push_back(call);
        self.next_call(ctx);
    }

    /// The adapter takes one call at a time: a scan must have stopped before a connect.
    fn next_call(&mut self, ctx: &Context<Self>) {
        if self.is_calling {
            return;
        }
        if let Some(call) = self.calls.pop_front() {
            self.is_calling = true;
            let calling = radio::call(Arc::clone(&self.radio), call, self.connect_limit, self.reporter(ctx));
            self.detach(calling);
        }
    }

    fn subscribe(&mut self, device: &DeviceId, ctx: &Context<Self>) {
        if let Some(LinkUp { life, link }) = self.links_up.get(device) {
            let following =
                radio::follow(Arc::clone(link), *life, Arc::clone(&self.clock), self.reporter(ctx));
            self.detach(following);
        }
    }

    fn disconnect(&mut self, device: &DeviceId, ctx: &Context<Self>) {
        if let Some(LinkUp { link, .. }) = self.drop_link(device) {
            let taking_down = radio::take_down(link, self.reporter(ctx));
            self.detach(taking_down);
        }
    }

    /// From here on, what the link still sends is stale.
    fn drop_link(&mut self, device: &DeviceId) -> Option<LinkUp> {
        if let Some(strap) = self.straps.get_mut(device) {
            strap.interrupt();
        }
        self.links_up.remove(device)
    }

    fn tell_state(&self, device: DeviceId, state: LinkState, reason: Option<LinkReason>) {
        let name = self.straps.get(&device).and_then(|strap| strap.name()).map(str::to_owned);
        let because = reason.map(|reason| reason.to_string());
        tracing::info!(strap = %device, state = state.name(), because, "link");
        self.observer.tell(BleReport::StrapState { device, name, state, reason });
    }

    fn open(&mut self, ctx: &Context<Self>) {
        self.opening.0 += 1;
        let listening = radio::listen(Arc::clone(&self.radio), self.reporter(ctx));
        self.detach(listening);
    }

    fn open_later(&mut self, ctx: &mut Context<Self>) {
        let wait = self.reopen.next_wait();
        ctx.run_later(wait, |this, ctx| this.open(ctx));
    }

    fn opened(&mut self, powered: bool, ctx: &mut Context<Self>) {
        self.call(RadioCall::StopOldScan, ctx);
        if powered {
            self.powered(true, ctx);
        }
    }

    fn gone(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("the Bluetooth adapter is gone; it is opened again");
        self.opening.0 += 1;
        self.is_calling = false;
        self.tasks = JoinSet::new();
        self.adapter_down(ctx);
        self.open_later(ctx);
    }

    fn powered(&mut self, on: bool, ctx: &mut Context<Self>) {
        if on {
            self.spokesman.works();
            self.step(ctx, |links, now| links.handle_adapter(true, now));
        } else {
            let remedy = "switch it on: rfkill unblock bluetooth, then bluetoothctl power on".to_owned();
            self.spokesman.failed(&BleError::PoweredOff { remedy });
            self.adapter_down(ctx);
        }
    }

    fn adapter_down(&mut self, ctx: &mut Context<Self>) {
        self.calls.clear();
        let up: Vec<DeviceId> = self.links_up.keys().cloned().collect();
        for device in up {
            self.drop_link(&device);
        }
        self.step(ctx, |links, now| links.handle_adapter(false, now));
    }

    fn hear(&mut self, news: News, ctx: &mut Context<Self>) {
        match news {
            News::Opened { powered } => self.opened(powered, ctx),
            News::NotOpened(error) => {
                self.spokesman.failed(&error);
                self.open_later(ctx);
            }
            News::Gone => self.gone(ctx),
            News::Event(event) => self.event(event, ctx),
            News::Answer(answer) => self.answered(answer, ctx),
            News::Subscribed(device, life, outcome) => self.subscribed(&device, life, outcome, ctx),
            News::Notified { device, life, arrived, notification } => {
                self.notified(&device, life, arrived, &notification, ctx);
            }
            News::Ended(device, life) => {
                if self.is_current(&device, life) {
                    self.lost(&device, ctx);
                }
            }
            News::TakenDown(device) => self.step(ctx, |links, now| links.handle_disconnected(&device, now)),
            News::Information(device, life, information) => {
                if self.is_current(&device, life)
                    && let Some(strap) = self.straps.get_mut(&device)
                {
                    strap.learn(words::plain_information(information));
                }
            }
        }
    }

    fn is_current(&self, device: &DeviceId, life: LinkLife) -> bool {
        self.links_up.get(device).is_some_and(|up| up.life == life)
    }

    fn event(&mut self, event: RadioEvent, ctx: &mut Context<Self>) {
        match event {
            RadioEvent::Seen(advertisement) => self.seen(&words::plain_advertisement(advertisement), ctx),
            RadioEvent::Connected(device) => {
                self.step(ctx, |links, now| links.handle_connected(&device, now))
            }
            RadioEvent::Disconnected(device) => self.lost(&device, ctx),
            RadioEvent::Powered(on) => self.powered(on, ctx),
        }
    }

    fn lost(&mut self, device: &DeviceId, ctx: &mut Context<Self>) {
        if self.links.state(device).is_some_and(|state| state != LinkState::Connecting) {
            self.drop_link(device);
        }
        self.step(ctx, |links, now| links.handle_disconnected(device, now));
    }

    fn seen(&mut self, advertisement: &Advertisement, ctx: &mut Context<Self>) {
        let device = &advertisement.device;
        let is_known = self.links.state(device).is_some();
        if !is_known && !advertisement.services.contains(&radio::HEART_RATE_SERVICE) {
            return;
        }
        self.reopen.reset();
        let since_boot = self.clock.since_boot();
        self.straps.entry(device.clone()).or_default().seen(advertisement, since_boot);
        self.forget_the_oldest_seen();
        self.scans.retain(|(_, sink)| {
            let told = sink.try_send(advertisement.clone());
            !matches!(told, Err(mpsc::error::TrySendError::Closed(_)))
        });
        if !is_known && self.auto_add && !self.forgotten.contains(device) {
            self.add_seen(advertisement, ctx);
        }
        self.step(ctx, |links, now| links.handle_seen(device, now));
    }

    fn add_seen(&mut self, advertisement: &Advertisement, ctx: &mut Context<Self>) {
        let Advertisement { device, name, .. } = advertisement.clone();
        if self.step(ctx, |links, now| links.handle_add(device.clone(), now)) {
            self.observer.tell(BleReport::StrapAdded { device, name });
        }
    }

    fn forget_the_oldest_seen(&mut self) {
        let unknown = || self.straps.iter().filter(|(device, _)| self.links.state(device).is_none());
        if unknown().count() > self.seen_max
            && let Some((oldest, _)) = unknown().min_by_key(|(_, strap)| strap.seen_at)
        {
            let oldest = oldest.clone();
            self.straps.remove(&oldest);
        }
    }

    fn answered(&mut self, answer: RadioAnswer, ctx: &mut Context<Self>) {
        self.is_calling = false;
        match answer {
            RadioAnswer::ScanStarted(Ok(())) => self.spokesman.works(),
            RadioAnswer::ScanStopped => {}
            RadioAnswer::ScanStarted(Err(error)) => {
                self.adapter_refused(&error);
                self.step(ctx, |links, now| links.handle_scan_failed(now));
            }
            RadioAnswer::Connected(device, Ok(link)) => self.connected(&device, link, ctx),
            RadioAnswer::Connected(device, Err(error)) => {
                tracing::debug!(strap = %device, "{}", crate::report::with_causes(&error));
                self.adapter_refused(&error);
                self.step(ctx, |links, now| links.handle_failed(&device, radio::class_of(&error), now));
            }
        }
        self.next_call(ctx);
    }

    fn adapter_refused(&mut self, error: &BleError) {
        if radio::is_about_the_adapter(error) {
            self.spokesman.failed(error);
        }
    }

    fn connected(&mut self, device: &DeviceId, link: Arc<dyn Link>, ctx: &mut Context<Self>) {
        self.spokesman.works();
        self.lives += 1;
        if let Some(strap) = self.straps.get_mut(device) {
            strap.set_name(link.name().as_deref().and_then(words::plain).as_deref());
        }
        self.links_up.insert(device.clone(), LinkUp { life: LinkLife(self.lives), link });
        self.step(ctx, |links, now| links.handle_discovered(device, now));
    }

    fn subscribed(
        &mut self,
        device: &DeviceId,
        life: LinkLife,
        outcome: Result<(), BleError>,
        ctx: &mut Context<Self>,
    ) {
        if !self.is_current(device, life) {
            return;
        }
        match outcome {
            Ok(()) => {
                self.step(ctx, |links, now| links.handle_live(device, now));
                self.ask_about_itself(device, ctx);
            }
            Err(error) => {
                tracing::debug!(strap = %device, "{}", crate::report::with_causes(&error));
                self.step(ctx, |links, now| links.handle_failed(device, radio::class_of(&error), now));
            }
        }
    }

    fn ask_about_itself(&mut self, device: &DeviceId, ctx: &Context<Self>) {
        if let Some(LinkUp { life, link }) = self.links_up.get(device) {
            let asking = radio::ask(Arc::clone(link), *life, self.reporter(ctx));
            self.detach(asking);
        }
    }

    fn notified(
        &mut self,
        device: &DeviceId,
        life: LinkLife,
        arrived: Now,
        notification: &Notification,
        ctx: &mut Context<Self>,
    ) {
        if !self.is_current(device, life) {
            return;
        }
        let Notification { characteristic, value } = notification;
        if *characteristic == radio::MEASUREMENT {
            match Measurement::decode(value) {
                Ok(measurement) => self.measured(device, measurement, arrived, ctx),
                Err(error) => self.malformed(device, &error),
            }
        } else if *characteristic == radio::BATTERY_LEVEL {
            match BatteryLevel::decode(value) {
                Ok(level) => self.straps.entry(device.clone()).or_default().set_battery(level.percent()),
                Err(error) => self.malformed(device, &error),
            }
        }
    }

    fn measured(
        &mut self,
        device: &DeviceId,
        measurement: Measurement,
        arrived: Now,
        ctx: &mut Context<Self>,
    ) {
        let sample = self.straps.entry(device.clone()).or_default().sample(device, measurement, arrived);
        self.reopen.reset();
        self.fanout.send(&sample);
        self.observer.try_tell(BleReport::Sample(sample));
        self.step(ctx, |links, now| links.handle_data(device, now));
    }

    /// Packets of no use do not count as data: a strap that sends nothing else gets a fresh connection.
    fn malformed(&mut self, device: &DeviceId, error: &DecodeError) {
        let count = self.straps.entry(device.clone()).or_default().malformed(device, error);
        self.observer.try_tell(BleReport::Malformed { device: device.clone(), kind: error.kind(), count });
    }

    fn scan_for(&mut self, scan: ScanFor, ctx: &mut Context<Self>) -> Result<(), ScanRefused> {
        if let Some(problem) = self.spokesman.problem() {
            return Err(ScanRefused::NoAdapter {
                what: problem.what.clone(),
                remedy: problem.remedy.clone(),
            });
        }
        self.scans.retain(|(_, sink)| !sink.is_closed());
        if self.scans.len() >= self.scans_max {
            return Err(ScanRefused::TooMany { limit: self.scans_max });
        }
        self.scans_made += 1;
        let number = self.scans_made;
        self.scans.push((number, scan.sink));
        ctx.run_later(scan.duration, move |this, _| this.scans.retain(|(scan, _)| *scan != number));
        self.step(ctx, |links, now| links.handle_scan_wanted(scan.duration, now));
        Ok(())
    }

    fn list(&self) -> Vec<StrapInfo> {
        let info = |(device, strap): (&DeviceId, &Strap)| {
            strap.info(device, self.links.state(device), self.links.reason(device))
        };
        self.straps.iter().map(info).collect()
    }
}

answers_pings!(Ble);

impl Actor for Ble {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.open(ctx);
    }
}

impl Handler<FromRadio> for Ble {
    type Result = ();

    fn handle(&mut self, FromRadio { opening, news }: FromRadio, ctx: &mut Self::Context) {
        if opening == self.opening {
            self.hear(news, ctx);
        }
    }
}

impl Handler<ScanFor> for Ble {
    type Result = Result<(), ScanRefused>;

    fn handle(&mut self, scan: ScanFor, ctx: &mut Self::Context) -> Self::Result {
        self.scan_for(scan, ctx)
    }
}

impl Handler<AddStrap> for Ble {
    type Result = Result<(), TooManyStraps>;

    fn handle(&mut self, AddStrap(device, name): AddStrap, ctx: &mut Self::Context) -> Self::Result {
        if !self.step(ctx, |links, now| links.handle_add(device.clone(), now)) {
            return Err(TooManyStraps { limit: self.links.limits().links_max });
        }
        self.forgotten.remove(&device);
        self.straps.entry(device).or_default().set_name(name.as_deref());
        Ok(())
    }
}

impl Handler<ForgetStrap> for Ble {
    type Result = bool;

    fn handle(&mut self, ForgetStrap(device): ForgetStrap, ctx: &mut Self::Context) -> Self::Result {
        let was_known = self.step(ctx, |links, now| links.handle_forget(&device, now));
        if was_known {
            self.straps.remove(&device);
        }
        if was_known && self.auto_add {
            self.forgotten.insert(device);
        }
        was_known
    }
}

impl Handler<ListStraps> for Ble {
    type Result = Vec<StrapInfo>;

    fn handle(&mut self, _: ListStraps, _: &mut Self::Context) -> Self::Result {
        self.list()
    }
}

impl Handler<SubscribeHeart> for Ble {
    type Result = ();

    fn handle(&mut self, subscribe: SubscribeHeart, _: &mut Self::Context) -> Self::Result {
        self.fanout.add(subscribe.device, subscribe.queue);
    }
}
