//! The readers of what lies on the disk, for a fuzzer: whatever the bytes are, none of them panics.

use carpus_core::SessionId;

use super::{grants, record, recurrence_record, salvage};

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The record of a session; whether it can be read. What was read is written and read again, and must be the same.
pub fn session(bytes: &[u8]) -> bool {
    let read = |text: &str| record::to_session(SessionId(7), "app", text).ok();
    let Some(session) = text(bytes).and_then(read) else { return false };
    assert_eq!(read(&record::of_session(&session)).as_ref(), Some(&session));
    true
}

/// An event; whether it can be read. What was read is written and read again, and must be the same.
pub fn event(bytes: &[u8]) -> bool {
    let read = |text: &str| record::to_event(text).ok();
    let Some(event) = text(bytes).and_then(read) else { return false };
    let again = record::of_event(&event).as_deref().and_then(read);
    assert_eq!(again.as_ref(), Some(&event));
    true
}

/// A recurrence; whether it can be read. What was read is written and read again, and must be the same.
pub fn recurrence(bytes: &[u8]) -> bool {
    let read = |text: &str| recurrence_record::to_recurrence("app", text).ok();
    let Some(recurrence) = text(bytes).and_then(read) else { return false };
    let again = recurrence_record::of_recurrence(&recurrence).as_deref().and_then(read);
    assert_eq!(again.as_ref(), Some(&recurrence));
    true
}

/// What an app was granted; whether it can be read.
pub fn grants(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| grants::to_profiles(text).is_ok())
}

/// The rows of a damaged database and its log; how many there are.
pub fn pages(database: &[u8], log: &[u8]) -> usize {
    salvage::read_everything(database, log)
}
