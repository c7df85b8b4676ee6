"""Started by a raylet in place of Ray's worker program: has a worker forked, or becomes that program.

It is run by its path, and imports next to nothing.
"""

import json
import os
import socket
import sys

# Environment variables: the socket of the process that forks workers, and Ray's worker program.
FORKS, PROGRAM = "FCSEARCH_WORKER_FORKS", "FCSEARCH_WORKER_PROGRAM"
# The process may still import its libraries; without it they would be imported here, which takes as long. A raylet
# gives a worker up after a minute, all in all.
_SECONDS = 30.0


def main() -> None:
    """Have a worker forked with the arguments, environment and streams of this process; if that fails, become one."""
    if not _is_forked(os.environ[FORKS], sys.argv[1:]):
        os.execv(sys.executable, [sys.executable, os.environ[PROGRAM], *sys.argv[1:]])


def _is_forked(path: str, arguments: list[str]) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_SECONDS)
            line.connect(path)
            socket.send_fds(line, [b"f"], [0, 1, 2])
            line.sendall(json.dumps([arguments, dict(os.environ)]).encode())
            line.shutdown(socket.SHUT_WR)
            return bool(line.recv(1))
    except OSError:
        return False


if __name__ == "__main__":
    main()
