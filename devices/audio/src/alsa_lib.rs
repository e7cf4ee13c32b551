//! What must be asked of ALSA itself.

use std::cell::RefCell;
use std::rc::Rc;

use alsa::pcm::PCM;
use alsa::{Direction, Output};

/// What ALSA calls its null device when it describes a chain of plugins.
const NULL_PCM: &str = "Null PCM";

/// Holds back what ALSA would print on the standard error of this thread, as it does for each device that it
/// cannot open, and logs it instead.
pub(crate) struct Hushed(Option<Rc<RefCell<Output>>>);

impl Hushed {
    pub(crate) fn start() -> Self {
        Self(Output::local_error_handler().ok())
    }
}

impl Drop for Hushed {
    fn drop(&mut self) {
        let Some(output) = &self.0 else { return };
        let text = output.borrow().to_string();
        for line in text.lines().filter(|line| !line.is_empty()) {
            tracing::debug!("ALSA: {line}");
        }
        // A fresh buffer takes what comes later, so that this one does not grow over the months.
        drop(Output::local_error_handler());
    }
}

/// Whether `name` is, or leads to, the device that swallows all sound.
pub(crate) fn leads_to_null(name: &str) -> bool {
    let describe = || -> alsa::Result<String> {
        let pcm = PCM::new(name, Direction::Playback, true)?;
        let mut output = Output::buffer_open()?;
        pcm.dump(&mut output)?;
        Ok(output.to_string())
    };
    describe().is_ok_and(|text| text.contains(NULL_PCM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_null_device_is_found_behind_plugins_too() {
        let _hushed = Hushed::start();
        assert!(leads_to_null("null"));
        assert!(leads_to_null("plug:null"));
        assert!(!leads_to_null("no-such-device"));
    }
}
