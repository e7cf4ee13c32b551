//! `io.carpus.Wrist`.

use carpus_actors::watch::{Look, UserCall};
use carpus_core::AppId;
use carpus_protocol::wrist::{Call, Error, StateReply};

use super::client::{Answer, Client, done, failed, nothing};

impl Client {
    pub(super) async fn wrist(&self, call: Call) -> Answer {
        if let Err(message) = self.operator() {
            return failed(&Error::NotPermitted { message });
        }
        match call {
            Call::Raise(_) => self.wrist_does(UserCall::WristUp).await,
            Call::Lower(_) => self.wrist_does(UserCall::WristDown).await,
            Call::Crown(_) => self.wrist_does(UserCall::Crown).await,
            Call::Cover(_) => self.wrist_does(UserCall::Cover).await,
            Call::State(_) => match self.services.watch.send(Look).await {
                Ok(view) => done(&StateReply {
                    screen_on: view.screen_on,
                    frontmost: view.frontmost.as_ref().map(AppId::to_string),
                }),
                Err(error) => failed(&Error::Unavailable { message: error.to_string() }),
            },
        }
    }

    async fn wrist_does(&self, call: UserCall) -> Answer {
        match self.services.watch.send(call).await {
            Ok(Ok(())) => nothing(),
            Ok(Err(error)) => failed(&Error::Unavailable { message: error.to_string() }),
            Err(error) => failed(&Error::Unavailable { message: error.to_string() }),
        }
    }
}
