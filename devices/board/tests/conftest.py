"""What the board's tests share: one board for the whole run, with its state reset between tests."""

import os
import time
from pathlib import Path

import pytest

from machine.carpus import Carpus
from machine.image import image
from machine.install import install_carpus, install_motor
from machine.motor import Motor
from machine.paths import instances_dir
from machine.qemu import Board
from machine.sound import Speaker
from straps import Radio

BOARD_PREFIX = "test-"


def sweep_boards_of_dead_runs() -> None:
    """Takes down the boards of runs that were killed before they could."""
    for folder in instances_dir().glob(f"{BOARD_PREFIX}*"):
        if not Path("/proc", folder.name.removeprefix(BOARD_PREFIX)).exists():
            Board(folder.name).stop()


@pytest.fixture(scope="session")
def radio_and_board():
    """A board of this run's own, booted, with the air around it."""
    sweep_boards_of_dead_runs()
    board = Board(f"{BOARD_PREFIX}{os.getpid()}")
    wanted = image()
    started = time.monotonic()
    try:
        board.start(wanted)
        with Radio(board.radio_socket) as radio:
            board.wait_until_up(started)
            board.wait_for_adapter()
            install_motor(board.guest)
            yield radio, board
    finally:
        board.stop()


@pytest.fixture(scope="session")
def board(radio_and_board) -> Board:
    return radio_and_board[1]


@pytest.fixture(scope="session")
def guest(board):
    return board.guest


@pytest.fixture
def radio(radio_and_board, guest):
    """The air, without straps at the start and at the end, and none known to BlueZ."""
    radio, _ = radio_and_board
    yield radio
    radio.take_off_all()
    guest.run("for device in $(bluetoothctl devices | cut -d' ' -f2); do bluetoothctl remove $device; done")


@pytest.fixture
def motor(guest) -> Motor:
    return Motor(guest)


@pytest.fixture
def speaker(board) -> Speaker:
    return Speaker(board.sound_file)


@pytest.fixture(scope="session")
def installed_carpus(guest) -> Carpus:
    install_carpus(guest)
    return Carpus(guest)


@pytest.fixture
def carpus(installed_carpus, radio, request):
    """The runtime, started afresh. An ERROR in its log fails the test, and so does a restart that is not expected."""
    carpus = installed_carpus
    try:
        carpus.start_afresh(argument_of(request, "settings", ""))
        yield carpus
    finally:
        restarts = carpus.restarts()
        carpus.stop()
        print("\n".join(["The log of carpus.service:", *carpus.journal()]))
    assert carpus.errors() == []
    assert restarts == argument_of(request, "restarts", 0)


def argument_of(request, marker: str, default):
    """What a test's marker says, such as `@pytest.mark.settings("…")`."""
    found = request.node.get_closest_marker(marker)
    return found.args[0] if found else default
