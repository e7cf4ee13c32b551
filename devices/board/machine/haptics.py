"""What each haptic sounds like, read from the built-in theme as its file holds it (`config/themes/default.toml`)."""

import tomllib

from machine.paths import PROJECT_DIR

THEME = PROJECT_DIR / "config" / "themes" / "default.toml"


def tones(haptic: str) -> list[int]:
    """The frequencies of a haptic's tones in hertz, in the order in which they sound; rests are left out."""
    theme = tomllib.loads(THEME.read_text())
    frequencies = [tone["frequency_hz"] for tone in theme[haptic]["tones"]]
    return [frequency for frequency in frequencies if frequency != 0]
