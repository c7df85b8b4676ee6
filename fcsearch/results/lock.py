"""One writer a run: a lock that its holder's death releases."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fcsearch.errors import RunError

# A reader that asks who holds the lock holds it for an instant itself; the writer waits that out.
_PATIENCE_SECONDS = 1.0


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock file for as long as the block runs, or the process lives.

    Raises:
        RunError: another process holds it, or the file cannot be written.
    """
    try:
        stream = path.open("a")
    except OSError as error:
        raise RunError(f"{path.parent} must be writable; found: {error.strerror or error}") from error
    with stream:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise RunError(
                        f"a run must have one writer; found another process that is writing {path.parent}; "
                        "wait until it ends, or end it with Ctrl-C"
                    ) from error
                time.sleep(0.02)
        yield


def is_held(path: Path) -> bool | None:
    """Whether some process holds the lock; None where no process ever did, or where that cannot be read."""
    try:
        with path.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False
