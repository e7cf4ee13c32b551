//! Putting the layers together.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Config, Map, Value, ValueKind};

use crate::agreement;
use crate::document::Document;
use crate::layers::{Entry, Layer};
use crate::problem::{ConfigError, Origin, Problem, Reason};
use crate::rules::{PROFILE_KEY, RULES, Rule};
use crate::settings::Settings;
use crate::sources::Sources;
use crate::values::Profile;

/// The documented defaults, as TOML: every key with its meaning and range.
pub const DEFAULTS: &str = include_str!("../defaults.toml");

/// The settings, and where each of them came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    origins: BTreeMap<&'static str, Chosen>,
}

/// The value that won.
#[derive(Clone, Debug)]
struct Chosen {
    text: String,
    origin: Origin,
    /// A later value has a larger number.
    rank: usize,
}

impl Settings {
    /// Reads, layers and checks the settings: defaults, profile of the board, system files, user files,
    /// environment, flags; each above the one before.
    ///
    /// # Errors
    /// With everything that is wrong, in every layer, also where a layer above would have covered it.
    pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
        let defaults = built_in("defaults.toml", DEFAULTS, Origin::Default);
        let above = layers_above_profile(sources);
        let profile = chosen_profile(defaults.profile(), &above);
        let profile_layer = built_in(profile.as_str(), profile.toml(), Origin::Profile(profile));
        let mut entries = Vec::new();
        let mut problems = Vec::new();
        for layer in [defaults, profile_layer].into_iter().chain(above) {
            entries.push(layer.entries);
            problems.extend(layer.problems);
        }
        let loaded = match merge(entries) {
            Ok(loaded) => loaded,
            Err(error) => {
                problems.extend(error.into_problems());
                return Err(ConfigError::of(problems));
            }
        };
        let clashes = agreement::problems(&loaded).into_iter();
        let sure: Vec<Problem> = clashes.filter(|clash| is_sure(clash, &problems)).collect();
        problems.extend(sure);
        ConfigError::check(problems)?;
        Ok(loaded)
    }
}

impl Loaded {
    /// Where the value of a dotted key such as `session.will_expire_lead` came from; none for a key that
    /// there is not.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key).map(|chosen| &chosen.origin)
    }

    /// Every key in the order of the default file, with its value as TOML and where it came from.
    pub fn describe(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        RULES.iter().filter_map(|rule| {
            let chosen = self.origins.get(rule.key)?;
            Some((rule.key, chosen.text.as_str(), &chosen.origin))
        })
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.origins.get(key).map_or("", |chosen| &chosen.text)
    }

    pub(crate) fn rank(&self, key: &str) -> usize {
        self.origins.get(key).map_or(0, |chosen| chosen.rank)
    }
}

/// Whether a clash of two values is there whatever the refused values were meant to be. A refused value
/// leaves the one below it in force; the clash may be with that one only.
fn is_sure(clash: &Problem, problems: &[Problem]) -> bool {
    let Reason::Conflict(conflict) = &clash.reason else {
        return true;
    };
    problems.iter().all(|problem| {
        let key = problem.key.as_deref().unwrap_or_default();
        let of_other_key = ![PROFILE_KEY, conflict.other_key].contains(&key) && problem.key != clash.key;
        matches!(problem.reason, Reason::Value(_)) && Rule::find(key).is_some() && of_other_key
    })
}

fn built_in(name: &str, text: &str, origin: Origin) -> Layer {
    Layer::of_document(&Document::new(Path::new(name), text), |_| origin.clone())
}

fn layers_above_profile(sources: &Sources) -> Vec<Layer> {
    let mut layers: Vec<Layer> = sources
        .files()
        .into_iter()
        .map(|file| match file.and_then(|path| Document::read(&path)) {
            Ok(document) => Layer::of_document(&document, Origin::File),
            Err(error) => Layer::of_error(error),
        })
        .collect();
    layers.push(Layer::of_environment(&sources.env));
    layers.push(Layer::of_flags(&sources.flags));
    layers
}

/// The board that the highest layer names. A bad name is a problem already; then any board will do for
/// finding the others.
fn chosen_profile(default: Option<&str>, above: &[Layer]) -> Profile {
    let name = above.iter().rev().find_map(Layer::profile).or(default);
    name.and_then(|name| name.parse().ok()).unwrap_or(Profile::Desktop)
}

/// A layer as the layering library takes it. The origin that it keeps beside each value is the number of
/// the entry, by which ours is found again.
#[derive(Clone, Debug)]
struct NumberedLayer(Vec<(&'static str, Value)>);

impl config::Source for NumberedLayer {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }
}

fn merge(layers: Vec<Vec<Entry>>) -> Result<Loaded, ConfigError> {
    let mut origins = Vec::new();
    let mut builder = Config::builder();
    for layer in layers {
        let mut numbered = Vec::new();
        for Entry { key, value, origin } in layer {
            numbered.push((key, Value::new(Some(&origins.len().to_string()), value)));
            origins.push(origin);
        }
        builder = builder.add_source(NumberedLayer(numbered));
    }
    let merged = builder.build().map_err(internal)?;
    let origins = chosen_values(&merged.cache, &origins);
    let settings = merged.try_deserialize().map_err(internal)?;
    Ok(Loaded { settings, origins })
}

fn internal(error: config::ConfigError) -> ConfigError {
    ConfigError::one(Problem { origin: Origin::Default, key: None, reason: Reason::Internal(error) })
}

fn chosen_values(merged: &Value, origins: &[Origin]) -> BTreeMap<&'static str, Chosen> {
    let chosen = |key: &'static str| {
        let value = leaf(merged, key)?;
        let rank: usize = value.origin()?.parse().ok()?;
        Some((key, Chosen { text: as_toml(&value.kind), origin: origins.get(rank)?.clone(), rank }))
    };
    RULES.iter().filter_map(|rule| chosen(rule.key)).collect()
}

fn leaf<'a>(merged: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(merged, |value, name| match &value.kind {
        ValueKind::Table(table) => table.get(name),
        _ => None,
    })
}

fn as_toml(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String(text) => toml::Value::String(text.clone()).to_string(),
        ValueKind::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(|entry| as_toml(&entry.kind)).collect();
            format!("[{}]", entries.join(", "))
        }
        other => other.to_string(),
    }
}
