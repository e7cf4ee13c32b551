//! The patterns of all types together (H1): the built-in ones, or a user's in their place.

use std::fmt;

use super::built_in::BUILT_IN;
use super::{Haptic, Pattern};

/// A pattern for each type, no two of which feel the same (H1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// By the number of the type.
    patterns: [Pattern; Haptic::ALL.len()],
}

/// Types that could not be told apart by touch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct BadTheme {
    /// Every two of them, the lower number first; at least one pair.
    pub alike: Vec<[Haptic; 2]>,
}

impl Default for Theme {
    /// The built-in theme.
    fn default() -> Self {
        let pattern =
            |(steps, tones): &(&[_], &[_])| Pattern { steps: steps.to_vec(), tones: tones.to_vec() };
        Self { patterns: BUILT_IN.each_ref().map(pattern) }
    }
}

impl Theme {
    /// The built-in theme with these patterns in place of its own. Of two for one type the later counts.
    ///
    /// # Errors
    /// When two types then feel the same.
    pub fn new(patterns: impl IntoIterator<Item = (Haptic, Pattern)>) -> Result<Self, BadTheme> {
        let mut theme = Self::default();
        for (haptic, pattern) in patterns {
            theme.patterns[usize::from(haptic.number())] = pattern;
        }
        let alike = theme.alike();
        if alike.is_empty() { Ok(theme) } else { Err(BadTheme { alike }) }
    }

    /// What `haptic` feels and sounds like.
    pub fn pattern(&self, haptic: Haptic) -> &Pattern {
        &self.patterns[usize::from(haptic.number())]
    }

    fn alike(&self) -> Vec<[Haptic; 2]> {
        let pairs = Haptic::ALL.into_iter().flat_map(|second| {
            Haptic::ALL.into_iter().take_while(move |first| *first < second).map(move |first| [first, second])
        });
        pairs.filter(|[first, second]| self.pattern(*first).feels_like(self.pattern(*second))).collect()
    }
}

impl fmt::Display for BadTheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, [first, second]) in self.alike.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(f, "{separator}{} feels like {}", second.name(), first.name())?;
        }
        Ok(())
    }
}
