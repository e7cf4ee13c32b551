//! The heart rate of Bluetooth straps.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use carpus_protocol::client::{CallError, Replies};
use carpus_protocol::devices::{self, Contact, HeartRateSample};
use futures_core::Stream;
use tokio::sync::mpsc;

use crate::Error;
use crate::connection::{Endpoint, Pauses};
use crate::time::from_unix_ms;

/// Samples that wait in the app itself. Few: what the app does not take stays with the runtime, which drops the
/// oldest and says how many (D3).
const WAITING_SAMPLES_MAX: usize = 4;

/// The time from one heartbeat to the next, exactly as the strap sent it: in 1/1024 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RrInterval(u64);

impl RrInterval {
    /// An interval of `units` 1024ths of a second.
    pub const fn from_1024ths(units: u64) -> Self {
        Self(units)
    }

    /// In 1/1024 s.
    pub const fn in_1024ths(self) -> u64 {
        self.0
    }

    /// In milliseconds. Exact: a 1024th of a second has a finite fraction.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 * 1000.0 / 1024.0
    }

    /// As a span, to the nanosecond below.
    pub const fn as_duration(self) -> Duration {
        let nanos = (self.0 as u128 * 1_000_000_000 / 1024) as u64;
        Duration::from_nanos(nanos)
    }
}

/// One message of a heart rate strap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartRate {
    /// The strap's address.
    pub device: String,
    /// The strap's name, where it tells one.
    pub name: Option<String>,
    /// When it arrived. The beats in it may be up to some seconds older.
    pub arrived: SystemTime,
    /// Beats per minute.
    pub bpm: u64,
    /// Whether the strap feels skin.
    pub contact: Contact,
    /// Energy expended since the strap was reset, in kilojoules.
    pub energy_kj: Option<u64>,
    /// The times between beats, oldest first. Often one, sometimes none or several.
    pub rr: Vec<RrInterval>,
    /// How many samples this app lost right before this one, because it read too slowly.
    pub dropped_before: u64,
    /// Whether the data was interrupted before this sample: the first RR interval is suspect. Either the strap was
    /// lost, or this app had lost the runtime (D5) and nobody knows how many samples came meanwhile.
    pub gap_before: bool,
}

impl From<HeartRateSample> for HeartRate {
    fn from(sample: HeartRateSample) -> Self {
        Self {
            device: sample.device,
            name: sample.name,
            arrived: from_unix_ms(sample.arrived_ms),
            bpm: sample.bpm,
            contact: sample.contact,
            energy_kj: sample.energy_kj,
            rr: sample.rr_1024.into_iter().map(RrInterval).collect(),
            dropped_before: sample.dropped_before,
            gap_before: sample.gap_before,
        }
    }
}

/// A stream of heart rate samples; dropping it ends the subscription.
///
/// It goes on by itself when the runtime is lost and found again (D5): the next sample of each strap then says so
/// with [`HeartRate::gap_before`].
#[derive(Debug)]
pub struct HeartRates {
    samples: mpsc::Receiver<Result<HeartRate, Error>>,
}

impl HeartRates {
    pub(crate) async fn start(endpoint: Endpoint, device: Option<String>) -> Result<Self, Error> {
        let subscription = Subscription { endpoint, wanted: devices::HeartRate { device } };
        let replies = subscription.begin(0).await?;
        let (sender, samples) = mpsc::channel(WAITING_SAMPLES_MAX);
        tokio::spawn(subscription.run(replies, sender));
        Ok(Self { samples })
    }

    /// The next sample; none when the runtime ended the stream.
    ///
    /// # Errors
    /// When the subscription was refused, or the runtime is gone for good; then nothing more comes.
    pub async fn next(&mut self) -> Option<Result<HeartRate, Error>> {
        self.samples.recv().await
    }
}

/// What the app wants of the straps, over all connections.
struct Subscription {
    endpoint: Endpoint,
    wanted: devices::HeartRate,
}

impl Subscription {
    /// Asks for the samples, after so many connections that brought none.
    async fn begin(&self, in_vain: u32) -> Result<Replies<devices::HeartRate>, Error> {
        let mut in_vain = in_vain;
        loop {
            let client = self.endpoint.attach_again(Pauses::after(in_vain)).await?;
            match client.stream(&self.wanted).await {
                Err(CallError::Disconnected) => in_vain = in_vain.saturating_add(1),
                replies => return Ok(replies?),
            }
        }
    }

    async fn run(
        self,
        mut replies: Replies<devices::HeartRate>,
        sender: mpsc::Sender<Result<HeartRate, Error>>,
    ) {
        let mut marks = GapMarks::default();
        let mut in_vain = 0;
        loop {
            let reply = tokio::select! {
                reply = replies.next() => reply,
                () = sender.closed() => return,
            };
            let sample = match reply {
                None => return,
                Some(Ok(reply)) => {
                    in_vain = 0;
                    Ok(marks.put_on(reply.sample.into()))
                }
                Some(Err(CallError::Disconnected)) => {
                    marks.lost_runtime();
                    let begun = tokio::select! {
                        begun = self.begin(in_vain) => begun,
                        () = sender.closed() => return,
                    };
                    in_vain = in_vain.saturating_add(1);
                    match begun {
                        Ok(begun) => {
                            replies = begun;
                            continue;
                        }
                        Err(Error::UnknownLaunch) => Err(Error::UnknownLaunch),
                        Err(_) => Err(Error::Disconnected),
                    }
                }
                Some(Err(error)) => Err(error.into()),
            };
            let is_last = sample.is_err();
            if sender.send(sample).await.is_err() || is_last {
                return;
            }
        }
    }
}

/// Which straps have a gap of which the app was not told yet.
#[derive(Debug, Default)]
struct GapMarks {
    heard: BTreeSet<String>,
    interrupted: BTreeSet<String>,
}

impl GapMarks {
    fn lost_runtime(&mut self) {
        self.interrupted.clone_from(&self.heard);
    }

    fn put_on(&mut self, mut sample: HeartRate) -> HeartRate {
        sample.gap_before |= self.interrupted.remove(&sample.device);
        if !self.heard.contains(&sample.device) {
            self.heard.insert(sample.device.clone());
        }
        sample
    }
}

impl Stream for HeartRates {
    type Item = Result<HeartRate, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.samples.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample_of(device: &str) -> HeartRate {
        HeartRate {
            device: device.to_owned(),
            name: None,
            arrived: SystemTime::UNIX_EPOCH,
            bpm: 60,
            contact: Contact::Detected,
            energy_kj: None,
            rr: Vec::new(),
            dropped_before: 0,
            gap_before: false,
        }
    }

    #[test]
    fn d5_the_next_sample_of_each_strap_tells_of_a_gap_once() {
        let mut marks = GapMarks::default();
        let mut told = |device: &str| marks.put_on(sample_of(device)).gap_before;
        assert!(!told("a") && !told("b"), "the first samples have none before them");
        marks.lost_runtime();
        marks.lost_runtime();
        let mut told = |device: &str| marks.put_on(sample_of(device)).gap_before;
        assert!(told("a") && !told("a"));
        assert!(!told("c"), "nothing of this one was heard before");
        assert!(told("b") && !told("b"));
    }

    #[test]
    fn an_rr_interval_is_exact() {
        assert_eq!(RrInterval(1024).as_millis_f64(), 1000.0);
        assert_eq!(RrInterval(1001).as_millis_f64(), 977.539_062_5);
        assert_eq!(RrInterval(512).as_duration(), Duration::from_millis(500));
    }
}
