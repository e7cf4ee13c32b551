"""Whether KVM works here. A /dev/kvm that can be opened is not enough: some hosts' cannot run a kernel."""

import os
import selectors
import subprocess
import time
from pathlib import Path

from machine.image import Image
from machine.paths import cache_dir, say

KVM = ["-accel", "kvm", "-cpu", "host"]
# Software emulation, with a host thread for each of the guest's processors.
TCG = ["-accel", "tcg,thread=multi"]
# A kernel under KVM says its first word within a second.
PROBE_TIME_S = 10.0


def accelerator(image: Image) -> list[str]:
    """QEMU's options for the fastest accelerator that works. `CARPUS_BOARD_ACCEL=tcg` or `kvm` decides instead."""
    wanted = os.environ.get("CARPUS_BOARD_ACCEL")
    if wanted == "tcg":
        return TCG
    if wanted == "kvm" or kvm_works(image):
        return KVM
    return TCG


def kvm_works(image: Image) -> bool:
    """Starts the guest's kernel under KVM until it speaks. The answer is kept until the host boots anew."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    answer = cache_dir() / "kvm"
    try:
        known_boot, works = answer.read_text().split()
        if known_boot == boot:
            return works == "works"
    except (OSError, ValueError):
        pass
    works = kernel_speaks(image)
    say("KVM works" if works else "/dev/kvm is there but cannot run a kernel: emulating in software")
    answer.write_text(f"{boot} {'works' if works else 'fails'}\n")
    return works


def kernel_speaks(image: Image) -> bool:
    """Whether the kernel, without an initramfs or a disk, comes as far as finding no root file system."""
    command = [
        *["qemu-system-x86_64", *KVM, "-M", "q35", "-m", "256M", "-nodefaults", "-no-reboot", "-display", "none"],
        *["-serial", "stdio", "-kernel", str(image.kernel), "-append", "console=ttyS0 panic=-1"],
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        return read_until(process, b"Unable to mount root fs", b"emulation failure")
    finally:
        process.kill()
        process.wait()


def read_until(process: subprocess.Popen, success: bytes, failure: bytes) -> bool:
    said = b""
    deadline = time.monotonic() + PROBE_TIME_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                return False
            chunk = os.read(process.stdout.fileno(), 65536)
            said += chunk
            if success in said:
                return True
            if failure in said or not chunk:
                return False
    return False
