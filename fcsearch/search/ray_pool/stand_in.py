"""Stands for a process that Ray wants beside its raylet: it does nothing, and ends with the raylet.

It is run by its path, and imports next to nothing.
"""

import os
import time

# The raylet, whose child this is, says its number.
RAYLET = "RAY_RAYLET_PID"
_LOOK_SECONDS = 0.5


def main() -> None:
    """Wait until the raylet has ended."""
    raylet = int(os.environ.get(RAYLET) or os.getppid())
    # Not whether there is such a process: one that nobody waits for keeps its number, as in many containers.
    while os.getppid() == raylet:
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
