//! How the board fares: the charge of its battery, and how hot it is.

/// What is known of the board at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The charge of the battery in percent, 0 to 100; none where there is no battery, where it cannot be read, and
    /// while external power comes in: what is plugged in need not save its charge.
    pub battery_percent: Option<u8>,
    /// The temperature of the hottest part that is measured, in thousandths of a degree Celsius; none where nothing
    /// measures it.
    pub temperature_mdegc: Option<i32>,
}

/// Reads how the board fares.
pub trait BoardConditions: Send + Sync {
    /// The conditions now. What cannot be read is not known; that is no error, since many boards have no battery.
    /// It may block for a moment: call it on a thread that may.
    fn read(&self) -> Conditions;

    /// Where the readings come from, for people: `"battery BAT0, 2 thermal zones"`. It may block as well.
    fn describe(&self) -> String;
}
