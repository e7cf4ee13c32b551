//! Which session a step means, and which instant.

use carpus_core::{SessionId, WallTime};

use super::World;
use crate::history::{When, Which};

impl World<'_> {
    /// The session that is meant; number 0, which there never is, for none.
    pub(super) fn which(&self, which: Which, app: Option<usize>) -> SessionId {
        let mut sessions = self.ledger.newest_first();
        let found = match which {
            Which::Number(number) => return SessionId(number),
            Which::Any(place) => sessions.nth(usize::from(place)),
            Which::Own(place) => {
                sessions.filter(|(_, entry)| app.is_none_or(|app| entry.app == app)).nth(usize::from(place))
            }
            Which::Ringing => sessions.find(|(_, entry)| entry.loud),
        };
        found.map_or(SessionId(0), |(id, _)| id)
    }

    pub(super) fn when(&self, when: When) -> WallTime {
        match when {
            When::In(ms) => WallTime::from_unix_ms(self.now.wall.unix_ms().saturating_add(ms)),
            When::At(ms) => WallTime::from_unix_ms(ms),
        }
    }
}
