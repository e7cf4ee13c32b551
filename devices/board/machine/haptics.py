"""What each haptic sounds like, read from where the runtime has it: the table in `runtime/core/src/haptics`."""

import re

from machine.paths import PROJECT_DIR

SOURCES = PROJECT_DIR / "runtime" / "core" / "src"
HAPTICS = 14


def tones(haptic: str) -> list[int]:
    """The frequencies of a haptic's tones in hertz, in the order in which they sound; rests are left out."""
    text = "\n".join(path.read_text() for path in (SOURCES / "haptics.rs", SOURCES / "haptics" / "pattern.rs"))
    names = re.findall(r'Self::\w+ => "([a-z-]+)"', text)
    table = re.search(r"const PATTERNS.*?\n\];", text, re.DOTALL)
    patterns = re.findall(r"tones: &\[(.*?)\]", table.group(), re.DOTALL) if table else []
    if len(names) != HAPTICS or len(patterns) != HAPTICS:
        raise ValueError("the table of haptics has no longer the shape that this reads")
    frequencies = re.findall(r"tone\((\d+),", patterns[names.index(haptic)])
    return [int(frequency) for frequency in frequencies if frequency != "0"]
