"""Building Carpus on the host, and installing it in the guest as a package would."""

import json
import os
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from machine.guest import Guest
from machine.paths import PROJECT_DIR, BoardError, say

PACKAGING_DIR = PROJECT_DIR / "runtime" / "daemon" / "packaging"
# Each file of the packaging, and where a package puts it.
PACKAGING = {
    "carpus.service": "/usr/lib/systemd/system/carpus.service",
    "carpus.sysusers": "/usr/lib/sysusers.d/carpus.conf",
    "carpus.tmpfiles": "/usr/lib/tmpfiles.d/carpus.conf",
    "carpus.logind": "/usr/lib/systemd/logind.conf.d/carpus.conf",
    "70-carpus.rules": "/usr/lib/udev/rules.d/70-carpus.rules",
}
SETTINGS = "/etc/carpus/board.toml"
BOARD_SETTINGS = 'profile = "virtual-board"\n'
EXAMPLES = "/usr/share/carpus/examples"
MOTOR_PROGRAM = "/usr/local/bin/carpus-board-motor"
# Building the workspace from nothing, on two cores.
BUILD_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Example:
    """An example app: its folder in the project, and what its manifest says."""

    folder: Path
    app: str
    program: str


def examples() -> list[Example]:
    found = []
    for manifest in sorted((PROJECT_DIR / "examples").glob("*/app.toml")):
        app = tomllib.loads(manifest.read_text())["app"]
        found.append(Example(manifest.parent, app["id"], app["exec"]))
    return found


def install_motor(guest: Guest) -> None:
    """Puts the motor and the keys into the guest."""
    programs = build(["carpus-board-motor"])
    guest.put({MOTOR_PROGRAM: programs / "carpus-board-motor"}, executable=frozenset({MOTOR_PROGRAM}))
    guest.run("systemctl restart board-motor.service && sync")


def install_carpus(guest: Guest) -> None:
    """Puts the runtime, its packaging and the example apps into the guest, and starts it."""
    apps = examples()
    programs = build(["carpusd", "carpus-cli", *(package_name(app.folder) for app in apps)])
    files: dict[str, bytes | Path] = {target: PACKAGING_DIR / name for name, target in PACKAGING.items()}
    executable = {f"/usr/bin/{name}" for name in ("carpusd", "carpus")}
    files |= {path: programs / Path(path).name for path in executable}
    for app in apps:
        files[f"{EXAMPLES}/{app.app}/app.toml"] = app.folder / "app.toml"
        files[f"{EXAMPLES}/{app.app}/{app.program}"] = programs / app.program
        executable.add(f"{EXAMPLES}/{app.app}/{app.program}")
    files[SETTINGS] = BOARD_SETTINGS.encode()
    say("installing Carpus in the guest")
    guest.put(files, executable=frozenset(executable))
    guest.run(
        "systemd-sysusers carpus.conf && systemd-tmpfiles --create carpus.conf && systemctl daemon-reload && "
        "systemctl reload systemd-logind && udevadm control --reload && udevadm trigger --subsystem-match=input && "
        "udevadm settle && systemctl enable --now carpus.service && sync"
    )
    install_apps(guest)


def install_apps(guest: Guest) -> None:
    """Installs the example apps with the runtime, as its operator does."""
    for app in examples():
        guest.run(f"carpus app install --yes {EXAMPLES}/{app.app}")


def install_app(guest: Guest, package: str, program: str, mode: str) -> None:
    """Builds a program of a package, and installs it as an app of that name with a background mode."""
    folder = f"{EXAMPLES}/{program}"
    manifest = (
        f'[app]\nid = "{program}"\nname = "{program}"\nversion = "1"\nexec = "{program}"\n'
        f'[background]\nmodes = ["{mode}"]\n'
    )
    path = f"{folder}/{program}"
    guest.put({f"{folder}/app.toml": manifest.encode(), path: build([package]) / program}, executable=frozenset({path}))
    guest.run(f"carpus app install --yes {folder}")


def build(packages: list[str]) -> Path:
    """Builds packages, and returns a folder with their programs without debug information: the way into an
    emulated guest is slow. `CARPUS_BOARD_PROFILE=release` builds them optimised."""
    profile = os.environ.get("CARPUS_BOARD_PROFILE", "dev")
    say(f"building {' '.join(packages)}")
    selection = [argument for name in packages for argument in ("-p", name)]
    command = ["cargo", "build", "--quiet", "--locked", "--profile", profile, "--bins", *selection]
    done = subprocess.run(command, cwd=PROJECT_DIR, timeout=BUILD_TIMEOUT_S)
    if done.returncode != 0:
        raise BoardError(f"`{' '.join(command)}` failed")
    built = target_dir() / ("debug" if profile == "dev" else profile)
    stripped = built / "board"
    stripped.mkdir(exist_ok=True)
    for name in program_names(packages):
        strip(built / name, stripped / name)
    return stripped


def strip(program: Path, target: Path) -> None:
    """Copies a program without its debug information, where the copy is older."""
    if target.exists() and target.stat().st_mtime >= program.stat().st_mtime:
        return
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as unfinished:
        unfinished_path = Path(unfinished.name)
    subprocess.run(["strip", "-o", str(unfinished_path), str(program)], check=True)
    unfinished_path.rename(target)


def metadata() -> dict:
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=PROJECT_DIR, capture_output=True, check=True).stdout)


def target_dir() -> Path:
    return Path(metadata()["target_directory"])


def program_names(packages: list[str]) -> list[str]:
    return [
        target["name"]
        for package in metadata()["packages"]
        if package["name"] in packages
        for target in package["targets"]
        if "bin" in target["kind"]
    ]


def package_name(folder: Path) -> str:
    return tomllib.loads((folder / "Cargo.toml").read_text())["package"]["name"]
