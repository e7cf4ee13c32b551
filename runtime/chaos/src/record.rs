//! What the apps wrote down.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

/// A line of an app's record.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) time_ms: u64,
    /// The process that wrote it.
    pub(crate) process: u32,
    /// `launched`, `scheduled`, `started`, `refused`, `rang`, `forgot`, `did_not_ring`, the name of an event, or
    /// `dealt_with` for an event that was acknowledged.
    pub(crate) what: String,
    pub(crate) session: Option<u64>,
    #[serde(default)]
    pub(crate) detail: Value,
}

/// The records of all apps, by app.
pub(crate) type Records = BTreeMap<String, Vec<Line>>;

/// Reads the records in the apps' data folders.
pub(crate) fn read_all(data: &Path) -> anyhow::Result<Records> {
    let mut records = Records::new();
    for entry in fs::read_dir(data).with_context(|| format!("no data in {}", data.display()))? {
        let folder = entry?.path();
        let Some(app) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let text = fs::read_to_string(folder.join("record.jsonl")).unwrap_or_default();
        records.insert(app.to_owned(), read(&text)?);
    }
    Ok(records)
}

/// A process that was killed may leave its last line unfinished.
fn read(text: &str) -> anyhow::Result<Vec<Line>> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}
