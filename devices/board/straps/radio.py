"""The air around the board, on a thread of its own, and its straps as ordinary objects.

Everything Bluetooth happens on the radio's event loop; the methods here hand their work over to it and wait.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from bumble.transport import open_transport

from straps.controller import Air, BoardController
from straps.measurement import heart_rate_measurement
from straps.peripheral import Peripheral

# The board's own adapter, as BlueZ sees it.
ADAPTER_ADDRESS = "00:1B:DC:0B:0A:4D/P"
# How long any one thing may take on the radio's loop.
CALL_TIMEOUT_S = 20.0
# How often a waiting caller looks again.
POLL_S = 0.05


class Radio:
    """The air: the guest's controller on the serial line at `socket`, and the straps around it."""

    def __init__(self, socket: Path):
        self.socket = socket
        self.straps: dict[str, Strap] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="radio", daemon=True)
        self._air: Air | None = None
        self._transport = None
        self.controller: BoardController | None = None

    def __enter__(self) -> "Radio":
        self._thread.start()
        self.run(self._open())
        return self

    def __exit__(self, *_exc) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine):
        """Runs a coroutine on the radio's loop, and waits for its result."""
        future: Future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(CALL_TIMEOUT_S)

    def ask(self, question: Callable[[], object]):
        """Evaluates something on the radio's loop, where nothing changes meanwhile."""

        async def answer():
            return question()

        return self.run(answer())

    def strap(self, name: str, address: str, **options) -> "Strap":
        """Puts a strap on, which advertises from now on. `options` are those of `Peripheral`."""
        if address in self.straps:
            raise ValueError(f"a strap with the address {address} is there already")
        peripheral = self.run(self._put_on(name, address, options))
        strap = Strap(self, peripheral)
        self.straps[address] = strap
        return strap

    def take_off(self, strap: "Strap") -> None:
        """Takes a strap away for good."""
        del self.straps[strap.address]
        self.run(strap.peripheral.remove())

    def take_off_all(self) -> None:
        for strap in list(self.straps.values()):
            self.take_off(strap)

    async def _open(self) -> None:
        self._air = Air()
        self._transport = await open_transport(f"unix-client:{self.socket}")
        self.controller = BoardController(
            "board",
            host_source=self._transport.source,
            host_sink=self._transport.sink,
            link=self._air,
            public_address=ADAPTER_ADDRESS,
        )

    async def _close(self) -> None:
        for strap in list(self.straps.values()):
            await strap.peripheral.remove()
        self.straps.clear()
        await self._transport.close()

    async def _put_on(self, name: str, address: str, options: dict) -> Peripheral:
        peripheral = Peripheral(self._air, name, address, **options)
        await peripheral.put_on()
        return peripheral


class Strap:
    """A strap, from the side of whoever scripts it."""

    def __init__(self, radio: Radio, peripheral: Peripheral):
        self.radio = radio
        self.peripheral = peripheral
        self.name = peripheral.name
        self.address = peripheral.address

    def send(
        self,
        bpm: int,
        rr_1024: Sequence[int] = (),
        contact: bool | None = True,
        energy_kj: int | None = None,
    ) -> None:
        """Notifies one measurement. RR intervals are in 1/1024 s, oldest first. It must be subscribed to."""
        self.send_raw(heart_rate_measurement(bpm, rr_1024, contact, energy_kj))

    def send_raw(self, value: bytes) -> None:
        """Notifies any bytes as a measurement, right or wrong."""
        self.radio.run(self.peripheral.notify_heart_rate(value))

    def set_battery(self, percent: int) -> None:
        """Changes the battery's level, and notifies it where that is subscribed to."""
        self.radio.run(self.peripheral.set_battery(percent))

    def drop(self) -> None:
        """Goes out of range: the link is lost without a word, and nothing is advertised."""
        self.radio.run(self.peripheral.drop())

    def come_back(self) -> None:
        """Comes back into range, and advertises again."""
        self.radio.run(self.peripheral.come_back())

    @property
    def in_range(self) -> bool:
        return self.radio.ask(lambda: self.peripheral.in_range)

    @property
    def connected(self) -> bool:
        return self.radio.ask(lambda: self.peripheral.connected)

    @property
    def subscribed(self) -> bool:
        """Whether somebody wants the heart rate."""
        return self.radio.ask(lambda: self.peripheral.subscribed)

    @property
    def energy_resets(self) -> int:
        """How often the control point was told to reset the energy expended."""
        return self.radio.ask(lambda: self.peripheral.energy_resets)

    def wait_until_connected(self, timeout_s: float) -> None:
        self._wait(lambda: self.connected, timeout_s, "connected to")

    def wait_until_subscribed(self, timeout_s: float) -> None:
        self._wait(lambda: self.subscribed, timeout_s, "subscribed to")

    def _wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} was not {what} within {timeout_s} s")
            time.sleep(POLL_S)
