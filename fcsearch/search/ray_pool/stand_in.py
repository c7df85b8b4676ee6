"""Stands for a process that Ray wants beside its raylet: it does nothing, and ends with the raylet.

It is run by its path, and imports next to nothing.
"""

import contextlib
import os
import time

# The raylet says its number.
RAYLET = "RAY_RAYLET_PID"
_LOOK_SECONDS = 0.5


def main() -> None:
    """Wait until the raylet has ended."""
    raylet = int(os.environ.get(RAYLET) or os.getppid())
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(raylet, 0)
            time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
