//! The heart rate of Bluetooth straps.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use carpus_protocol::client::Client;
use carpus_protocol::devices::{self, Contact, HeartRateSample};
use futures_core::Stream;
use tokio::sync::mpsc;

use crate::Error;
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
    /// Whether the strap's data was interrupted before this sample: the first RR interval is suspect.
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
#[derive(Debug)]
pub struct HeartRates {
    samples: mpsc::Receiver<Result<HeartRate, Error>>,
}

impl HeartRates {
    pub(crate) async fn start(client: Client, device: Option<String>) -> Result<Self, Error> {
        let mut replies = client.stream(&devices::HeartRate { device }).await?;
        let (sender, samples) = mpsc::channel(WAITING_SAMPLES_MAX);
        tokio::spawn(async move {
            loop {
                let reply = tokio::select! {
                    reply = replies.next() => reply,
                    () = sender.closed() => return,
                };
                let Some(reply) = reply else { return };
                let sample = reply.map(|reply| reply.sample.into()).map_err(Error::from);
                if sender.send(sample).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { samples })
    }

    /// The next sample; none when the runtime ended the stream.
    ///
    /// # Errors
    /// When the subscription was refused, or the runtime is gone; then nothing more comes.
    pub async fn next(&mut self) -> Option<Result<HeartRate, Error>> {
        self.samples.recv().await
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

    #[test]
    fn an_rr_interval_is_exact() {
        assert_eq!(RrInterval(1024).as_millis_f64(), 1000.0);
        assert_eq!(RrInterval(1001).as_millis_f64(), 977.539_062_5);
        assert_eq!(RrInterval(512).as_duration(), Duration::from_millis(500));
    }
}
