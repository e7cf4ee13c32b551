//! What the user grants the apps of what they ask for (M5).

use std::collections::{BTreeMap, BTreeSet};

use carpus_config::manifest::BluetoothProfile;
use carpus_core::AppId;
use tokio::sync::watch;

/// What one app asks of the straps, and what the user grants of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// What its manifest asks for, in the order of the file.
    pub asked: Vec<BluetoothProfile>,
    /// What the user grants. Only what is asked for too can be used.
    pub granted: BTreeSet<BluetoothProfile>,
}

impl Access {
    /// Whether it may read the data of a profile.
    pub(crate) fn allows(&self, profile: BluetoothProfile) -> bool {
        self.asked.contains(&profile) && self.granted.contains(&profile)
    }
}

/// Why an app may not read the data of a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotGranted {
    /// Its manifest does not ask.
    #[error(
        "{app} does not ask for the straps' {profile}; write bluetooth = [\"{profile}\"] below [permissions] in its \
         app.toml, and install it again (rule M5)"
    )]
    NotAsked {
        /// The app.
        app: AppId,
        /// The profile.
        profile: BluetoothProfile,
    },
    /// The user said no, or took it back.
    #[error(
        "the user does not grant {app} the straps' {profile}; `carpus app rights {app} --bluetooth {profile}` does \
         (rule M5)"
    )]
    Refused {
        /// The app.
        app: AppId,
        /// The profile.
        profile: BluetoothProfile,
    },
}

/// Why what the user says about an app cannot stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadConsent {
    /// It asks for more than it was granted, and the user was not asked.
    #[error("it asks for more than it was granted")]
    Needed,
    /// What it does not ask for cannot be granted.
    #[error("it does not ask for {profile}; {}", asks_for(asked))]
    NotAsked {
        /// What was granted.
        profile: BluetoothProfile,
        /// What it asks for.
        asked: Vec<BluetoothProfile>,
    },
}

fn asks_for(asked: &[BluetoothProfile]) -> String {
    let names: Vec<_> = asked.iter().map(|profile| profile.as_str()).collect();
    if names.is_empty() {
        "it asks for nothing".to_owned()
    } else {
        format!("it asks for {}", names.join(", "))
    }
}

/// What an app is granted that asks for `asked`: what the user says now, or what they granted before, if that is all
/// that it asks for.
///
/// # Errors
/// When the user has to be asked, or grants what is not asked for.
pub(crate) fn consent(
    asked: &[BluetoothProfile],
    before: &BTreeSet<BluetoothProfile>,
    said: Option<&[BluetoothProfile]>,
) -> Result<BTreeSet<BluetoothProfile>, BadConsent> {
    let Some(said) = said else {
        let kept: BTreeSet<_> = asked.iter().copied().filter(|profile| before.contains(profile)).collect();
        let all = asked.iter().all(|profile| kept.contains(profile));
        return if all { Ok(kept) } else { Err(BadConsent::Needed) };
    };
    match said.iter().find(|profile| !asked.contains(profile)) {
        Some(profile) => Err(BadConsent::NotAsked { profile: *profile, asked: asked.to_vec() }),
        None => Ok(said.iter().copied().collect()),
    }
}

/// What is asked and granted, of all installed apps. Each clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Grants(watch::Sender<BTreeMap<AppId, Access>>);

impl Grants {
    /// For the installed apps, each with what it asks for, and what was kept of what was granted. What a later version
    /// of the runtime granted by a name that is not known here is left out.
    pub(crate) fn new(
        installed: impl IntoIterator<Item = (AppId, Vec<BluetoothProfile>)>,
        kept: Vec<(AppId, Vec<String>)>,
    ) -> Self {
        let mut kept: BTreeMap<_, _> = kept.into_iter().collect();
        let access = installed.into_iter().map(|(app, asked)| {
            let names = kept.remove(&app).unwrap_or_default();
            let granted = names.iter().filter_map(|name| name.parse().ok()).collect();
            (app, Access { asked, granted })
        });
        Self(watch::Sender::new(access.collect()))
    }

    /// What the app asks for and is granted; nothing for one that is not installed.
    pub(crate) fn of(&self, app: &AppId) -> Access {
        self.0.borrow().get(app).cloned().unwrap_or_default()
    }

    /// From now on.
    pub(crate) fn set(&self, app: AppId, access: Access) {
        self.0.send_modify(|all| {
            all.insert(app, access);
        });
    }

    /// The app was removed.
    pub(crate) fn forget(&self, app: &AppId) {
        self.0.send_modify(|all| {
            all.remove(app);
        });
    }

