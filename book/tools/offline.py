"""Runs a command with the network cut off (Linux): python3 book/tools/offline.py make test

The command gets a network of its own in which only this machine exists, so whatever would reach
out fails at once instead of succeeding unseen. Exits with 3 where the system does not allow it.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys

INSIDE = "--inside"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def start_loopback() -> None:
    """Let this machine reach itself: notebooks talk to their kernels, a browser to its server."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS, request)
        flags = struct.unpack("16sh14x", answer)[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def main(arguments: list[str]) -> int:
    """Run `arguments` cut off; their exit status, 3 when that cannot be had."""
    if arguments[:1] == [INSIDE]:
        start_loopback()
        os.execvp(arguments[1], arguments[1:])
    if not arguments:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    # A user who is not root gets a network of their own only together with a user of their own.
    unshare = ["unshare", "--net", *([] if os.getuid() == 0 else ["--map-current-user"])]
    allowed = shutil.which("unshare") and subprocess.run(
        [*unshare, "true"], capture_output=True
    ).returncode == 0  # fmt: skip
    if not allowed:
        print("This system gives a command no network of its own.", file=sys.stderr)
        return 3
    command = [*unshare, sys.executable, os.path.abspath(__file__), INSIDE, *arguments]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
