//! What holds until the board reboots, beside the records on disk: written down after each step in which it changed,
//! for a runtime that is killed, and for the next life of the watch (D2).

use std::collections::BTreeMap;

use carpus_core::app::BadAppId;
use carpus_core::watch::{Draft, Standing, Wrist};
use carpus_core::{AppId, SessionId, SessionKind};
use serde::{Deserialize, Serialize};

use crate::boot_file::BootFile;

/// The file, and what was written into it last.
pub(super) struct KeptStanding {
    file: BootFile,
    /// None: nothing, or that is not known.
    written: Option<Standing>,
    /// Whether the last attempt failed, which is said once.
    failing: bool,
}

impl KeptStanding {
    pub(super) const fn new(file: BootFile) -> Self {
        Self { file, written: None, failing: false }
    }

    /// How the watch stood; none on another boot, and where that is not known.
    pub(super) fn load(&self) -> Option<Standing> {
        let stored = self.file.load::<StoredStanding>()?;
        stored
            .read()
            .inspect_err(|error| {
                tracing::warn!("how the watch stood before the restart is not known: {error}")
            })
            .ok()
    }

    /// Writes it down, where it is not written yet.
    pub(super) fn keep(&mut self, standing: Standing) {
        if self.written.as_ref() == Some(&standing) {
            return;
        }
        match self.file.store(&StoredStanding::of(&standing)) {
            Ok(()) => {
                self.written = Some(standing);
                self.failing = false;
            }
            Err(error) => {
                self.written = None;
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(
                        "how the watch stands is not written down; a restart will not know: {error}"
                    );
                }
            }
        }
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct StoredStanding {
    #[serde(with = "StoredWrist")]
    wrist: Wrist,
    frontmost: Option<String>,
    ending: BTreeMap<String, bool>,
    drafts: Vec<StoredDraft>,
    launches: BTreeMap<String, u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Wrist", rename_all = "kebab-case")]
enum StoredWrist {
    Up,
    Down,
}

#[derive(Serialize, Deserialize)]
struct StoredDraft {
    session: u64,
    app: String,
    #[serde(with = "StoredKind")]
    kind: SessionKind,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SessionKind", rename_all = "kebab-case")]
enum StoredKind {
    SelfCare,
    Mindfulness,
    PhysicalTherapy,
    Alarm,
}

impl StoredStanding {
    fn of(standing: &Standing) -> Self {
        let Standing { wrist, frontmost, ending, drafts, launches } = standing;
        let draft = |Draft { session, app, kind }: &Draft| StoredDraft {
            session: session.0,
            app: app.to_string(),
            kind: *kind,
        };
        Self {
            wrist: *wrist,
            frontmost: frontmost.as_ref().map(AppId::to_string),
            ending: ending.iter().map(|(app, again)| (app.to_string(), *again)).collect(),
            drafts: drafts.iter().map(draft).collect(),
            launches: launches.iter().map(|(app, launches)| (app.to_string(), *launches)).collect(),
        }
    }

    fn read(self) -> Result<Standing, BadAppId> {
        let Self { wrist, frontmost, ending, drafts, launches } = self;
        let draft = |StoredDraft { session, app, kind }: StoredDraft| {
            Ok(Draft { session: SessionId(session), app: AppId::parse(&app)?, kind })
        };
        Ok(Standing {
            wrist,
            frontmost: frontmost.as_deref().map(AppId::parse).transpose()?,
            ending: by_app(ending)?,
            drafts: drafts.into_iter().map(draft).collect::<Result<_, _>>()?,
            launches: by_app(launches)?,
        })
    }
}

fn by_app<T>(stored: BTreeMap<String, T>) -> Result<BTreeMap<AppId, T>, BadAppId> {
    stored.into_iter().map(|(app, value)| Ok((AppId::parse(&app)?, value))).collect()
}

/// The text is not how a watch stood.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadStanding {
    #[error("the text is not what this version writes")]
    Text(#[from] serde_json::Error),
    #[error(transparent)]
    App(#[from] BadAppId),
}

/// Reads what [`of_standing`] wrote.
///
/// # Errors
/// When it is anything else.
pub(super) fn to_standing(text: &str) -> Result<Standing, BadStanding> {
    Ok(serde_json::from_str::<StoredStanding>(text)?.read()?)
}

/// The text of how a watch stands.
pub(super) fn of_standing(standing: &Standing) -> String {
    serde_json::to_string(&StoredStanding::of(standing)).expect("text, numbers and maps by text only")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str) -> AppId {
        AppId::parse(name).unwrap()
    }

    fn standing() -> Standing {
        Standing {
            wrist: Wrist::Down,
            frontmost: Some(app("a")),
            ending: [(app("a"), true), (app("b"), false)].into(),
            drafts: vec![Draft { session: SessionId(7), app: app("a"), kind: SessionKind::PhysicalTherapy }],
            launches: [(app("a"), 3)].into(),
        }
    }

    const TEXT: &str = concat!(
        r#"{"wrist":"down","frontmost":"a","ending":{"a":true,"b":false},"#,
        r#""drafts":[{"session":7,"app":"a","kind":"physical-therapy"}],"launches":{"a":3}}"#
    );

    #[test]
    fn d2_what_was_written_is_read() {
        assert_eq!(of_standing(&standing()), TEXT);
        assert_eq!(to_standing(TEXT).unwrap(), standing());
    }

    #[test]
    fn d2_what_cannot_be_read_is_an_error() {
        for text in ["", "{}", "null", &TEXT.replace("\"b\"", "\"NO ID\""), &TEXT.replace("down", "sideways")]
        {
            assert!(to_standing(text).is_err(), "{text}");
        }
    }

    #[test]
    fn d2_it_is_kept_over_lives_and_what_is_broken_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carpus.sock.standing");
        let kept = || KeptStanding::new(BootFile::new(path.clone()));
        assert_eq!(kept().load(), None);
        kept().keep(standing());
        assert_eq!(kept().load(), Some(standing()));
        std::fs::write(&path, "broken").unwrap();
        assert_eq!(kept().load(), None);
    }

    #[test]
    fn d2_what_could_not_be_written_is_written_with_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later").join("standing");
        let mut kept = KeptStanding::new(BootFile::new(path.clone()));
        kept.keep(standing());
        std::fs::create_dir(folder.path().join("later")).unwrap();
        kept.keep(standing());
        assert_eq!(kept.load(), Some(standing()));
    }
}
