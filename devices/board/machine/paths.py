"""Where the board's files lie, and what it says while it works."""

import os
import sys
import tempfile
import time
from pathlib import Path

BOARD_DIR = Path(__file__).resolve().parent.parent
PROJECT_DIR = BOARD_DIR.parent.parent
STARTED = time.monotonic()


def cache_dir() -> Path:
    """Where images are kept from one run to the next: never in the project."""
    given = os.environ.get("CARPUS_BOARD_CACHE")
    if given:
        return Path(given)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "carpus" / "board"


def instances_dir() -> Path:
    """Where each running board has a folder of its own. Short, as it holds sockets."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK):
        return Path(base) / "carpus-board"
    return Path(tempfile.gettempdir()) / f"carpus-board-{os.getuid()}"


def say(text: str) -> None:
    """A line of progress, with the seconds since the start; also from within a test."""
    print(f"board: {time.monotonic() - STARTED:6.1f} s  {text}", file=sys.__stderr__, flush=True)


class BoardError(Exception):
    """What went wrong with the board, for people."""
