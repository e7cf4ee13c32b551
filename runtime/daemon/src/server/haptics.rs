//! `io.carpus.Haptics`.

use carpus_actors::watch::{PlayHaptic, StopHaptic};
use carpus_protocol::haptics::{Call, Error};

use super::client::{Answer, Client, failed, nothing};
use super::convert;

const NOT_NOW: &str = "haptics are for an app that is frontmost or in a running session, and not while the alarm of \
                       another app rings (rule H2)";

impl Client {
    pub(super) async fn haptics(&self, call: Call) -> Answer {
        let Some(app) = self.app.clone() else { return failed(&Error::NotAttached) };
        match call {
            Call::Play(play) => {
                match self.services.watch.send(PlayHaptic(app, convert::haptic(play.haptic))).await {
                    Ok(true) => nothing(),
                    Ok(false) => failed(&Error::NotAllowed { message: NOT_NOW.to_owned() }),
                    Err(error) => failed(&Error::Unavailable { message: error.to_string() }),
                }
            }
            Call::Stop(_) => match self.services.watch.send(StopHaptic(app)).await {
                Ok(()) => nothing(),
                Err(error) => failed(&Error::Unavailable { message: error.to_string() }),
            },
        }
    }
}
