"""The runtime is killed while things go on: apps outlive it, and go on as if nothing had been (D2, D5, H3)."""

import pytest

from machine.waiting import wait_for

KILL = "systemctl kill --signal=KILL --kill-whom=main carpus.service"


def kill_and_wait(carpus, restarts: int = 1) -> None:
    """Kills the runtime, and waits until systemd's next one serves."""
    carpus.guest.run(KILL)
    wait_for(lambda: carpus.restarts() == restarts, 60, "systemd to start the runtime again")
    wait_for(lambda: carpus.guest.attempt("carpus status").returncode == 0, 60, "the runtime to answer")


def session_of(carpus, app: str) -> dict:
    [session] = [entry for entry in carpus.run("session list") if entry["app"] == app and entry["state"] == "running"]
    return session


@pytest.mark.restarts(1)
def test_a_session_and_its_app_outlive_the_runtime(carpus, radio, guest):
    belt = radio.strap("Belt A", "C0:00:00:00:00:0A")
    carpus.run(f"device add {belt.address}")
    belt.wait_until_subscribed(timeout_s=120)
    carpus.run("app open heart-rate")
    carpus.events.wait("did_start", app="heart-rate")
    belt.send(61, [1000])
    wait_for(lambda: any(" 61 bpm" in line for line in carpus.app_log("heart-rate")), 30, "the first heart rate")
    before, app = session_of(carpus, "heart-rate"), carpus.app("heart-rate")

    kill_and_wait(carpus)

    after = session_of(carpus, "heart-rate")
    assert (after["session"], after["expiration_ms"]) == (before["session"], before["expiration_ms"])
    assert carpus.app("heart-rate")["pid"] == app["pid"], "the app was not adopted"
    wait_for(lambda: carpus.app("heart-rate")["state"] == "active", 30, "the app to have found the runtime again")
    belt.wait_until_subscribed(timeout_s=120)

    def heard_again():
        belt.send(72, [833])
        return any(" 72 bpm" in line for line in carpus.app_log("heart-rate"))

    wait_for(heard_again, 60, "the heart rate to come to the same process")
    guest.run(f"test -d /proc/{app['pid']}")


@pytest.mark.restarts(1)
def test_a_suspended_app_stays_frozen(carpus, guest):
    carpus.run("app open smart-alarm")
    carpus.events.wait("app_state", app="smart-alarm", state="active")
    carpus.run("app open toothbrush")
    carpus.events.wait("app_state", app="smart-alarm", state="suspended")
    pid = carpus.app("smart-alarm")["pid"]

    def is_frozen():
        group = guest.run(f"cat /proc/{pid}/cgroup").strip().rpartition("::")[2]
        return guest.run(f"cat /sys/fs/cgroup{group}/cgroup.events").split()[-1] == "1"

    assert is_frozen()
    kill_and_wait(carpus)
    assert (carpus.app("smart-alarm")["state"], carpus.app("smart-alarm")["pid"]) == ("suspended", pid)
    assert is_frozen()


@pytest.mark.restarts(1)
def test_an_alarm_rings_on_and_the_motor_does_not_run_on(carpus, guest, motor):
    carpus.write_app_file("smart-alarm", "alarm", "wake_in_s = 8\nring = now\n")
    carpus.run("app open smart-alarm")
    scheduled = carpus.events.wait("alarm_scheduled", app="smart-alarm")
    carpus.events.wait("did_start", session=scheduled["session"])
    motor.wait_for_play(motor.mark(), timeout_s=60)

    before = motor.mark()
    guest.run(KILL)
    wait_for(lambda: carpus.restarts() == 1, 60, "systemd to start the runtime again")

    def is_still():
        """Whether each effect that was played has ended since."""
        records = [record["event"] for record in motor.records() if record["event"] in ("play", "stop")]
        return records and records[-1] == "stop"

    wait_for(is_still, 10, "the motor to be still")
    # Taken up again, the same session rings on, without the app being handed it anew.
    motor.wait_for_play(before, timeout_s=60)
    wait_for(lambda: [alarm for alarm in carpus.run("alarm list") if alarm["ringing"]], 60, "the alarm to ring on")
    carpus.run("alarm stop")
    wait_for(lambda: carpus.run("alarm list") == [], 30, "the alarm to be over")
    after = motor.mark()
    wait_for(is_still, 10, "the motor to be still")
    assert motor.plays(after) == []


@pytest.mark.long
def test_an_orderly_stop_ends_the_apps_of_a_runtime_that_adopted_them(carpus, guest):
    carpus.run("app open range-of-motion")
    carpus.events.wait("did_start", app="range-of-motion")
    pid = carpus.app("range-of-motion")["pid"]
    kill_and_wait(carpus)
    assert carpus.app("range-of-motion")["pid"] == pid
    guest.run("systemctl stop carpus.service")
    assert guest.attempt(f"test -d /proc/{pid}").returncode != 0, "the app outlived the end of the runtime"
    assert guest.attempt("pgrep -u carpus").stdout == "", "something was left behind"
    assert not any("left this group" in line for line in carpus.journal()), "the runtime did not end it itself"
    # Systemd counts restarts from the last start that was asked for.
    guest.run("systemctl start carpus.service")


@pytest.mark.long
@pytest.mark.restarts(1)
def test_systemd_starts_a_runtime_afresh_that_hangs(carpus, guest):
    """The watchdog is told only by a runtime that answers: one that stands still is killed, and the next one takes up."""
    guest.run(
        "mkdir -p /run/systemd/system/carpus.service.d && "
        "printf '[Service]\\nWatchdogSec=15s\\n' > /run/systemd/system/carpus.service.d/watchdog.conf && "
        "systemctl daemon-reload && systemctl restart carpus.service"
    )
    try:
        wait_for(lambda: guest.attempt("carpus status").returncode == 0, 60, "the runtime to answer")
        carpus.run("wrist up")
        carpus.run("app open range-of-motion")
        wait_for(lambda: carpus.run("session list"), 60, "the session to run")
        pid = carpus.app("range-of-motion")["pid"]
        guest.run("systemctl kill --signal=STOP --kill-whom=main carpus.service")
        wait_for(lambda: carpus.restarts() == 1, 120, "systemd to start the runtime again")
        wait_for(lambda: guest.attempt("carpus status").returncode == 0, 60, "the runtime to answer")
        assert carpus.app("range-of-motion")["pid"] == pid
    finally:
        guest.run("rm -r /run/systemd/system/carpus.service.d && systemctl daemon-reload")
