"""One writer per run: a lock that is released when its holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fcsearch.errors import RunError

# A reader that tests the lock holds it for an instant itself; the writer waits that long.
_PATIENCE_SECONDS = 1.0


@contextmanager
def hold(path: Path, *, patience: float = _PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock file for as long as the block runs, or the process lives.

    Args:
        path: The lock file.
        patience: Seconds to wait for another holder; negative: until it is done.

    Raises:
        RunError: another process holds it, or the file cannot be written.
    """
    # filelock's soft lock, its fallback on some file systems, would outlive its holder.
    lock = FileLock(path, timeout=patience, poll_interval=0.02, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise RunError(
            f"a run must have only one writer; found another process that is writing {path.parent}; "
            "wait until it ends, or end it with Ctrl-C"
        ) from error
    except OSError as error:
        raise RunError(f"{path.parent} must be writable; found: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool | None:
    """Whether some process holds the lock; None if no process ever did, or it cannot be read."""
    # A shared lock, which filelock does not take on files that may only be read: two readers must not meet each other.
    try:
        with path.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False