    /// Whether the app may read the data of a profile.
    ///
    /// # Errors
    /// When it does not ask for it, or the user does not grant it.
    pub(crate) fn check(&self, app: &AppId, profile: BluetoothProfile) -> Result<(), NotGranted> {
        let access = self.of(app);
        let app = app.clone();
        if access.allows(profile) {
            Ok(())
        } else if access.asked.contains(&profile) {
            Err(NotGranted::Refused { app, profile })
        } else {
            Err(NotGranted::NotAsked { app, profile })
        }
    }

    /// Waits until the app may no longer read the data of a profile; at once when it may not now.
    pub(crate) async fn withdrawn(&self, app: &AppId, profile: BluetoothProfile) -> NotGranted {
        let mut changes = self.0.subscribe();
        loop {
            if let Err(refused) = self.check(app, profile) {
                return refused;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await; // never: we hold the sender
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BluetoothProfile::{Battery, HeartRate};
    use super::*;

    fn app(name: &str) -> AppId {
        AppId::parse(name).unwrap()
    }

    fn set<const N: usize>(profiles: [BluetoothProfile; N]) -> BTreeSet<BluetoothProfile> {
        profiles.into()
    }

    #[test]
    fn m5_nothing_is_granted_unless_the_user_said_so() {
        assert_eq!(consent(&[], &set([]), None), Ok(set([])), "who asks for nothing needs no consent");
        assert_eq!(consent(&[HeartRate], &set([]), None), Err(BadConsent::Needed));
        assert_eq!(consent(&[HeartRate], &set([]), Some(&[])), Ok(set([])));
        assert_eq!(consent(&[HeartRate, Battery], &set([]), Some(&[Battery])), Ok(set([Battery])));
        let not_asked = BadConsent::NotAsked { profile: Battery, asked: vec![HeartRate] };
        assert_eq!(not_asked.to_string(), "it does not ask for battery; it asks for heart-rate");
        assert_eq!(consent(&[HeartRate], &set([]), Some(&[HeartRate, Battery])), Err(not_asked));
    }

    #[test]
    fn m5_an_update_keeps_what_was_granted_and_asks_anew_for_more() {
        let before = set([HeartRate]);
        assert_eq!(consent(&[HeartRate], &before, None), Ok(set([HeartRate])));
        assert_eq!(consent(&[], &before, None), Ok(set([])), "what is asked for no more is granted no more");
        assert_eq!(consent(&[HeartRate, Battery], &before, None), Err(BadConsent::Needed));
        assert_eq!(consent(&[Battery], &before, None), Err(BadConsent::Needed));
        assert_eq!(consent(&[HeartRate], &before, Some(&[])), Ok(set([])), "what is said now counts");
    }

    #[test]
    fn m5_what_was_kept_counts_for_what_is_asked_and_no_other_app() {
        let kept = vec![
            (app("asks"), vec!["heart-rate".to_owned(), "from-the-future".to_owned()]),
            (app("asks-no-more"), vec!["heart-rate".to_owned()]),
            (app("gone"), vec!["heart-rate".to_owned()]),
        ];
        let installed = [
            (app("asks"), vec![HeartRate, Battery]),
            (app("asks-no-more"), vec![]),
            (app("new"), vec![HeartRate]),
        ];
        let grants = Grants::new(installed, kept);
        let refused =
            |name: &str, profile| grants.check(&app(name), profile).map_err(|error| error.to_string());
        assert_eq!(refused("asks", HeartRate), Ok(()));
        let said = refused("asks", Battery).unwrap_err();
        assert!(said.contains("`carpus app rights asks --bluetooth battery`"), "{said}");
        assert!(refused("new", HeartRate).unwrap_err().contains("does not grant new"));
        for name in ["asks-no-more", "gone"] {
            let said = refused(name, HeartRate).unwrap_err();
            assert!(said.contains("write bluetooth = [\"heart-rate\"] below [permissions]"), "{said}");
        }
    }

    #[tokio::test]
    async fn m5_whoever_reads_is_told_that_the_grant_is_gone() {
        let access = Access { asked: vec![HeartRate], granted: set([HeartRate]) };
        let grants = Grants::new([], Vec::new());
        for take_away in [
            |grants: &Grants, app: &AppId| grants.forget(app),
            |grants: &Grants, app: &AppId| {
                grants.set(app.clone(), Access { granted: BTreeSet::new(), ..grants.of(app) });
            },
        ] {
            grants.set(app("reads"), access.clone());
            let (reader, shared) = (app("reads"), grants.clone());
            let reading = tokio::spawn(async move { shared.withdrawn(&reader, HeartRate).await });
            tokio::task::yield_now().await;
            grants.set(app("other"), access.clone()); // another app's is no news
            tokio::task::yield_now().await;
            assert!(!reading.is_finished());
            take_away(&grants, &app("reads"));
            assert!(reading.await.is_ok());
        }
    }
}
