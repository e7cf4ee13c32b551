//! What the user granted apps when they were installed.

use actix::Message;
use carpus_core::AppId;
use rusqlite::{Row, Transaction};

use super::JournalError;
use super::record::BadRecord;
use super::requests::text_in;
use super::subscriptions::Subscriptions;
use super::thread::{Request, World};

/// Keeps what an app was granted, or replaces what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct SaveGrants {
    /// The app.
    pub app: AppId,
    /// The Bluetooth profiles whose devices it may talk to, by their names.
    pub bluetooth: Vec<String>,
}

/// Gives what apps were granted, by app. What cannot be read is left out and logged: nothing was granted then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<(AppId, Vec<String>)>, JournalError>")]
pub struct LoadGrants;

impl Request for SaveGrants {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        let bluetooth = serde_json::Value::from(self.bluetooth.clone()).to_string();
        disk.execute(
            "INSERT OR REPLACE INTO grants (app, bluetooth) VALUES (?1, ?2)",
            (self.app.as_str(), bluetooth),
        )?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for LoadGrants {
    type Found = Vec<(AppId, Vec<String>)>;
    type Answer = Vec<(AppId, Vec<String>)>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Self::Found, JournalError> {
        let mut query = disk.prepare("SELECT app, bluetooth FROM grants ORDER BY app")?;
        let mut rows = query.query([])?;
        let mut grants = Vec::new();
        while let Some(row) = rows.next()? {
            match read(row) {
                Ok(of_app) => grants.push(of_app),
                Err(error) => {
                    tracing::warn!(%error, "what an app was granted cannot be read; it is left out");
                }
            }
        }
        Ok(grants)
    }

    fn publish(self, found: Self::Found, _: &mut Subscriptions) -> Self::Answer {
        found
    }
}

fn read(row: &Row<'_>) -> Result<(AppId, Vec<String>), BadRecord> {
    Ok((AppId::parse(text_in(row, 0)?)?, to_profiles(text_in(row, 1)?)?))
}

pub(super) fn to_profiles(text: &str) -> Result<Vec<String>, BadRecord> {
    Ok(serde_json::from_str(text)?)
}
