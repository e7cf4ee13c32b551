"""A heartbeat's whole way: strap, radio, BlueZ, runtime, app; and the end of the session it is for."""

import re

import pytest

from machine.haptics import tones
from machine.waiting import wait_for

MINDFULNESS_LIMIT_S = 60
APP_LINE = re.compile(r"(?P<device>[0-9A-F:]{17}) (?P<bpm>\d+) bpm(?: rr (?P<rr>[\d. ]+))?")
TICKS_PER_MS = 1.024
# Each strap's own data: different in every packet, with one, two and no RR intervals.
BELT_A = [(60 + i, [1000 + i]) for i in range(10)] + [(70, [])]
BELT_B = [(140 + i, [430 + i, 440 + i]) for i in range(10)] + [(300, [205])]


def received(lines: list[str], address: str) -> list[tuple[int, list[int]]]:
    """What the app printed of a strap: heart rates, and RR intervals in 1/1024 s."""
    matches = [match for line in lines if (match := APP_LINE.fullmatch(line)) and match["device"] == address]
    return [
        (int(match["bpm"]), [round(float(ms) * TICKS_PER_MS) for ms in (match["rr"] or "").split()])
        for match in matches
    ]


@pytest.mark.settings(f'session.mindfulness_limit = "{MINDFULNESS_LIMIT_S}s"\nsession.will_expire_lead = "10s"\n')
def test_two_straps_reach_the_app_until_its_session_expires(carpus, radio, motor, speaker):
    belts = {radio.strap("Belt A", "C0:00:00:00:00:0A"): BELT_A, radio.strap("Belt B", "C0:00:00:00:00:0B"): BELT_B}
    for belt in belts:
        carpus.run(f"device add {belt.address}")
    for belt in belts:
        belt.wait_until_subscribed(timeout_s=120)
    motor_before, sound_before = motor.mark(), speaker.mark()
    carpus.run("app open heart-rate")
    carpus.events.wait("did_start", app="heart-rate")

    for packets in zip(*belts.values(), strict=True):
        for belt, (bpm, rr_1024) in zip(belts, packets, strict=True):
            belt.send(bpm, rr_1024)
    for belt, sent in belts.items():
        wait_for(lambda: len(received(carpus.app_log("heart-rate"), belt.address)) >= len(sent), 30, "all samples")
        assert received(carpus.app_log("heart-rate"), belt.address) == sent
        samples = carpus.events.all("sample", device=belt.address)
        assert [(sample["bpm"], sample["rr_1024"]) for sample in samples] == sent

    # The app taps at the start.
    carpus.events.wait("haptic", haptic="click")
    motor.wait_for_play(motor_before, timeout_s=20)
    [click_hz] = tones("click")
    wait_for(lambda: speaker.loudest(click_hz, sound_before) > 0.02, 20, "the click to be heard")
    assert speaker.loudest(click_hz * 1.3, sound_before) < speaker.loudest(click_hz, sound_before) / 2

    end = carpus.events.wait("did_invalidate", timeout_s=MINDFULNESS_LIMIT_S + 60, app="heart-rate")
    assert (end["reason"], end["cause"]["name"]) == ("expired", "limit-reached")
    story = [event["event"] for event in carpus.events.all(app="heart-rate", session=end["session"])]
    told = [kind for kind in story if kind in ("did_start", "will_expire", "did_invalidate")]
    assert told == ["did_start", "will_expire", "did_invalidate"]
