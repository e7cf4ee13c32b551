"""The board's buttons: the crown ends a frontmost session and leaves a background one running (T2, T3, L4)."""


def test_the_crown_ends_a_self_care_session(carpus, motor):
    carpus.run("app open toothbrush")
    start = carpus.events.wait("did_start", app="toothbrush")
    motor.press("crown")
    end = carpus.events.wait("did_invalidate", session=start["session"])
    assert (end["reason"], end["cause"]["name"]) == ("resigned-frontmost", "crown")


def test_the_crown_leaves_a_physical_therapy_session_running(carpus, motor):
    carpus.run("app open range-of-motion")
    start = carpus.events.wait("did_start", app="range-of-motion")
    motor.press("crown")
    carpus.events.wait("app_state", app="range-of-motion", state="background")
    [session] = [entry for entry in carpus.run("session list") if entry["session"] == start["session"]]
    assert session["state"] == "running"
    assert carpus.events.all("did_invalidate") == []


def test_the_side_button_turns_the_screen_off_and_not_the_board(carpus, motor, guest):
    carpus.run("app open range-of-motion")
    carpus.events.wait("app_state", app="range-of-motion", state="active")
    motor.press("side-button")
    carpus.events.wait("app_state", app="range-of-motion", state="inactive")
    [wrist] = carpus.run("wrist state")
    assert wrist["screen_on"] is False
    assert guest.attempt("systemctl list-jobs --no-legend poweroff.target").stdout == ""
