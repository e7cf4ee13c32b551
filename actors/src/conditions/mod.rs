//! How the board fares (S10): looks at its battery and its temperature from time to time, and tells what changed.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::suppression::Conditions;
use carpus_devices::conditions::BoardConditions;

use crate::supervisor::{Outlet, answers_pings};

/// Thousandths of a degree in a degree.
const MDEGC_PER_DEGREE: i32 = 1000;

/// The battery or the temperature changed by a whole percent or a whole degree; told once after the start, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct ConditionsChanged(pub Conditions);

/// Tells again what was told last, for a listener that begins and knows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct TellConditions;

/// What the actor needs.
#[derive(Clone)]
pub struct ConditionsOptions {
    /// Reads the board.
    pub board: Arc<dyn BoardConditions>,
    /// From one reading to the next.
    pub interval: Duration,
    /// Is told what changed.
    pub changed: Outlet<ConditionsChanged>,
}

/// The actor that looks at the board.
pub struct ConditionsMonitor {
    options: ConditionsOptions,
    told: Option<Conditions>,
}

impl ConditionsMonitor {
    /// An actor that reads the board from its start on.
    pub const fn new(options: ConditionsOptions) -> Self {
        Self { options, told: None }
    }

    /// Reads on a thread that may block, and once more after the interval: a driver that hangs holds up nobody.
    fn read(&mut self, ctx: &mut Context<Self>) {
        let board = Arc::clone(&self.options.board);
        let reading = tokio::task::spawn_blocking(move || board.read());
        ctx.spawn(reading.into_actor(self).map(|read, this, ctx| {
            match read {
                Ok(read) => this.take(Conditions {
                    battery_percent: read.battery_percent,
                    temperature_mdegc: read.temperature_mdegc,
                }),
                // As if it had been here: the actor ends, and the supervisor starts it afresh.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_the_runtime_ends) => return,
            }
            ctx.run_later(this.options.interval, Self::read);
        }));
    }

    fn take(&mut self, read: Conditions) {
        if self.told.is_none_or(|told| steps(told) != steps(read)) {
            tracing::debug!(battery_percent = ?read.battery_percent, temperature_mdegc = ?read.temperature_mdegc, "board");
            self.told = Some(read);
            self.options.changed.tell(ConditionsChanged(read));
        }
    }
}

/// What counts of a reading: the whole percents, and the whole degrees, rounded up. Rounded so, a reading above a limit
/// of whole degrees never counts the same as one that is not.
fn steps(conditions: Conditions) -> (Option<u8>, Option<i32>) {
    let degrees = |mdegc: i32| mdegc.saturating_sub(1).div_euclid(MDEGC_PER_DEGREE).saturating_add(1);
    (conditions.battery_percent, conditions.temperature_mdegc.map(degrees))
}

answers_pings!(ConditionsMonitor);

impl Actor for ConditionsMonitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.read(ctx);
    }
}

impl Handler<TellConditions> for ConditionsMonitor {
    type Result = ();

    fn handle(&mut self, _: TellConditions, _: &mut Self::Context) {
        if let Some(told) = self.told {
            self.options.changed.tell(ConditionsChanged(told));
        }
    }
}
