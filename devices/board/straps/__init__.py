"""Straps for the virtual board: heart-rate peripherals on the host, driven by tests or by a person.

    with Radio(socket) as radio:
        strap = radio.strap("Belt A", "C0:00:00:00:00:0A")
        strap.wait_until_subscribed(timeout_s=30)
        strap.send(bpm=72, rr_1024=[853])

A `Radio` is the air: the controller that the guest's BlueZ uses, and the straps around it.
"""

from straps.measurement import heart_rate_measurement
from straps.radio import Radio, Strap

__all__ = ["Radio", "Strap", "heart_rate_measurement"]
