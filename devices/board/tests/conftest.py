"""What the board's tests share: one board for the whole run, with its state reset between tests."""

import os
import time

import pytest

from machine.carpus import Carpus
from machine.image import image
from machine.install import install_carpus, install_motor
from machine.motor import Motor
from machine.qemu import Board
from machine.sound import Speaker
from straps import Radio


@pytest.fixture(scope="session")
def radio_and_board():
    """A board of this run's own, booted, with the air around it."""
    board = Board(f"test-{os.getpid()}")
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
    """The runtime, started afresh with the settings of `@pytest.mark.settings("…")`. An ERROR in its log fails the
    test, and so does a restart."""
    carpus = installed_carpus
    marker = request.node.get_closest_marker("settings")
    try:
        carpus.start_afresh(marker.args[0] if marker else "")
        yield carpus
    finally:
        restarts = carpus.restarts()
        carpus.stop()
        print("\n".join(["The log of carpus.service:", *carpus.journal()]))
    assert carpus.errors() == []
    assert restarts == 0
