"""The board's motor and keys, by what `carpus-board-motor` logs of them in the guest."""

import json

from machine.guest import Guest
from machine.waiting import wait_for

LOG = "/var/log/carpus-board/motor.jsonl"


class Motor:
    def __init__(self, guest: Guest):
        self.guest = guest

    def mark(self) -> int:
        """The place up to which has been logged, to look from there on."""
        return len(self.records())

    def records(self, since: int = 0) -> list[dict]:
        """What happened since a mark, oldest first: see the records in `motor/src/log.rs`."""
        text = self.guest.attempt(f"cat {LOG}").stdout
        return [json.loads(line) for line in text.splitlines()][since:]

    def plays(self, since: int = 0) -> list[dict]:
        """The effects that moved the motor since a mark."""
        return [record for record in self.records(since) if record["event"] == "play"]

    def wait_for_play(self, since: int, timeout_s: float) -> list[dict]:
        """Waits until the motor moved since a mark."""
        return wait_for(lambda: self.plays(since), timeout_s, "the motor to move")

    def press(self, key: str) -> None:
        """Presses a key of the board: `crown`, `side-button`, `stop` or `snooze`."""
        self.guest.run(f"carpus-board-motor press {key}")
