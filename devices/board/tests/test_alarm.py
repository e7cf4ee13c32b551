"""An alarm whose app was killed: launched again when it is due, it rings until the user stops it (A4, N3, N4)."""

from machine.haptics import tones
from machine.waiting import wait_for

# Long enough for the app to be killed before; short enough to wait for.
WAKE_IN_S = 20


def test_the_alarm_of_a_killed_app_rings_until_it_is_stopped(carpus, guest, motor, speaker):
    events = carpus.events
    carpus.write_app_file("smart-alarm", "alarm", f"wake_in_s = {WAKE_IN_S}\nring = now\n")
    carpus.run("app open smart-alarm")
    scheduled = events.wait("alarm_scheduled", app="smart-alarm")
    killed_pid = carpus.app("smart-alarm")["pid"]
    guest.run(f"kill -9 {killed_pid}")
    events.wait("app_exited", app="smart-alarm")
    assert "pid" not in carpus.app("smart-alarm")
    [alarm] = carpus.run("alarm list")
    assert (alarm["session"], alarm["state"]) == (scheduled["session"], "scheduled")

    motor_before, sound_before = motor.mark(), speaker.mark()
    due = events.wait("alarm_due", session=scheduled["session"])
    assert due["at_ms"] == scheduled["at_ms"] <= due["time_ms"]
    events.wait("did_start", session=scheduled["session"])
    assert carpus.app("smart-alarm")["pid"] != killed_pid
    events.wait("alert_shown", session=scheduled["session"])

    # It rings again and again, on the motor and on the speaker.
    wait_for(lambda: len(events.all("haptic", haptic="notification")) >= 2, 60, "a second ring")
    motor.wait_for_play(motor_before, timeout_s=20)
    for frequency_hz in tones("notification"):
        wait_for(lambda: speaker.loudest(frequency_hz, sound_before) > 0.05, 20, f"{frequency_hz} Hz to be heard")

    carpus.run("alarm stop")
    end = events.wait("did_invalidate", session=scheduled["session"])
    assert (end["reason"], end["cause"]["name"]) == ("none", "user-stopped-alarm")
    events.wait("alert_cleared", session=scheduled["session"])
    assert carpus.run("alarm list") == []
    ended = [event for event in events.all("did_invalidate") if event["session"] == scheduled["session"]]
    assert len(ended) == 1
