"""Straps that beat by themselves beside a board that a person brought up, and the commands that script them."""

import json
import math
import random
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from straps.peripheral import NotSubscribed
from straps.radio import Radio, Strap

HELP = (
    "Script the straps: list | add NAME | drop NAME | come-back NAME | bpm NAME NUMBER | battery NAME PERCENT | "
    "contact NAME on|off | raw NAME HEX."
)
FIRST_STRAPS = ("Belt A", "Belt B")
RESTING_BPM = 64
# How far breathing moves the heart rate, and how long a breath takes.
BREATHING_BPM = 4.0
BREATH_S = 12.0
# Straps notify about once a second.
NOTIFY_S = 1.0
# QEMU and the straps' process start within this; the guest needs longer, and nobody waits for it here.
START_TIMEOUT_S = 30.0


class StrapError(Exception):
    """What went wrong with the straps, for people."""


@dataclass
class Wearer:
    """Who wears a strap: a heart that beats a little faster while breathing in."""

    strap: Strap
    bpm: float = RESTING_BPM
    contact: bool = True
    next_beat_s: float = 0.0

    def beats_until(self, now_s: float) -> list[int]:
        """The RR intervals of the beats up to now, in 1/1024 s."""
        intervals = []
        while self.next_beat_s <= now_s:
            breathing = BREATHING_BPM * math.sin(2 * math.pi * self.next_beat_s / BREATH_S)
            rr_s = 60.0 / (self.bpm + breathing + random.gauss(0, 0.5))
            intervals.append(round(rr_s * 1024))
            self.next_beat_s += rr_s
        return intervals


class Beating:
    """The straps' process: a notification a second from each, and one command at a time from the socket."""

    def __init__(self, radio: Radio):
        self.radio = radio
        self.wearers: dict[str, Wearer] = {}
        self.lock = threading.Lock()

    def add(self, name: str) -> str:
        if name in self.wearers:
            raise StrapError(f"there is a strap {name!r} already")
        address = f"C0:00:00:00:00:{len(self.wearers) + 10:02X}"
        self.wearers[name] = Wearer(self.radio.strap(name, address), next_beat_s=time.monotonic())
        return f"{name} is on, at {address}"

    def beat_forever(self) -> None:
        while True:
            time.sleep(NOTIFY_S)
            with self.lock:
                for wearer in self.wearers.values():
                    self.beat(wearer, time.monotonic())

    def beat(self, wearer: Wearer, now_s: float) -> None:
        intervals = wearer.beats_until(now_s)
        if not wearer.strap.subscribed:
            return
        try:
            wearer.strap.send(round(wearer.bpm), intervals if wearer.contact else (), wearer.contact)
        except NotSubscribed:
            pass  # It dropped between the two.

    def obey(self, words: list[str]) -> str:
        with self.lock:
            match words:
                case ["list"]:
                    return "\n".join(self.describe(wearer) for wearer in self.wearers.values())
                case ["add", name]:
                    return self.add(name)
                case ["drop", name]:
                    self.wearer(name).strap.drop()
                    return f"{name} is out of range"
                case ["come-back", name]:
                    self.wearer(name).strap.come_back()
                    return f"{name} is in range"
                case ["bpm", name, number]:
                    self.wearer(name).bpm = bounded(number, 20, 300)
                    return f"{name} beats {number} times a minute"
                case ["battery", name, percent]:
                    self.wearer(name).strap.set_battery(int(bounded(percent, 0, 100)))
                    return f"{name} has {percent} % of its battery"
                case ["contact", name, ("on" | "off") as contact]:
                    self.wearer(name).contact = contact == "on"
                    return f"{name} {'feels' if contact == 'on' else 'does not feel'} skin"
                case ["raw", name, text]:
                    self.wearer(name).strap.send_raw(bytes.fromhex(text))
                    return f"{name} sent {text}"
                case _:
                    raise StrapError(f"no such command. {HELP}")

    def wearer(self, name: str) -> Wearer:
        if name not in self.wearers:
            raise StrapError(f"there is no strap {name!r}; there are {', '.join(self.wearers)}")
        return self.wearers[name]

    def describe(self, wearer: Wearer) -> str:
        strap = wearer.strap
        if not strap.in_range:
            state = "out of range"
        elif strap.subscribed:
            state = "streaming"
        else:
            state = "connected" if strap.connected else "waiting"
        return f"{strap.name}  {strap.address}  {wearer.bpm:.0f} bpm  {state}"


def bounded(text: str, least: float, most: float) -> float:
    value = float(text)
    if not least <= value <= most:
        raise StrapError(f"{text} is not between {least} and {most}")
    return value


def control_socket(folder: Path) -> Path:
    return folder / "straps"


def start(board) -> None:
    """Starts the straps' process beside a board, and waits until it obeys."""
    process = subprocess.Popen(
        [sys.executable, "-m", "straps.beating", str(board.folder), str(board.radio_socket)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=open(board.folder / "straps.log", "w"),
        start_new_session=True,
    )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not control_socket(board.folder).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise StrapError(f"the straps did not start:\n{(board.folder / 'straps.log').read_text()}")
        time.sleep(0.1)


def stop(board) -> None:
    """Ends the straps' process, where there is one."""
    try:
        ask(board, ["end"])
    except StrapError:
        pass


def ask(board, words: list[str]) -> str:
    """Gives the straps' process a command."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(control_socket(board.folder)))
        except OSError as error:
            raise StrapError("there are no straps; bring the board up with `./dev board up`") from error
        connection.sendall(json.dumps(words).encode() + b"\n")
        answer = json.loads(connection.makefile().readline())
    if "error" in answer:
        raise StrapError(answer["error"])
    return answer["said"]


def serve(folder: Path, radio_socket: Path) -> None:
    """The straps' process."""
    with Radio(radio_socket) as radio:
        beating = Beating(radio)
        for name in FIRST_STRAPS:
            beating.add(name)
        threading.Thread(target=beating.beat_forever, daemon=True).start()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(control_socket(folder)))
            listener.listen()
            while serve_one(listener, beating):
                pass


def serve_one(listener: socket.socket, beating: Beating) -> bool:
    """Answers one client; false when the process is to end."""
    connection, _ = listener.accept()
    with connection:
        words = json.loads(connection.makefile().readline() or "[]")
        if words == ["end"]:
            connection.sendall(b'{"said": "ending"}\n')
            return False
        try:
            answer = {"said": beating.obey(words)}
        except (StrapError, NotSubscribed, ValueError) as error:
            answer = {"error": str(error)}
        connection.sendall(json.dumps(answer).encode() + b"\n")
    return True


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
