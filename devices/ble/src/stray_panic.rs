//! The panic of bluez-async that means nothing. The crate's documentation tells the story.

use std::panic::{self, PanicHookInfo};
use std::sync::Once;

const CRATE: &str = "bluez-async";
const FILE: &str = "messagestream.rs";

/// Whether this is the panic in a worker task of bluez-async that means nothing. For a program that sets its
/// own panic hook after [`BluezRadio::new`](crate::BluezRadio::new).
pub fn is_stray_panic(panic: &PanicHookInfo<'_>) -> bool {
    panic.location().is_some_and(|location| is_stray_location(location.file()))
}

fn is_stray_location(file: &str) -> bool {
    file.contains(CRATE) && file.ends_with(FILE)
}

/// Puts the filter before the panic hook that is set now; once in a process.
pub(crate) fn filter() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if is_stray_panic(panic) {
                tracing::debug!("bluez-async found a D-Bus match of its own already removed");
            } else {
                next(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_that_one_place_is_held_back() {
        assert!(is_stray_location("/registry/src/index/bluez-async-0.9.0/src/messagestream.rs"));
        assert!(!is_stray_location("/registry/src/index/bluez-async-0.9.0/src/lib.rs"));
        assert!(!is_stray_location("devices/ble/src/messagestream.rs"));
    }
}
