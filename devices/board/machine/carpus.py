"""Carpus on the board, from the side of its operator: `carpus` in the guest, the journal, the apps' logs."""

import json
import re
import threading
from subprocess import Popen

from machine.guest import Guest, GuestError
from machine.install import EXAMPLES, examples
from machine.waiting import wait_for

STATE = "/var/lib/carpus"
TEST_SETTINGS = "/etc/carpus/test.toml"
# A line of the journal that tells of a bug of ours, in the words of Rust's tracing.
ERROR_LINE = re.compile(r"(^|\s)ERROR\s")
# An emulated processor launches a process, and connects a strap, slowly while the host is busy.
TIMEOUT_S = 90.0


class Events:
    """What happens, as `carpus events` tells it, collected while it comes."""

    def __init__(self, process: Popen):
        self._process = process
        self._events: list[dict] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._events.append(json.loads(line))

    def all(self, kind: str | None = None, **wanted) -> list[dict]:
        """The events so far of a kind, with these members, oldest first."""
        wanted |= {"event": kind} if kind else {}
        return [event for event in list(self._events) if all(event.get(key) == value for key, value in wanted.items())]

    def wait(self, kind: str, timeout_s: float = TIMEOUT_S, **wanted) -> dict:
        """The first event of a kind with these members; waits for it."""
        try:
            return wait_for(lambda: self.all(kind, **wanted), timeout_s, f"{kind} with {wanted}")[0]
        except TimeoutError as error:
            seen = "\n".join(json.dumps(event) for event in self.all() if event.get("event") != "sample")
            raise TimeoutError(f"{error}; there were:\n{seen}") from None

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()


class Carpus:
    """The runtime in the guest, installed already."""

    def __init__(self, guest: Guest):
        self.guest = guest
        self.events: Events | None = None
        self._journal_cursor = ""

    def start_afresh(self, settings: str = "") -> None:
        """Starts the runtime with no state, these settings above the board's, the example apps, and the wrist up."""
        self.stop()
        self._journal_cursor = self.guest.run("journalctl -n 1 -o cat --output-fields=_ --show-cursor").split()[-1]
        self.guest.put({TEST_SETTINGS: settings.encode()})
        self.guest.run(
            f"find {STATE} -mindepth 1 -delete; systemctl reset-failed carpus.service; systemctl start carpus.service"
        )
        self.events = Events(self.guest.follow("carpus --json events"))
        self._install_apps()
        self.run("wrist up")
        self.guest.run("sync")

    def stop(self) -> None:
        """Stops the runtime, and with it the apps."""
        if self.events:
            self.events.close()
            self.events = None
        self.guest.run("systemctl stop carpus.service")

    def run(self, command: str) -> list[dict]:
        """Runs `carpus --json COMMAND`, and returns its objects."""
        return [json.loads(line) for line in self.guest.run(f"carpus --json {command}").splitlines()]

    def app(self, app: str) -> dict:
        """What `carpus app list` tells of an app."""
        return next(entry for entry in self.run("app list") if entry["app"] == app)

    def app_log(self, app: str) -> list[str]:
        """The lines that an app wrote since it was installed."""
        done = self.guest.attempt(f"carpus --json app log {app} --lines 1000")
        if done.returncode != 0 and "has written nothing yet" not in done.stderr:
            raise GuestError(f"`carpus app log {app}` failed: {done.stderr}")
        return [json.loads(line)["line"] for line in done.stdout.splitlines()]

    def write_app_file(self, app: str, name: str, text: str) -> None:
        """Puts a file into an app's data folder, as its user would with a companion on a phone."""
        folder = f"{STATE}/data/{app}"
        self.guest.run(f"install -d -o carpus -g carpus -m 0700 {folder}")
        self.guest.put({f"{folder}/{name}": text.encode()})

    def journal(self) -> list[str]:
        """The runtime's log since `start_afresh`."""
        command = f"journalctl -u carpus.service -o cat --after-cursor='{self._journal_cursor}' --no-pager"
        return self.guest.run(command).splitlines()

    def errors(self) -> list[str]:
        """The lines of the log that tell of a bug of ours."""
        return [line for line in self.journal() if ERROR_LINE.search(line)]

    def restarts(self) -> int:
        """How often systemd had to start the runtime again."""
        return int(self.guest.run("systemctl show -p NRestarts --value carpus.service"))

    def _install_apps(self) -> None:
        """Installs the apps; the first again until its event comes, so that `events` misses nothing from there on."""
        first, *others = examples()

        def told() -> list[dict]:
            self.run(f"app install --yes {EXAMPLES}/{first.app}")
            return self.events.all("app_installed", app=first.app)

        wait_for(told, TIMEOUT_S, "the events to come")
        for other in others:
            self.run(f"app install --yes {EXAMPLES}/{other.app}")
