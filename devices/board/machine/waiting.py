"""Waiting for states, never for luck."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

# Each look may cost a command in an emulated guest.
POLL_S = 0.3


def wait_for(look: Callable[[], Answer], timeout_s: float, what: str) -> Answer:
    """Looks until there is something, and returns it."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(POLL_S)
