"""A board: one QEMU process, its folder, and what leads in and out of it."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from machine import sound
from machine.accelerator import accelerator
from machine.guest import POLL_S, Guest
from machine.image import Image
from machine.paths import BoardError, instances_dir, say

MEMORY = "1G"
PROCESSORS = 2
# From the start to a login over ssh: seconds with KVM, half a minute in emulation, more on a host that is busy.
BOOT_TIMEOUT_S = 300.0
# From SIGTERM to SIGKILL for QEMU.
QEMU_LEAVE_TIME_S = 5.0
# A free port may be taken by another between our look and QEMU's.
START_ATTEMPTS = 5

KERNEL_ARGUMENTS = (
    "root=/dev/vda rootfstype=ext4 rw fsck.mode=skip console=ttyS0 quiet net.ifnames=0 "
    "mitigations=off nokaslr audit=0 systemd.show_status=0"
)


class Board:
    """A board by its name; its folder holds all that belongs to it, and is gone when it is taken down."""

    def __init__(self, name: str):
        self.name = name
        self.folder = instances_dir() / name
        self.radio_socket = self.folder / "radio"
        self.sound_file = self.folder / "sound.wav"
        self.console_file = self.folder / "console.log"
        self._state_file = self.folder / "board.json"

    @property
    def state(self) -> dict:
        """What `start` wrote of the running board: `pid`, `ssh_port`, `accelerator`, `boot_s`."""
        try:
            return json.loads(self._state_file.read_text())
        except FileNotFoundError:
            return {}

    @property
    def guest(self) -> Guest:
        state = self.state
        if not state:
            raise BoardError(f"there is no board {self.name!r}; bring it up with `./dev board up`")
        return Guest(self.folder, state["ssh_port"])

    @property
    def runs(self) -> bool:
        state = self.state
        return bool(state) and is_qemu(state["pid"])

    def start(self, image: Image) -> None:
        """Starts QEMU on a fresh copy of the image. The radio socket is there afterwards; the guest boots."""
        if self.runs:
            raise BoardError(f"the board {self.name!r} is up already")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "board", "-f", str(self.folder / "key")], check=True
        )
        options = accelerator(image)
        for attempt in range(START_ATTEMPTS):
            port = free_port()
            process = subprocess.Popen(
                self._qemu(image, options, port),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=open(self.folder / "qemu.log", "w"),
                start_new_session=True,
            )
            if self._sockets_are_there(process):
                break
            if attempt + 1 == START_ATTEMPTS:
                raise BoardError(f"QEMU did not start:\n{(self.folder / 'qemu.log').read_text()}")
        self._write_state(pid=process.pid, ssh_port=port, accelerator=options[1].split(",")[0])
        say(f"the board boots ({options[1]})")

    def wait_until_up(self, started: float) -> None:
        """Waits until commands can be run, and notes how long that took since `started` (a monotonic time)."""
        self.guest.wait_for_sshd(started + BOOT_TIMEOUT_S)
        boot_s = round(time.monotonic() - started, 1)
        self._write_state(**self.state | {"boot_s": boot_s})
        say(f"the guest is up after {boot_s} s")

    def wait_for_adapter(self, timeout_s: float = 60.0) -> None:
        """Waits until BlueZ has the adapter, powered."""
        deadline = time.monotonic() + timeout_s
        while "Powered: yes" not in self.guest.attempt("bluetoothctl show").stdout:
            if time.monotonic() > deadline:
                raise BoardError("BlueZ has no powered adapter")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Switches the board off and removes its folder."""
        state = self.state
        if state:
            self.guest.disconnect()
            end_process(state["pid"])
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart_after_power_loss(self) -> None:
        """Resets the guest without a word, so that what it had not synced is gone, and waits until it is up again."""
        self.guest.disconnect()
        started = time.monotonic()
        self.monitor("system_reset")
        self.wait_until_up(started)
        self.wait_for_adapter()

    def monitor(self, command: str) -> None:
        """Gives QEMU a command without arguments over its machine protocol."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.folder / "qmp"))
            lines = connection.makefile("rw")
            for message in ("qmp_capabilities", command):
                lines.write(json.dumps({"execute": message}) + "\n")
                lines.flush()
                self._answer(lines)

    def _answer(self, lines) -> None:
        for line in lines:
            answer = json.loads(line)
            if "error" in answer:
                raise BoardError(f"QEMU refused: {answer['error']}")
            if "return" in answer:
                return
        raise BoardError("QEMU closed its monitor")

    def _sockets_are_there(self, process: subprocess.Popen) -> bool:
        """Waits until QEMU listens; false if it ended first."""
        while process.poll() is None:
            if self.radio_socket.exists() and (self.folder / "qmp").exists():
                return True
            time.sleep(0.05)
        return False

    def _write_state(self, **state) -> None:
        self._state_file.write_text(json.dumps(state))

    def _qemu(self, image: Image, accelerator_options: list[str], port: int) -> list[str]:
        key = base64.b64encode((self.folder / "key.pub").read_bytes()).decode()
        credential = f"io.systemd.credential.binary:ssh.authorized_keys.root={key}"
        return [
            *["qemu-system-x86_64", "-name", f"carpus-board-{self.name}", "-nodefaults", "-no-user-config"],
            *["-M", "q35", *accelerator_options, "-m", MEMORY, "-smp", str(PROCESSORS), "-display", "none"],
            *["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", KERNEL_ARGUMENTS],
            # Writes go to a temporary overlay: every start has the pristine image.
            *["-drive", f"file={image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe"],
            # The guest reaches nothing; the host reaches its sshd.
            *["-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"],
            *["-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"],
            *["-serial", f"file:{self.console_file}"],
            *["-chardev", f"socket,id=radio,path={self.radio_socket},server=on,wait=off", "-serial", "chardev:radio"],
            *["-audiodev", f"wav,id=sound,path={self.sound_file},out.frequency={sound.RATE_HZ},out.channels={sound.CHANNELS}"],
            *["-device", "intel-hda", "-device", "hda-output,audiodev=sound"],
            *["-qmp", f"unix:{self.folder}/qmp,server=on,wait=off"],
            *["-rtc", "base=utc,clock=host", "-smbios", f"type=11,value={credential}"],
        ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_qemu(pid: int) -> bool:
    """Whether the process is there, and is a QEMU: its number may have been given to another since."""
    try:
        return b"qemu-system" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def end_process(pid: int) -> None:
    """Ends a QEMU, with force if it does not go by itself."""
    deadline = time.monotonic() + QEMU_LEAVE_TIME_S
    kind = signal.SIGTERM
    while is_qemu(pid):
        try:
            os.kill(pid, kind)
            os.waitpid(pid, os.WNOHANG)
        except (ProcessLookupError, ChildProcessError):
            pass
        if time.monotonic() > deadline:
            kind = signal.SIGKILL
        time.sleep(0.1)
