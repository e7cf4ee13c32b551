//! The bytes of each version of the protocol: each call, reply, event and refusal as it goes over the socket. A folder
//! `golden/vN` holds what version N added; what is in the folders before it stays as it was.
//!
//! If this test fails, do not change it, and do not change a file in `golden`: apps that were built with that version
//! send and expect exactly these bytes. Add a version beside it.
//!
//! A missing file is written anew with `CARPUS_GOLDEN=1`; a file that exists is never touched.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod frames;
mod operators;
mod session;

fn text(text: &str) -> String {
    text.to_owned()
}

/// The address of a strap.
const STRAP: &str = "C0:FF:EE:00:00:01";
