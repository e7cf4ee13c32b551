"""The board itself, without Carpus on it: is what the other tests rely on really there?"""

import time

from machine.sound import tone
from machine.waiting import wait_for

# Off by more, an alarm's time would mean nothing.
CLOCK_TOLERANCE_MS = 5_000
# linux/input-event-codes.h
EV_KEY = 1
KEY_HOMEPAGE = 172


def test_the_clock_is_the_hosts(guest):
    before_ms = time.time() * 1000
    guest_ms = guest.time_ms()
    after_ms = time.time() * 1000
    assert before_ms - CLOCK_TOLERANCE_MS < guest_ms < after_ms + CLOCK_TOLERANCE_MS


def test_no_unit_failed(guest):
    assert guest.run("systemctl list-units --failed --plain --no-legend") == ""


def test_bluez_finds_two_straps(radio, guest):
    straps = [radio.strap("Belt A", "C0:00:00:00:00:0A"), radio.strap("Belt B", "C0:00:00:00:00:0B")]

    def found():
        guest.attempt("bluetoothctl --timeout 4 scan on")
        listing = guest.run("bluetoothctl devices")
        return all(f"{strap.address} {strap.name}" in listing for strap in straps)

    wait_for(found, 60, "both straps to be found")


def test_a_strap_that_drops_is_disconnected_and_can_come_back(radio, guest):
    strap = radio.strap("Belt A", "C0:00:00:00:00:0A")

    def connect():
        guest.attempt("bluetoothctl --timeout 4 scan on")
        guest.attempt(f"bluetoothctl connect {strap.address}")
        return strap.connected

    for _ in range(2):
        wait_for(connect, 90, "the strap to be connected")
        strap.drop()
        wait_for(lambda: "Connected: no" in guest.run(f"bluetoothctl info {strap.address}"), 20, "the loss to be seen")
        strap.come_back()


def test_the_motor_plays_an_effect_for_its_length(motor, guest):
    before = motor.mark()
    guest.run("carpus-board-motor play --strong 40000 --weak 123 --length-ms 300")
    events = wait_for(
        lambda: [r for r in motor.records(before) if r["event"] in ("play", "stop")][:2], 10, "the effect to end"
    )
    play, stop = events
    assert (play["strong"], play["weak"], play["length_ms"]) == (40000, 123, 300)
    assert stop["cause"] == "length"
    assert stop["time_ms"] - play["time_ms"] >= 300


def test_a_key_reaches_whoever_reads_the_keys_device(motor, guest):
    before = motor.mark()
    # The device is open before the key is pressed; then its first event is read: 16 bytes of time, type, code, value.
    event = guest.run(
        "name=$(grep -l 'Carpus board keys' /sys/class/input/event*/device/name) && "
        "exec 3</dev/input/$(echo $name | cut -d/ -f5) && carpus-board-motor press crown && "
        "timeout 10 dd bs=24 count=1 status=none <&3 | od -An -tu2"
    )
    assert [int(number) for number in event.split()][8:12] == [EV_KEY, KEY_HOMEPAGE, 1, 0]
    records = wait_for(lambda: motor.records(before), 10, "the key to be logged")
    assert records[0]["key"] == "crown"


def test_a_tone_lies_in_the_sound_file(speaker, guest):
    guest.put({"/tmp/tone.wav": tone(frequency_hz=1000, seconds=1.0)})
    before = speaker.mark()
    guest.run("aplay -q -D plughw:CARD=Intel,DEV=0 /tmp/tone.wav")
    wait_for(lambda: speaker.played_s(before) > 0.8, 20, "the tone to be written")
    assert speaker.loudest(1000, before) > 0.3
    assert speaker.loudest(1300, before) < 0.03
