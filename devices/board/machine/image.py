"""The guest's image: built once for each recipe, kept in the cache."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from machine.paths import BOARD_DIR, BoardError, cache_dir, say

RECIPE_DIR = BOARD_DIR / "guest"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
# Settings of the host's apt without which its network may not be passable.
APT_SETTINGS_PASSED_ON = ("Acquire::http::Proxy", "Acquire::https::Proxy")
ENVIRONMENT_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "SOURCE_DATE_EPOCH", "TMPDIR", "PATH")


@dataclass(frozen=True)
class Image:
    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"


def recipe_hash() -> str:
    """Changes when anything changes that the image is made from."""
    digest = hashlib.sha256()
    for path in sorted(RECIPE_DIR.rglob("*")):
        if path.is_file():
            executable = os.access(path, os.X_OK)
            digest.update(f"{path.relative_to(RECIPE_DIR)} {executable} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def image() -> Image:
    """The image of the recipe of now, built where it is not there yet."""
    if platform.machine() != "x86_64":
        raise BoardError("the board needs an x86-64 host")
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    found = Image(cache / recipe_hash())
    with open(cache / "image.lock", "w") as lock:
        if not found.disk.exists():
            wait_for_turn(lock)
            if not found.disk.exists():
                build(found)
    return found


def wait_for_turn(lock) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another builds the image; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)


def build(wanted: Image) -> None:
    """Builds the image into a folder beside its place, and moves it there when it is whole."""
    unfinished = wanted.folder.with_suffix(".unfinished")
    log_path = wanted.folder.parent / "build.log"
    remove_as_root(unfinished)
    unfinished.mkdir(parents=True)
    mirror = os.environ.get("CARPUS_BOARD_MIRROR") or host_mirror() or DEFAULT_MIRROR
    command = [str(RECIPE_DIR / "build"), str(unfinished), mirror, *apt_options()]
    say(f"building the image with packages from {mirror}; this takes a minute or three (log: {log_path})")
    with open(log_path, "w") as log:
        process = subprocess.Popen(as_root(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout:
            log.write(line)
            if line.startswith("I: "):
                say("  " + line[3:].strip()[:100])
    if process.wait() != 0:
        tail = "".join(log_path.read_text().splitlines(keepends=True)[-20:])
        raise BoardError(f"the image could not be built:\n{tail}")
    for path in unfinished.iterdir():
        subprocess.run(as_root(["chown", f"{os.getuid()}:{os.getgid()}", str(path)]), check=True)
    remove_as_root(wanted.folder)
    unfinished.rename(wanted.folder)
    forget_old_images(wanted)


def forget_old_images(kept: Image) -> None:
    """Removes images of earlier recipes; they have only cost disk since."""
    for folder in kept.folder.parent.iterdir():
        if folder != kept.folder and (folder / "disk.img").exists():
            shutil.rmtree(folder)


def host_mirror() -> str | None:
    """The Debian mirror that the host's apt uses, if it is one of Debian's main archive over HTTP."""
    listing = output(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"])
    for line in listing.splitlines():
        origin, label, uri = line.split("|", 2)
        if origin == "Debian" and label == "Debian" and uri.startswith(("http://", "https://")):
            return uri.rstrip("/")
    return None


def apt_options() -> list[str]:
    """The host's proxy settings, as apt options of the build."""
    options = []
    for name in APT_SETTINGS_PASSED_ON:
        value = output(["apt-config", "shell", "value", name]).removeprefix("value=").strip().strip("'")
        if value:
            options.append(f'{name} "{value}"')
    return options


def output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def as_root(command: list[str]) -> list[str]:
    """The command as root runs it, with what it needs of this environment."""
    if os.geteuid() == 0:
        return command
    passed = [f"{name}={os.environ[name]}" for name in ENVIRONMENT_PASSED_ON if name in os.environ]
    return ["sudo", "--", "env", *passed, *command]


def remove_as_root(folder: Path) -> None:
    if folder.exists():
        subprocess.run(as_root(["rm", "-rf", "--one-file-system", str(folder)]), check=True)
