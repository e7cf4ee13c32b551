"""What the board's speaker played: the WAV file that QEMU writes while a sound plays."""

import math
import struct
from pathlib import Path

# As `qemu.py` asks for it.
RATE_HZ = 44_100
CHANNELS = 2
BYTES_PER_FRAME = 2 * CHANNELS
HEADER_BYTES = 44
FULL_SCALE = 32_768
# Long enough to tell tones 20 Hz apart, short enough to lie within a short sound.
WINDOW_S = 0.1


class Speaker:
    """The WAV file, whose header QEMU completes only at its end: the samples are read as they lie."""

    def __init__(self, path: Path):
        self.path = path

    def mark(self) -> int:
        """The place up to which has been played, to look from there on."""
        return max(0, self._bytes() - HEADER_BYTES) // BYTES_PER_FRAME

    def played_s(self, since: int = 0) -> float:
        """How much was played since a mark. The card is silent, and the file stands still, between sounds."""
        return (self.mark() - since) / RATE_HZ

    def loudest(self, frequency_hz: float, since: int = 0) -> float:
        """The amplitude of a frequency, of full scale, in the window in which it is loudest."""
        samples = self._samples(since)
        step = int(RATE_HZ * WINDOW_S)
        windows = [samples[start : start + step] for start in range(0, len(samples) - step + 1, step)]
        return max((amplitude(window, frequency_hz) for window in windows), default=0.0)

    def _bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _samples(self, since: int) -> tuple[int, ...]:
        """The left channel since a mark."""
        count = self.mark() - since
        with open(self.path, "rb") as file:
            file.seek(HEADER_BYTES + since * BYTES_PER_FRAME)
            data = file.read(count * BYTES_PER_FRAME)
        whole = len(data) // BYTES_PER_FRAME
        return struct.unpack(f"<{whole * CHANNELS}h", data[: whole * BYTES_PER_FRAME])[::CHANNELS]


def amplitude(samples: tuple[int, ...], frequency_hz: float) -> float:
    """The amplitude of a frequency in samples (Goertzel's filter), of full scale."""
    if not any(samples):
        return 0.0
    factor = 2 * math.cos(2 * math.pi * frequency_hz / RATE_HZ)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return 2 * math.sqrt(max(power, 0.0)) / len(samples) / FULL_SCALE


def tone(frequency_hz: float, seconds: float, level: float = 0.5) -> bytes:
    """A WAV file with a sine, to play in the guest."""
    count = int(seconds * RATE_HZ)
    turn = 2 * math.pi * frequency_hz / RATE_HZ
    samples = [int(level * (FULL_SCALE - 1) * math.sin(turn * index)) for index in range(count)]
    data = struct.pack(f"<{count}h", *samples)
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + shape + b"data" + struct.pack("<I", len(data)) + data
