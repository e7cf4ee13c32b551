//! What straps say in words: anyone in reach of the radio chooses them, and people read them.

use carpus_devices::bluetooth::Advertisement;

use super::strap::Information;

/// The longest name of a device in bytes (Bluetooth Core, Vol. 3, Part C, 3.2.2); the other words a strap has of itself
/// are held to it too.
const WORDS_BYTES_MAX: usize = 248;

/// The words without what would upset a terminal or a log, and no longer than a name may be; none where nothing is left.
pub(super) fn plain(words: &str) -> Option<String> {
    let is_odd = |char: char| char.is_control() || is_bidirectional(char);
    let kept = &words[..words.floor_char_boundary(WORDS_BYTES_MAX)];
    let kept = kept.replace(is_odd, " ").trim().to_owned();
    (!kept.is_empty()).then_some(kept)
}

/// Marks that let text run the other way (Unicode Standard Annex 9), over what stands beside it.
const fn is_bidirectional(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn plain_advertisement(seen: Advertisement) -> Advertisement {
    Advertisement { name: seen.name.as_deref().and_then(plain), ..seen }
}

pub(super) fn plain_information(information: Information) -> Information {
    Information {
        manufacturer: information.manufacturer.as_deref().and_then(plain),
        model: information.model.as_deref().and_then(plain),
        ..information
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_longest_is_kept_and_a_longer_one_is_cut_between_characters() {
        let longest = "a".repeat(WORDS_BYTES_MAX);
        assert_eq!(plain(&longest), Some(longest.clone()));
        assert_eq!(plain(&(longest.clone() + "b")), Some(longest));
        let cut = plain(&"ä€".repeat(100)).unwrap();
        assert!((WORDS_BYTES_MAX - 3..=WORDS_BYTES_MAX).contains(&cut.len()), "{}", cut.len());
        assert!("ä€".repeat(100).starts_with(&cut));
    }

    #[test]
    fn what_would_upset_a_terminal_is_taken_out() {
        assert_eq!(plain("Chest\u{1b}[2J\r\nstrap\u{202e}"), Some("Chest [2J  strap".to_owned()));
        assert_eq!(plain("Gürtel 心率"), Some("Gürtel 心率".to_owned()));
        assert_eq!(plain("\u{7}\n "), None);
        assert_eq!(plain(""), None);
    }
}
