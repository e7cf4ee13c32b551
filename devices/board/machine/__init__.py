"""The virtual board as a machine: its image, QEMU, the way in, and what comes out of it."""
