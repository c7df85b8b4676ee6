"""Writes down when a better network was known, and what it reaches on test rows.

Imports nothing but the standard library, because every worker of a peer imports it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path


class Improvements:
    """The improvements that a process knows of, a line of JSON each: [seconds since the epoch, validation, test].

    Several processes may write to one file; whoever reads it merges them.

    Args:
        path: The file; None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._best = float("-inf")
        self._spent = 0.0

    def offer(self, score: float | None, test_score: Callable[[], float | None]) -> None:
        """Measure the test rows, if the score on validation rows is this process's best; not at the peer's expense."""
        if self._path is None or score is None or score <= self._best:
            return
        self._best = score
        began = time.time()
        line = json.dumps([began - self._spent, score, test_score()])
        with self._path.open("a") as file:
            file.write(line + "\n")
        self._spent += time.time() - began
