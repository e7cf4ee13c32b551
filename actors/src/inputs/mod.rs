//! The buttons: forwards each press, and opens the input devices again when they are gone.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::{Actor, AsyncContext, Context, Message};
use carpus_core::supervision::Backoff;
use carpus_devices::inputs::{Button, Buttons};
use futures_util::StreamExt;

use crate::device::{Spokesman, reopen_backoff};
use crate::report::DeviceReport;
use crate::supervisor::{Outlet, answers_pings};

/// A button was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Pressed(pub Button);

/// What the actor needs.
#[derive(Clone)]
pub struct InputsOptions {
    /// The board's buttons.
    pub buttons: Arc<dyn Buttons>,
    /// Is told each press.
    pub pressed: Outlet<Pressed>,
    /// Is told that the buttons cannot be read, and that they can be read again.
    pub reports: Outlet<DeviceReport>,
}

/// The actor that reads the buttons.
pub struct Inputs {
    options: InputsOptions,
}

impl Inputs {
    /// An actor that reads the buttons from its start on.
    pub const fn new(options: InputsOptions) -> Self {
        Self { options }
    }
}

answers_pings!(Inputs);

impl Actor for Inputs {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // In the actor's own context: a panic of a driver ends the actor, and the supervisor starts it afresh.
        ctx.spawn(wrap_future(read(self.options.clone())));
    }
}

async fn read(options: InputsOptions) {
    let mut spokesman = Spokesman::new("buttons", options.reports.clone());
    let mut backoff = reopen_backoff();
    loop {
        read_until_gone(&options, &mut spokesman, &mut backoff).await;
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

async fn read_until_gone(options: &InputsOptions, spokesman: &mut Spokesman, backoff: &mut Backoff) {
    let mut presses = match options.buttons.presses() {
        Ok(presses) => presses,
        Err(fault) => return spokesman.failed(&fault),
    };
    spokesman.works();
    while let Some(button) = presses.next().await {
        backoff.reset();
        options.pressed.tell(Pressed(button));
    }
    tracing::debug!("the input devices are gone");
}
