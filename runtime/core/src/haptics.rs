//! Haptics (H1): the fourteen types, what each feels and sounds like, and how one follows another (H2, H3).

mod built_in;
mod pattern;
mod sequencer;
#[cfg(test)]
mod tests;
mod theme;

pub use self::pattern::{
    BadPattern, FREQUENCY_MAX_HZ, FREQUENCY_MIN_HZ, PATTERN_LENGTH_MAX, Pattern, STEP_LENGTH_MIN, STEPS_MAX,
    STRENGTH_MAX_PERCENT, Step, TONE_LENGTH_MIN, TONES_MAX, TURNING_LENGTH_MAX, Tone, check_steps,
    check_tones,
};
pub use self::sequencer::{DUTY_RESERVE, HAPTIC_GAP, Output, Sequencer};
pub use self::theme::{BadTheme, Theme};

/// The types of haptic (H1). Their numbers are WatchKit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Haptic {
    /// 0
    Notification = 0,
    /// 1
    DirectionUp = 1,
    /// 2
    DirectionDown = 2,
    /// 3
    Success = 3,
    /// 4
    Failure = 4,
    /// 5
    Retry = 5,
    /// 6
    Start = 6,
    /// 7
    Stop = 7,
    /// 8
    Click = 8,
    /// 9
    NavigationLeftTurn = 9,
    /// 10
    NavigationRightTurn = 10,
    /// 11
    NavigationGenericManeuver = 11,
    /// 12
    UnderwaterDepthPrompt = 12,
    /// 13
    UnderwaterDepthCriticalPrompt = 13,
}

impl Haptic {
    /// Every type, by number.
    pub const ALL: [Self; 14] = [
        Self::Notification,
        Self::DirectionUp,
        Self::DirectionDown,
        Self::Success,
        Self::Failure,
        Self::Retry,
        Self::Start,
        Self::Stop,
        Self::Click,
        Self::NavigationLeftTurn,
        Self::NavigationRightTurn,
        Self::NavigationGenericManeuver,
        Self::UnderwaterDepthPrompt,
        Self::UnderwaterDepthCriticalPrompt,
    ];

    /// The type's number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The type's name as the rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::DirectionUp => "direction-up",
            Self::DirectionDown => "direction-down",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Retry => "retry",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Click => "click",
            Self::NavigationLeftTurn => "navigation-left-turn",
            Self::NavigationRightTurn => "navigation-right-turn",
            Self::NavigationGenericManeuver => "navigation-generic-maneuver",
            Self::UnderwaterDepthPrompt => "underwater-depth-prompt",
            Self::UnderwaterDepthCriticalPrompt => "underwater-depth-critical-prompt",
        }
    }
}
