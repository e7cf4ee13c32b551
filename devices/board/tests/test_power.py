"""What survives when power or the runtime is lost (A6, A7, D2)."""

import pytest

from machine.waiting import wait_for

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
