"""What survives when power or the runtime is lost (A6, A7, D2)."""

import os
import random
import re
import threading
import time

import pytest

from machine.carpus import STATE
from machine.install import install_app
from machine.waiting import wait_for

# How often the power fails while an alarm is being scheduled.
POWER_CUTS = int(os.environ.get("CARPUS_BOARD_POWER_CUTS", "20"))
PROMISE = re.compile(r"promised (?P<session>\d+) at (?P<at_ms>\d+)")

# So far away that nothing is due before the loss.
WAKE_IN_S = 45


def schedule(carpus) -> int:
    """Lets the app schedule its alarm, and returns its session once the app has the answer."""
    carpus.write_app_file("smart-alarm", "alarm", f"wake_in_s = {WAKE_IN_S}\nring = now\n")
    carpus.guest.run("sync")
    carpus.run("app open smart-alarm")
    wait_for(lambda: f"scheduled in {WAKE_IN_S} s" in carpus.app_log("smart-alarm"), 60, "the alarm to be taken")
    [alarm] = carpus.run("alarm list")
    assert alarm["state"] == "scheduled"
    return alarm["session"]


def rings_until_stopped(carpus, session: int) -> None:
    def ringing():
        return [alarm for alarm in carpus.run("alarm list") if alarm["ringing"]]

    [alarm] = wait_for(ringing, 120, "the alarm to ring")
    assert alarm["session"] == session
    carpus.run("alarm stop")
    wait_for(lambda: carpus.run("alarm list") == [], 30, "the alarm to be over")


def test_an_alarm_that_was_acknowledged_rings_after_a_power_loss(carpus, board):
    session = schedule(carpus)
    board.restart_after_power_loss()
    rings_until_stopped(carpus, session)


@pytest.mark.restarts(1)
def test_an_alarm_rings_although_the_runtime_was_killed(carpus, guest):
    session = schedule(carpus)
    guest.run("systemctl kill --signal=KILL --kill-whom=main carpus.service")
    wait_for(lambda: carpus.restarts() == 1, 60, "systemd to start the runtime again")
    wait_for(lambda: guest.attempt("carpus status").returncode == 0, 60, "the runtime to answer")
    rings_until_stopped(carpus, session)


class Promises:
    """What the app that moves its alarm was promised, as far as its words reached the host."""

    def __init__(self, guest):
        self.process = guest.follow(f"tail -n +1 -F {STATE}/logs/restless-alarm.log 2>/dev/null")
        self.last: tuple[int, int] | None = None
        self.count = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if promise := PROMISE.fullmatch(line.strip()):
                self.last = (int(promise["session"]), int(promise["at_ms"]))
                self.count += 1

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self._reader.join()


@pytest.mark.long
def test_a_promised_alarm_stands_after_each_power_cut(carpus, board, guest):
    """Power fails while the app moves its alarm, many times a second: what the app was promised last stands, or what
    it asked for after that."""
    install_app(guest, "carpus-chaos", "restless-alarm", "alarm")
    seed = int(os.environ.get("CARPUS_BOARD_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    print(f"seed {seed}")
    for cut in range(POWER_CUTS):
        guest.run(f"rm -f {STATE}/logs/restless-alarm.log")
        promises = Promises(guest)
        carpus.run("wrist up")
        carpus.run("app open restless-alarm")
        wait_for(lambda: promises.count >= 3, 90, "the first promises")
        time.sleep(chance.uniform(0.0, 1.5))
        board.restart_after_power_loss()
        promises.close()
        wait_for(lambda: guest.attempt("carpus status").returncode == 0, 60, "the runtime to answer")
        [alarm] = carpus.run("alarm list")
        session, at_ms = promises.last
        print(f"cut {cut}: {promises.count} promises, the last {session} at {at_ms}; kept {alarm}")
        assert alarm["state"] == "scheduled"
        assert (alarm["session"], alarm["at_ms"]) >= (session, at_ms), "an older alarm came back"
        assert alarm["at_ms"] - at_ms <= 5_000, "an alarm that nobody asked for"
    print(f"{POWER_CUTS} power cuts, no promised alarm lost")
