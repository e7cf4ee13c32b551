"""A strap that sends what cannot be read: counted, logged once, and the stream goes on."""

from machine.waiting import wait_for

# Says that RR intervals and a 16-bit heart rate follow, and ends.
TRUNCATED = bytes([0x11, 0x40])


def test_malformed_measurements_are_counted_and_logged_once(carpus, radio):
    belt = radio.strap("Belt A", "C0:00:00:00:00:0A")
    carpus.run(f"device add {belt.address}")
    belt.wait_until_subscribed(timeout_s=120)

    belt.send(60, [1024])
    belt.send_raw(TRUNCATED)
    belt.send_raw(TRUNCATED)
    belt.send(61, [1007])

    wait_for(lambda: len(carpus.events.all("sample")) >= 2, 30, "both good samples")
    assert [sample["bpm"] for sample in carpus.events.all("sample", device=belt.address)] == [60, 61]
    assert len(carpus.events.all("malformed", device=belt.address)) == 2
    [device] = [entry for entry in carpus.run("device list") if entry["device"] == belt.address]
    assert device["malformed"] == 2
    logged = [line for line in carpus.journal() if belt.address in line and "cannot be decoded" in line]
    assert len(logged) == 1, logged
