//! The theme of the haptics: the built-in one, or a user's file (H1).

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use carpus_actors::report::DeviceProblem;
use carpus_config::theme::{self, Part, ThemeFile, ThemePattern};
use carpus_config::{AutoOr, ConfigError, Position};
use carpus_core::Haptic;
use carpus_core::haptics::{BadPattern, BadTheme, Pattern, Step, Theme, Tone, check_steps, check_tones};

/// The part of the runtime that a problem with the theme is about.
const PART: &str = "theme";

const REMEDY: &str = "correct the file, or haptics.theme in the settings, and start carpusd again; \
                      until then the built-in theme plays";

/// The most problems of a theme that are logged: a file with more was not written as a theme.
const LOGGED_MAX: usize = 16;

/// The theme that the settings name. A file that cannot be used leaves the built-in theme, and its problem; each of
/// its mistakes is logged.
pub(crate) fn load(setting: &AutoOr<PathBuf>) -> (Theme, Option<DeviceProblem>) {
    let Some(path) = setting.named() else { return (Theme::default(), None) };
    match read(path) {
        Ok(theme) => {
            tracing::info!("haptics: the theme is {}", path.display());
            (theme, None)
        }
        Err(error) => (Theme::default(), Some(problem(&error))),
    }
}

fn read(path: &Path) -> Result<Theme, ConfigError> {
    judge(ThemeFile::read(path))
}

fn problem(error: &ConfigError) -> DeviceProblem {
    for problem in error.problems().iter().take(LOGGED_MAX) {
        tracing::warn!(part = PART, "{problem}");
    }
    tracing::warn!(part = PART, "{REMEDY}");
    DeviceProblem { part: PART, what: first_and_count(error), remedy: REMEDY.to_owned() }
}

/// On one line, as what is wrong with a device is.
fn first_and_count(error: &ConfigError) -> String {
    let first = error.problems().first().map(ToString::to_string).unwrap_or_default();
    match error.problems().len().saturating_sub(1) {
        0 => first,
        more => format!("{first}; and {more} more, which the log tells"),
    }
}

/// What the rules say to a theme file.
fn judge(file: ThemeFile) -> Result<Theme, ConfigError> {
    let said = file.patterns().to_vec();
    let mut draft = Draft { file, built_in: Theme::default(), places: Vec::new(), unclear: Vec::new() };
    let patterns: Vec<(Haptic, Pattern)> =
        said.into_iter().filter_map(|pattern| draft.pattern(pattern)).collect();
    let theme = Theme::new(patterns).unwrap_or_else(|bad| {
        draft.refuse_alike(&bad);
        Theme::default()
    });
    draft.file.finish().map(|()| theme)
}

struct Draft {
    file: ThemeFile,
    built_in: Theme,
    /// Where the steps of a type stand.
    places: Vec<(Haptic, Position)>,
    /// Types whose steps are refused: nobody knows yet what they will feel like.
    unclear: Vec<Haptic>,
}

impl Draft {
    /// What the file makes of a type. What is refused has the built-in one in its place, so that the rest is judged.
    fn pattern(&mut self, said: ThemePattern) -> Option<(Haptic, Pattern)> {
        let haptic = Haptic::ALL.into_iter().find(|haptic| haptic.name() == said.haptic)?;
        if let Part::Given { position, .. } = &said.steps {
            self.places.push((haptic, position.clone()));
        }
        let built_in = self.built_in.pattern(haptic).clone();
        let steps = self.part(haptic, "steps", said.steps, step, check_steps);
        let tones = self.part(haptic, "tones", said.tones, tone, check_tones);
        if let Judged::Refused = steps {
            self.unclear.push(haptic);
        }
        let steps = steps.or(built_in.steps());
        let tones = tones.or(built_in.tones());
        Some((haptic, Pattern::new(steps, tones).ok()?))
    }

    fn part<F, T>(
        &mut self,
        haptic: Haptic,
        key: &str,
        said: Part<F>,
        convert: fn(&F) -> T,
        check: fn(&[T]) -> Result<(), BadPattern>,
    ) -> Judged<T> {
        let (items, position) = match said {
            Part::LeftOut => return Judged::LeftOut,
            Part::Refused => return Judged::Refused,
            Part::Given { items, position } => (items, position),
        };
        let items: Vec<T> = items.iter().map(convert).collect();
        match check(&items) {
            Ok(()) => Judged::Good(items),
            Err(bad) => {
                self.file.refuse(format!("{}.{key}", haptic.name()), position, bad);
                Judged::Refused
            }
        }
    }

    /// Blames, of two types that feel the same, the one that the file names later; each once.
    fn refuse_alike(&mut self, bad: &BadTheme) {
        let mut blamed_types = Vec::new();
        for [first, second] in &bad.alike {
            if self.unclear.contains(first) || self.unclear.contains(second) {
                continue;
            }
            let (blamed, other) = match self.line(*first) > self.line(*second) {
                true => (*first, *second),
                false => (*second, *first),
            };
            let Some(position) = self.place(blamed).cloned() else { continue };
            if blamed_types.contains(&blamed) {
                continue;
            }
            blamed_types.push(blamed);
            let place = self.line(other).map_or("built in".to_owned(), |line| format!("line {line}"));
            let reason = format!(
                "feels the same as {}.steps ({place}); no two haptics may feel the same",
                other.name()
            );
            self.file.refuse(format!("{}.steps", blamed.name()), position, reason);
        }
    }

    fn place(&self, haptic: Haptic) -> Option<&Position> {
        self.places.iter().find(|(of, _)| *of == haptic).map(|(_, position)| position)
    }

    fn line(&self, haptic: Haptic) -> Option<usize> {
        self.place(haptic)?.line
    }
}

/// Steps or tones, as the rules see them.
enum Judged<T> {
    Good(Vec<T>),
    LeftOut,
    Refused,
}

impl<T: Clone> Judged<T> {
    fn or(self, built_in: &[T]) -> Vec<T> {
        match self {
            Self::Good(items) => items,
            Self::LeftOut | Self::Refused => built_in.to_vec(),
        }
    }
}

fn step(said: &theme::Step) -> Step {
    // More than a byte holds is more than the rules allow, too.
    let strength_percent = u8::try_from(said.strength.get()).unwrap_or(u8::MAX);
    Step { strength_percent, length: said.length, pause: said.pause }
}

fn tone(said: &theme::Tone) -> Tone {
    Tone { frequency_hz: said.frequency_hz, length: said.length }
}
