//! The simulated buttons.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carpus_devices::BoxStream;
use carpus_devices::inputs::{Button, Buttons, InputError};
use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many presses a listener may be behind before it loses the oldest.
const PRESSES_MAX: usize = 64;

/// Buttons that are pressed by the script.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedButtons {
    /// None while the device is gone.
    presses: Arc<Mutex<Option<broadcast::Sender<Button>>>>,
}

impl SimulatedButtons {
    pub(crate) fn new() -> Self {
        Self { presses: Arc::new(Mutex::new(Some(broadcast::channel(PRESSES_MAX).0))) }
    }

    pub(crate) fn press(&self, button: Button) {
        if let Some(presses) = &*self.lock() {
            // As with real ones: a press that nobody listens for is lost.
            let _nobody = presses.send(button);
        }
    }

    /// Ends the streams, or lets new ones be opened.
    pub(crate) fn set_failing(&self, failing: bool) {
        let mut presses = self.lock();
        if failing {
            *presses = None;
        } else if presses.is_none() {
            *presses = Some(broadcast::channel(PRESSES_MAX).0);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<broadcast::Sender<Button>>> {
        self.presses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buttons for SimulatedButtons {
    fn presses(&self) -> Result<BoxStream<'static, Button>, InputError> {
        let presses = self.lock().as_ref().map(broadcast::Sender::subscribe);
        let presses = presses
            .ok_or_else(|| InputError::Missing { remedy: "plug the simulated buttons in".to_owned() })?;
        Ok(Box::pin(stream::unfold(presses, next_press)))
    }
}

async fn next_press(
    mut presses: broadcast::Receiver<Button>,
) -> Option<(Button, broadcast::Receiver<Button>)> {
    loop {
        match presses.recv().await {
            Ok(button) => return Some((button, presses)),
            Err(RecvError::Closed) => return None,
            Err(RecvError::Lagged(count)) => {
                tracing::warn!(count, "a listener lost presses of simulated buttons")
            }
        }
    }
}
