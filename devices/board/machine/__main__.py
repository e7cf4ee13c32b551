"""`./dev board`: bring the board up, test on it, look into it, script its straps, take it down."""

import argparse
import contextlib
import os
import subprocess
import sys
import time

from machine.image import image
from machine.install import install_carpus, install_motor
from machine.paths import BOARD_DIR, BoardError, say
from machine.qemu import Board
from straps import beating

# The board that a person brings up; tests have their own.
NAME = "board"


def up(arguments: argparse.Namespace) -> None:
    board = Board(NAME)
    if board.runs:
        say("the board is up already")
    else:
        boot(board)
    install_motor(board.guest)
    if not arguments.bare:
        install_carpus(board.guest)
    print("The board is up. `./dev board shell` opens a shell in it, `./dev board straps` shows its straps.")


def boot(board: Board) -> None:
    wanted = image()
    started = time.monotonic()
    board.start(wanted)
    try:
        beating.start(board)
        board.wait_until_up(started)
        board.wait_for_adapter()
    except BaseException:
        say(f"the guest's console:\n{console_tail(board)}")
        down_board(board)
        raise


def console_tail(board: Board) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(board.console_file.read_text(errors="replace").splitlines()[-20:])
    return "(nothing)"


def test(arguments: argparse.Namespace) -> None:
    tests = BOARD_DIR / "tests"
    chosen = [str(tests)]
    if arguments.name:
        chosen = [str(tests / f"test_{arguments.name}.py")]
        if not os.path.exists(chosen[0]):
            names = sorted(path.stem.removeprefix("test_") for path in tests.glob("test_*.py"))
            raise BoardError(f"there is no test {arguments.name!r}; there are {', '.join(names)}")
    options = ["-p", "no:cacheprovider", "--capture=sys", "-ra", f"--rootdir={tests}", "-c", str(tests / "pytest.ini")]
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *options, *arguments.pytest, *chosen])


def chaos(arguments: argparse.Namespace) -> None:
    os.environ["CARPUS_BOARD_POWER_CUTS"] = str(arguments.cuts)
    arguments.name, arguments.pytest = None, ["-s", "-m", "long"]
    test(arguments)


def shell(_arguments: argparse.Namespace) -> None:
    Board(NAME).guest.shell()


def run(arguments: argparse.Namespace) -> None:
    command = " ".join(arguments.command)
    sys.exit(subprocess.run([*Board(NAME).guest.ssh(), command]).returncode)


def status(_arguments: argparse.Namespace) -> None:
    board = Board(NAME)
    if not board.runs:
        print("The board is down.")
        sys.exit(1)
    state = board.state
    print(f"The board is up: QEMU with {state['accelerator']}, process {state['pid']}, ssh port {state['ssh_port']}.")
    print(f"Its files are in {board.folder}.")
    service = board.guest.attempt("systemctl is-active carpus.service").stdout.strip()
    print(f"carpus.service is {service}.")


def down(_arguments: argparse.Namespace) -> None:
    board = Board(NAME)
    if not board.state:
        print("The board is down already.")
        return
    down_board(board)
    print("The board is down.")


def down_board(board: Board) -> None:
    beating.stop(board)
    board.stop()


def straps(arguments: argparse.Namespace) -> None:
    print(beating.ask(Board(NAME), arguments.command or ["list"]))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="./dev board", description="The virtual board. See devices/board/README.md.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        return command

    add("up", up, "Bring the board up, with Carpus and two straps that beat.").add_argument(
        "--bare", action="store_true", help="without Carpus"
    )
    testing = add("test", test, "Test on a board of its own.")
    testing.add_argument("name", nargs="?", help="one test: board, heartbeat, alarm, …; all without it")
    testing.add_argument("pytest", nargs="*", help="options for pytest, after --")
    cutting = add("chaos", chaos, "What takes long: the power is cut again and again while an alarm is being scheduled, and parts are killed.")
    cutting.add_argument("--cuts", type=int, default=20, help="how often; 20 without it")
    add("shell", shell, "Open a shell in the board.")
    add("run", run, "Run a command in the board.").add_argument("command", nargs=argparse.REMAINDER)
    add("straps", straps, beating.HELP).add_argument("command", nargs=argparse.REMAINDER)
    add("status", status, "Say whether the board is up.")
    add("down", down, "Take the board down.")
    return top


def main() -> None:
    arguments = parser().parse_args()
    try:
        arguments.action(arguments)
    except (BoardError, beating.StrapError) as error:
        sys.exit(f"board: {error}")


main()
