//! The port's implementation.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use btleplug::platform::{Adapter, Manager};
use carpus_devices::bluetooth::{BleError, DeviceId, Link, Radio, RadioEvent};
use carpus_devices::{BoxFuture, BoxStream};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::error::{Asked, went_away};
use crate::session::{Session, choose_adapter, describe};
use crate::watch::Watch;
use crate::{connect, stray_panic};

/// Which adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BluezOptions {
    /// Its name, such as `hci0`; none takes the first.
    pub adapter: Option<String>,
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the adapter is not open")]
struct NotOpen;

/// The adapter behind BlueZ. All calls need a tokio runtime with I/O and time.
///
/// `open` ends the streams of the session before. An adapter that is off is opened too, tells
/// [`RadioEvent::Powered`]`(false)` first, and is switched on by a scan.
pub struct BluezRadio {
    options: BluezOptions,
    session: std::sync::Mutex<Option<Arc<Session>>>,
    manager: Mutex<Option<KnownManager>>,
}

/// btleplug's manager, kept while the bus lives: its D-Bus connection stays open for as long, even when the
/// manager is dropped, so that a new one for each attempt would use up the connections that the bus allows.
struct KnownManager {
    manager: Manager,
    /// Which run of the bus it is connected to.
    bus: String,
}

impl BluezRadio {
    /// A radio that is not open yet. Puts a filter before the process's panic hook, see
    /// [`is_stray_panic`](crate::is_stray_panic).
    pub fn new(options: BluezOptions) -> Self {
        stray_panic::filter();
        Self { options, session: std::sync::Mutex::new(None), manager: Mutex::new(None) }
    }

    /// The adapter, and a watch that is not yet set on it.
    async fn reach(&self) -> Result<(Adapter, Watch), BleError> {
        let asked = Asked::adapter("connecting to D-Bus");
        let mut kept = self.manager.lock().await;
        let watch = Watch::connect().map_err(|error| asked.bus_failed(error))?;
        let bus = watch.bus_id().await.map_err(|error| asked.bus_failed(error))?;
        let manager = match kept.take().filter(|known| known.bus == bus) {
            Some(known) => known.manager,
            None => Manager::new().await.map_err(|error| asked.failed(error))?,
        };
        let known = kept.insert(KnownManager { manager, bus });
        let adapter = choose_adapter(&known.manager, self.options.adapter.as_deref()).await?;
        Ok((adapter, watch))
    }

    async fn open_session(&self) -> Result<BoxStream<'static, RadioEvent>, BleError> {
        drop(self.lock_session().take());
        let (adapter, watch) = self.reach().await?;
        let (session, events) = Session::open(adapter, watch).await?;
        *self.lock_session() = Some(Arc::new(session));
        Ok(events)
    }

    fn lock_session(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> Result<Arc<Session>, BleError> {
        match self.lock_session().as_ref() {
            Some(session) if session.is_over() => Err(went_away()),
            Some(session) => Ok(Arc::clone(session)),
            None => Err(BleError::Failed(Arc::new(NotOpen))),
        }
    }
}

impl Radio for BluezRadio {
    fn open(&self) -> BoxFuture<'_, Result<BoxStream<'static, RadioEvent>, BleError>> {
        Box::pin(self.open_session())
    }

    fn start_scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async move { self.session()?.start_scan(services).await })
    }

    fn stop_scan(&self) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async move { self.session()?.stop_scan().await })
    }

    fn connect(&self, device: DeviceId, limit: Duration) -> BoxFuture<'_, Result<Arc<dyn Link>, BleError>> {
        Box::pin(async move {
            let session = self.session()?;
            let link = connect::connect(&session, device, limit).await?;
            Ok(Arc::new(link) as Arc<dyn Link>)
        })
    }

    fn describe(&self) -> BoxFuture<'_, Result<String, BleError>> {
        Box::pin(async move {
            if let Ok(session) = self.session() {
                return session.describe().await;
            }
            let (adapter, _watch) = self.reach().await?;
            describe(&adapter).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_works_before_the_adapter_is_open() {
        let radio = BluezRadio::new(BluezOptions::default());
        let strap = DeviceId::parse("AA:BB:CC:00:11:22").unwrap();
        assert!(matches!(radio.start_scan(vec![]).await, Err(BleError::Failed(_))));
        assert!(matches!(radio.stop_scan().await, Err(BleError::Failed(_))));
        assert!(matches!(radio.connect(strap, Duration::from_secs(1)).await, Err(BleError::Failed(_))));
    }
}
