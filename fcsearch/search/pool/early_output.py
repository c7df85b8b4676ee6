"""What a process prints before there is a log that it could print to: it is started while there is no run yet."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

_MOST = 2**20


class EarlyOutput:
    """A file without a name.

    Attributes:
        descriptor: The open file, for the process's streams.
    """

    def __init__(self) -> None:
        self.descriptor, path = tempfile.mkstemp(prefix="fcsearch-")
        Path(path).unlink()

    def text(self) -> str:
        """What was printed, and has not moved on."""
        return os.pread(self.descriptor, _MOST, 0).decode(errors="replace").strip()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


def print_to(stream: int) -> None:
    """In that process: print to this file from now on, and what was printed so far with it; closes `stream`."""
    with contextlib.suppress(OSError):
        os.write(stream, os.pread(sys.stderr.fileno(), _MOST, 0))
        os.ftruncate(sys.stderr.fileno(), 0)
    for standard in (sys.stdout, sys.stderr):
        standard.flush()
        os.dup2(stream, standard.fileno())
    os.close(stream)
