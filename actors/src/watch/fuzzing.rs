//! The reader of how the watch stood, for a fuzzer: whatever the bytes are, it does not panic.

use super::standing::{of_standing, to_standing};

/// How a watch stood; whether it can be read. What was read is written and read again, and must be the same.
pub fn standing(bytes: &[u8]) -> bool {
    let read = |text: &str| to_standing(text).ok();
    let Some(standing) = std::str::from_utf8(bytes).ok().and_then(read) else { return false };
    assert_eq!(read(&of_standing(&standing)).as_ref(), Some(&standing));
    true
}
