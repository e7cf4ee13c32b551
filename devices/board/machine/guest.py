"""The way into the guest: commands and files over one ssh connection."""

import io
import os
import shlex
import socket
import subprocess
import tarfile
import time
from pathlib import Path

from machine.paths import BoardError

# What an emulated processor computes fastest of the methods that both sides know. Nothing here is secret.
FAST_METHODS = [
    *["-o", "KexAlgorithms=curve25519-sha256", "-o", "HostKeyAlgorithms=ssh-ed25519"],
    *["-o", "Ciphers=aes128-ctr,aes128-gcm@openssh.com", "-o", "MACs=umac-64@openssh.com"],
]
# A command that takes longer hangs.
COMMAND_TIMEOUT_S = 60.0
POLL_S = 0.2


class GuestError(BoardError):
    """A command failed in the guest."""


class Guest:
    """The guest, by the host's port that leads to its sshd. `folder` holds the key and the connection's socket."""

    def __init__(self, folder: Path, port: int):
        self.folder = folder
        self.port = port

    def ssh(self, *arguments: str) -> list[str]:
        """The command line of ssh to the guest."""
        options = [
            *["-F", "none", "-i", str(self.folder / "key"), "-p", str(self.port), "-l", "root"],
            *["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"],
            *["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"],
            *["-o", f"ControlPath={self.folder}/ssh", "-o", "ServerAliveInterval=15"],
        ]
        return ["ssh", *options, *FAST_METHODS, *arguments, "127.0.0.1"]

    def wait_for_sshd(self, deadline: float) -> None:
        """Waits until sshd answers, and opens the connection that all commands share."""
        while not (self.greets() and self.connect()):
            if time.monotonic() > deadline:
                raise BoardError(f"the guest did not come up in time; ssh said: {self.complaints()}")
            time.sleep(POLL_S)

    def greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2.0) as connection:
                return connection.recv(4).startswith(b"SSH")
        except OSError:
            return False

    def connect(self) -> bool:
        """Opens the shared connection; it stays open in the background."""
        self.disconnect()
        with open(self.folder / "ssh.log", "w") as log:
            master = self.ssh("-M", "-N", "-f", "-o", "ConnectTimeout=60")
            return subprocess.run(master, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode == 0

    def complaints(self) -> str:
        try:
            return (self.folder / "ssh.log").read_text().strip()
        except FileNotFoundError:
            return "nothing, as sshd never answered"

    def disconnect(self) -> None:
        subprocess.run(self.ssh("-O", "exit"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (self.folder / "ssh").unlink(missing_ok=True)

    def run(self, command: str, stdin: bytes | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Runs a shell command, and returns what it wrote. It must succeed."""
        done = self.attempt(command, stdin, timeout_s)
        if done.returncode != 0:
            raise GuestError(
                f"in the guest, `{command}` failed with status {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def attempt(
        self, command: str, stdin: bytes | None = None, timeout_s: float = COMMAND_TIMEOUT_S
    ) -> subprocess.CompletedProcess:
        """Runs a shell command that may fail."""
        done = subprocess.run(
            [*self.ssh(), command], input=stdin if stdin is not None else b"", capture_output=True, timeout=timeout_s
        )
        return subprocess.CompletedProcess(
            command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def follow(self, command: str) -> subprocess.Popen:
        """Starts a command whose output lines are read while it runs."""
        return subprocess.Popen(
            [*self.ssh(), command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )

    def put(self, files: dict[str, "bytes | Path"], executable: frozenset[str] = frozenset()) -> None:
        """Puts files, by their paths in the guest, in one go. They belong to root."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, content in files.items():
                data = content if isinstance(content, bytes) else Path(content).read_bytes()
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size = len(data)
                entry.mode = 0o755 if path in executable else 0o644
                entry.mtime = int(time.time())
                tar.addfile(entry, io.BytesIO(data))
        self.run("tar -x -C / --unlink-first --no-same-owner", stdin=archive.getvalue(), timeout_s=300)

    def exists(self, path: str) -> bool:
        return self.attempt(f"test -e {shlex.quote(path)}").returncode == 0

    def time_ms(self) -> int:
        """The guest's wall clock, in Unix milliseconds."""
        return int(self.run("date +%s%3N"))

    def shell(self) -> None:
        """Becomes a shell in the guest."""
        os.execvp("ssh", self.ssh("-t"))
