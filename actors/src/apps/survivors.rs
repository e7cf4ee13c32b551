//! Apps that outlive the runtime, or a life of this actor (D2): written down while they run, and adopted at the start.

use std::path::PathBuf;

use actix::prelude::*;
use carpus_core::AppId;
use carpus_devices::processes::ProcessIdentity;
use serde::{Deserialize, Serialize};

use super::{Apps, Exited, Rest, report};
use crate::report::with_causes;

/// An app that runs, as the boot file has it.
#[derive(Serialize, Deserialize)]
struct KeptApp {
    app: String,
    token: String,
    process: u32,
    started: u64,
    group: Option<PathBuf>,
}

/// An app that runs, as the watch has to know it when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// The app.
    pub app: AppId,
    /// Whether its CPU is taken (L5).
    pub suspended: bool,
}

/// Asks for all apps that run. The ends of adopted ones that came before the first asker are told right after the
/// answer, so that the watch, which began meanwhile, misses none.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Vec<Survivor>")]
pub struct Survivors;

impl Handler<Survivors> for Apps {
    type Result = Vec<Survivor>;

    fn handle(&mut self, _: Survivors, _: &mut Context<Self>) -> Self::Result {
        let early = self.ended_early.take().unwrap_or_default();
        let ended = early.iter().map(|Exited { app, .. }| Survivor { app: app.clone(), suspended: false });
        let running = self
            .running
            .iter()
            .map(|(app, running)| Survivor { app: app.clone(), suspended: running.process.is_frozen() });
        let all = ended.chain(running).collect();
        for exited in early {
            self.exited.tell(exited);
        }
        all
    }
}

impl Apps {
    /// Takes over what was left running, and ends of it what is no longer installed, or cannot be held.
    pub(super) fn adopt_all(&mut self, ctx: &mut Context<Self>) {
        for kept in self.boot_file.load::<Vec<KeptApp>>().unwrap_or_default() {
            self.adopt(kept, ctx);
        }
        self.launcher.sweep();
        self.keep();
    }

    fn adopt(&mut self, kept: KeptApp, ctx: &mut Context<Self>) {
        let KeptApp { app, token, process: id, started, group } = kept;
        let process = match self.launcher.adopt(&ProcessIdentity { id, started, group }) {
            Ok(Some(process)) => process,
            Ok(None) => return tracing::info!(%app, pid = id, "ended while nobody looked"),
            Err(error) => {
                return tracing::warn!(%app, pid = id, "cannot be adopted: {}", with_causes(&error));
            }
        };
        let Some(app) = AppId::parse(&app).ok().filter(|app| self.installed.contains_key(app)) else {
            tracing::info!(%app, pid = id, "is no longer installed: it is ended");
            report(&app, process.kill());
            ctx.spawn(process.exited().into_actor(self).map(|_, _, _| ()));
            return;
        };
        let suspended = process.is_frozen();
        tracing::info!(%app, pid = id, suspended, "outlived the runtime: adopted");
        let rest = if suspended { self.next_freeze() } else { Rest::None };
        self.follow(app, process, token, Some(rest), ctx);
    }

    /// Writes down what runs, for the next life.
    pub(super) fn keep(&self) {
        let kept = self.running.iter().map(|(app, running)| {
            let ProcessIdentity { id, started, group } = running.process.identity();
            KeptApp { app: app.to_string(), token: running.token.clone(), process: id, started, group }
        });
        if let Err(error) = self.boot_file.store(&kept.collect::<Vec<_>>()) {
            tracing::warn!(
                "the apps that run could not be written down; if the runtime is killed, they end: {error}"
            );
        }
    }
}
