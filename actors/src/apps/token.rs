//! Launch tokens: what an app shows to say which app it is.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};

/// Random bytes in a token: enough that guessing one is out of question.
const TOKEN_BYTES: usize = 16;

/// A token that nobody can guess, as hexadecimal digits.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn tokens_differ_and_have_a_fixed_length() {
        let (one, other) = (super::random().unwrap(), super::random().unwrap());
        assert_eq!(one.len(), 2 * super::TOKEN_BYTES);
        assert_ne!(one, other);
    }
}
