"""Writes down when a better network was known, and what it reaches on test rows; and reads it.

Imports nothing but the standard library, because every worker of a peer imports it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Improvement(NamedTuple):
    """A line of a trace.

    Attributes:
        moment: Seconds since the epoch, less what the process has spent on test rows before: on the peer's own clock.
        val: The score on validation rows.
        test: The score on test rows; None: it has none.
        spent: Seconds that the process has spent on test rows, these included.
    """

    moment: float
    val: float
    test: float | None
    spent: float


def read(path: Path) -> list[Improvement]:
    """The improvements of all processes that wrote to the file, in order; a line that was cut short is none."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    found = (Improvement(*json.loads(line)) for line in lines if line.endswith("\n"))
    return sorted(found, key=lambda line: line[:2])


class Improvements:
    """The improvements that a process knows of, a line of JSON each: the fields of Improvement.

    Several processes may write to one file; whoever reads it merges them.

    Args:
        path: The file; None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._best = float("-inf")
        self._spent = 0.0

    def offer(self, score: float | None, test_score: Callable[[], float | None]) -> None:
        """Measure the test rows, if the score on validation rows is this process's best."""
        if self._path is None or score is None or score <= self._best:
            return
        self._best = score
        began = time.time()
        moment, test = began - self._spent, test_score()
        line = json.dumps([moment, score, test, time.time() - moment])
        with self._path.open("a") as file:
            file.write(line + "\n")
        self._spent = time.time() - moment
