"""Any Varlink client can look into the runtime and call it: here systemd's own."""

import json

SOCKET = "/run/carpus/carpus.sock"


def test_varlinkctl_introspects_and_calls_the_runtime(carpus, guest):
    info = guest.run(f"varlinkctl info {SOCKET}")
    assert "io.carpus.Session" in info and "io.carpus.Simulation" not in info
    text = guest.run(f"varlinkctl introspect {SOCKET} io.carpus.Session")
    assert "method StartAt(" in text and "error Refused" in text
    apps = json.loads(guest.run(f"varlinkctl call --json=short {SOCKET} io.carpus.Apps.List '{{}}'"))["apps"]
    assert "heart-rate" in [app["app"] for app in apps]
    refused = guest.attempt(f"varlinkctl call {SOCKET} io.carpus.Apps.Open '{{\"app\":\"nobody\"}}'")
    assert refused.returncode != 0 and "io.carpus.Apps.UnknownApp" in refused.stderr
