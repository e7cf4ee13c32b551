"""The Heart Rate Measurement characteristic (2A37), as the Heart Rate Service 1.0 lays it out."""

import struct
from collections.abc import Sequence

BPM_IS_16_BIT = 1 << 0
CONTACT_DETECTED = 1 << 1
CONTACT_SUPPORTED = 1 << 2
ENERGY_PRESENT = 1 << 3
RR_PRESENT = 1 << 4


def heart_rate_measurement(
    bpm: int,
    rr_1024: Sequence[int] = (),
    contact: bool | None = None,
    energy_kj: int | None = None,
) -> bytes:
    """One measurement. RR intervals are in 1/1024 s, oldest first; `contact` is None where the strap cannot tell."""
    flags = 0
    if contact is not None:
        flags |= CONTACT_SUPPORTED | (CONTACT_DETECTED if contact else 0)
    if bpm > 0xFF:
        flags |= BPM_IS_16_BIT
        body = struct.pack("<H", bpm)
    else:
        body = struct.pack("<B", bpm)
    if energy_kj is not None:
        flags |= ENERGY_PRESENT
        body += struct.pack("<H", energy_kj)
    if rr_1024:
        flags |= RR_PRESENT
        body += struct.pack(f"<{len(rr_1024)}H", *rr_1024)
    return bytes([flags]) + body
