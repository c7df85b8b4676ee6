"""Damaged and missing parts of a run's tables: set aside, so that their trials can be trained again."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

from fcsearch.errors import RunError
from fcsearch.results.parts import Parts

# Folder of a run directory with what was damaged.
DAMAGED = "damaged"


@dataclasses.dataclass(frozen=True)
class Damage:
    """A part that could not be used.

    Attributes:
        path: Where it was.
        found: What is wrong with it.
        kept: Where it lies now; None if there was nothing to keep.
    """

    path: Path
    found: str
    kept: Path | None

    def __str__(self) -> str:
        kept = f"kept as {self.kept}; " if self.kept else ""
        return f"{self.path} is damaged: {self.found}; {kept}its trials are trained again"


def is_whole(trials: Parts, epochs: Parts) -> bool:
    """Whether no part of either table is damaged or missing; RunError if one cannot be read."""
    numbers = trials.numbers() | epochs.numbers()
    return all(parts.damage(number) is None for number in numbers for parts in (trials, epochs))


def set_damaged_aside(trials: Parts, epochs: Parts, folder: Path) -> list[Damage]:
    """Move the parts of both tables out of the way for every number of which one is damaged or missing.

    Args:
        trials: The table of trials.
        epochs: The table of epochs.
        folder: Where the damaged parts go.

    Returns:
        What was damaged or missing. A whole part whose counterpart was damaged is removed: it will be written again.

    Raises:
        RunError: the file system refused.
    """
    found = []
    for number in sorted(trials.numbers() | epochs.numbers()):
        damaged = [(parts, reason) for parts in (trials, epochs) if (reason := parts.damage(number)) is not None]
        for parts, reason in damaged:
            path = parts.path(number)
            found.append(Damage(path, reason, _keep(path, folder) if path.exists() else None))
        if damaged:
            # Trials first: epochs without their trials are cleared away in any case.
            trials.remove(number)
            epochs.remove(number)
    for parts in (trials, epochs):
        parts.restore_empty()
    return found


def _keep(path: Path, folder: Path) -> Path:
    name = f"{path.parent.name}-{path.stem}"
    free = (
        folder / f"{name}{number}{path.suffix}"
        for number in itertools.chain([""], (f"-{n}" for n in itertools.count(2)))
    )
    place = next(place for place in free if not place.exists())
    try:
        folder.mkdir(exist_ok=True)
        path.replace(place)
    except OSError as error:
        raise RunError(f"{path} must be movable; found: {error.strerror or error}; free space or permit it") from error
    return place
