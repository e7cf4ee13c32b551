//! The stream of samples: a bounded ring per reader, in which a slow reader loses the oldest (D3).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carpus_core::backlog::Backlog;
use carpus_core::sample::Arrival;
use carpus_devices::bluetooth::DeviceId;
use carpus_gatt::heart_rate::Measurement;
use tokio::sync::Notify;

/// One notification of a strap, with its circumstances (D4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartSample {
    /// The strap.
    pub device: DeviceId,
    /// Its name, where it tells one.
    pub name: Option<Arc<str>>,
    /// When it arrived here, and whether something is missing before it.
    pub arrival: Arrival,
    /// What it says.
    pub measurement: Measurement,
}

struct Ring {
    samples: Backlog<Arc<HeartSample>>,
    writer_gone: bool,
    reader_gone: bool,
}

struct Shared {
    ring: Mutex<Ring>,
    filled: Notify,
}

impl Shared {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing that holds the lock can leave the ring half changed.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end of a ring of samples.
pub struct SampleQueue {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for SampleQueue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SampleQueue")
    }
}

/// The reading end of a ring of samples. Dropping it ends the subscription.
pub struct SampleReader {
    shared: Arc<Shared>,
}

/// A ring that holds up to `capacity` samples (one at least), all of its memory taken now.
pub fn sample_queue(capacity: usize) -> (SampleQueue, SampleReader) {
    let ring = Ring { samples: Backlog::new(capacity), writer_gone: false, reader_gone: false };
    let shared = Arc::new(Shared { ring: Mutex::new(ring), filled: Notify::new() });
    (SampleQueue { shared: Arc::clone(&shared) }, SampleReader { shared })
}

impl SampleQueue {
    /// Adds a sample; a full ring loses its oldest. False when the reader is gone.
    pub(super) fn push(&self, sample: &Arc<HeartSample>) -> bool {
        let mut ring = self.shared.ring();
        if ring.reader_gone {
            return false;
        }
        ring.samples.push(Arc::clone(sample));
        drop(ring);
        self.shared.filled.notify_one();
        true
    }

    /// Whether anyone still reads.
    pub(super) fn is_read(&self) -> bool {
        !self.shared.ring().reader_gone
    }
}

impl Drop for SampleQueue {
    fn drop(&mut self) {
        self.shared.ring().writer_gone = true;
        self.shared.filled.notify_one();
    }
}

impl SampleReader {
    /// The oldest sample in the ring, and how many were lost right before it; waits for one. `None` when the
    /// Bluetooth actor is gone: subscribe again.
    pub async fn next(&mut self) -> Option<(Arc<HeartSample>, u64)> {
        loop {
            {
                let mut ring = self.shared.ring();
                if let Some(oldest) = ring.samples.pop() {
                    return Some(oldest);
                }
                if ring.writer_gone {
                    return None;
                }
            }
            self.shared.filled.notified().await;
        }
    }
}

impl Drop for SampleReader {
    fn drop(&mut self) {
        let mut ring = self.shared.ring();
        ring.reader_gone = true;
        ring.samples.clear();
    }
}

/// The readers of the stream.
#[derive(Default)]
pub(super) struct Fanout {
    readers: Vec<(Option<DeviceId>, SampleQueue)>,
}

impl Fanout {
    pub(super) fn add(&mut self, device: Option<DeviceId>, queue: SampleQueue) {
        self.readers.retain(|(_, queue)| queue.is_read());
        self.readers.push((device, queue));
    }

    pub(super) fn send(&mut self, sample: &Arc<HeartSample>) {
        self.readers.retain(|(device, queue)| match device {
            Some(device) if *device != sample.device => queue.is_read(),
            Some(_) | None => queue.push(sample),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use carpus_core::{Now, WallTime};
    use carpus_gatt::heart_rate::{Contact, RrIntervals};

    use super::*;

    fn sample(device: &str, bpm: u16) -> Arc<HeartSample> {
        Arc::new(HeartSample {
            device: DeviceId::parse(device).unwrap(),
            name: None,
            arrival: Arrival {
                at: Now { since_boot: Duration::ZERO, wall: WallTime::default() },
                gap_before: false,
            },
            measurement: Measurement {
                bpm,
                contact: Contact::Detected,
                energy_expended_kj: None,
                rr: RrIntervals::new(),
            },
        })
    }

    const A: &str = "C0:FF:EE:00:00:01";
    const B: &str = "C0:FF:EE:00:00:02";

    async fn read(reader: &mut SampleReader) -> (u16, u64) {
        let (sample, dropped) = reader.next().await.unwrap();
        (sample.measurement.bpm, dropped)
    }

    #[tokio::test]
    async fn d3_a_slow_reader_loses_the_oldest_and_is_told_how_many() {
        let (queue, mut reader) = sample_queue(3);
        for bpm in 1..=10 {
            assert!(queue.push(&sample(A, bpm)));
        }
        assert_eq!(read(&mut reader).await, (8, 7));
        assert_eq!(read(&mut reader).await, (9, 0));
        queue.push(&sample(A, 11));
        queue.push(&sample(A, 12));
        queue.push(&sample(A, 13));
        assert_eq!(read(&mut reader).await, (11, 1));
    }

    #[tokio::test]
    async fn d3_a_slow_reader_takes_nothing_from_the_others() {
        let mut fanout = Fanout::default();
        let (slow_queue, mut slow) = sample_queue(1);
        let (quick_queue, mut quick) = sample_queue(1);
        fanout.add(None, slow_queue);
        fanout.add(None, quick_queue);
        for bpm in 60..70 {
            fanout.send(&sample(A, bpm));
            assert_eq!(read(&mut quick).await, (bpm, 0));
        }
        assert_eq!(read(&mut slow).await, (69, 9));
    }

    #[tokio::test]
    async fn a_reader_of_one_strap_gets_nothing_of_the_others() {
        let mut fanout = Fanout::default();
        let (queue, mut reader) = sample_queue(8);
        fanout.add(Some(DeviceId::parse(B).unwrap()), queue);
        fanout.send(&sample(A, 60));
        fanout.send(&sample(B, 70));
        assert_eq!(read(&mut reader).await, (70, 0));
    }

    #[tokio::test]
    async fn dropping_the_reader_ends_the_subscription() {
        let mut fanout = Fanout::default();
        let (queue, reader) = sample_queue(8);
        fanout.add(None, queue);
        drop(reader);
        let watched = sample(A, 60);
        fanout.send(&watched);
        assert!(fanout.readers.is_empty());
        assert_eq!(Arc::strong_count(&watched), 1);
    }

    #[tokio::test]
    async fn when_the_writer_is_gone_the_rest_is_read_and_then_the_stream_ends() {
        let (queue, mut reader) = sample_queue(8);
        queue.push(&sample(A, 60));
        drop(queue);
        assert_eq!(read(&mut reader).await, (60, 0));
        assert!(reader.next().await.is_none());
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let (queue, mut reader) = sample_queue(8);
        let waiting = tokio::spawn(async move { read(&mut reader).await });
        tokio::task::yield_now().await;
        queue.push(&sample(A, 61));
        assert_eq!(waiting.await.unwrap(), (61, 0));
    }
}
