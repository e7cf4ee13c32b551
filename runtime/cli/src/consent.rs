//! What an app asks for is granted by the person who installs it, and by nobody else.

use std::io::{self, IsTerminal as _, Write as _};
use std::str::FromStr;

use carpus_protocol::apps::{AppInfo, BluetoothProfile, Error, Install};

use crate::connection::{Runtime, refused};
use crate::failure::Failure;
use crate::output::Output;

/// How the person answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// This is granted, and nothing else.
    Given(Vec<BluetoothProfile>),
    /// Whatever it asks for.
    All,
    /// They are asked, if they can be.
    Ask,
}

/// Profiles on the command line: names with commas between, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profiles(pub(crate) Vec<BluetoothProfile>);

impl FromStr for Profiles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let profiles = text.split(',').map(|name| name.trim().parse::<BluetoothProfile>());
        let profiles: Result<_, _> = profiles.collect();
        profiles.map(Self).map_err(|unknown| format!("{unknown}; or none"))
    }
}

/// Installs the app in a folder. One that asks for more than it was granted is installed with the person's consent, to
/// exactly what they were told.
pub(crate) async fn install(
    folder: String,
    consent: Consent,
    runtime: &Runtime,
    output: &Output,
) -> Result<AppInfo, Failure> {
    let given = match &consent {
        Consent::Given(profiles) => Some(profiles.clone()),
        Consent::All | Consent::Ask => None,
    };
    let first = runtime.try_call(Install { folder: folder.clone(), bluetooth: given }).await?;
    let needed = match first {
        Ok(installed) => return Ok(installed.app),
        Err(needed) => needed,
    };
    let Error::ConsentNeeded { name, version, bluetooth, .. } = &needed else { return Err(refused(&needed)) };
    if consent != Consent::All {
        if output.is_json() || !io::stdin().is_terminal() {
            return Err(refused(&needed).remedy(flags(bluetooth)));
        }
        ask(&format!("{name} {version}"), bluetooth)?;
    }
    let said = Install { folder, bluetooth: Some(bluetooth.clone()) };
    runtime.try_call(said).await?.map(|installed| installed.app).map_err(|refusal| refused(&refusal))
}

/// What to write where nobody can be asked.
fn flags(asked: &[BluetoothProfile]) -> String {
    let names: Vec<_> = asked.iter().map(|profile| profile.name()).collect();
    format!("`--grant {}` grants that, `--grant none` installs it without", names.join(","))
}

fn ask(app: &str, asked: &[BluetoothProfile]) -> Result<(), Failure> {
    let mut terminal = io::stderr();
    writeln!(terminal, "{app} asks to be told")?;
    for profile in asked {
        writeln!(terminal, "  {} ({profile})", meaning(*profile))?;
    }
    write!(terminal, "Install it, and grant that? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::refused(format!("{app} is not installed: you did not agree"))
        .remedy("`--grant none` installs it without"))
}

/// What a profile tells of its wearer.
const fn meaning(profile: BluetoothProfile) -> &'static str {
    match profile {
        BluetoothProfile::HeartRate => "each heartbeat that your straps measure",
        BluetoothProfile::Battery => "which straps you have, and how full their batteries are",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_written_with_commas() {
        let profiles = |text: &str| text.parse().map(|Profiles(profiles)| profiles);
        assert_eq!(profiles("heart-rate"), Ok(vec![BluetoothProfile::HeartRate]));
        let both = vec![BluetoothProfile::Battery, BluetoothProfile::HeartRate];
        assert_eq!(profiles("battery, heart-rate"), Ok(both));
        assert_eq!(profiles("none"), Ok(vec![]));
        for bad in ["", "heartrate", "heart-rate,none", "heart-rate,"] {
            let said = profiles(bad).unwrap_err();
            assert!(said.contains("heart-rate, battery; or none"), "{bad}: {said}");
        }
    }
}
