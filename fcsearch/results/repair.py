"""Damaged and missing parts of a run's tables: set aside, so that what was in them can be trained again."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
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
        then: What becomes of that which was in it, a clause.
    """

    path: Path
    found: str
    kept: Path | None
    then: str = "its trials are trained again"

    def __str__(self) -> str:
        kept = f"kept as {self.kept}; " if self.kept else ""
        return f"{self.path} is damaged: {self.found}; {kept}{self.then}"


def is_whole(*tables: Parts) -> bool:
    """Whether no part of tables that belong together is damaged or missing; RunError if one cannot be read."""
    return all(parts.damage(number) is None for number in _numbers(tables) for parts in tables)


def set_damaged_aside(tables: Sequence[Parts], folder: Path) -> list[Damage]:
    """Move the parts of tables that belong together out of the way for every number of which one is damaged or missing.

    Args:
        tables: Their parts of one number have rows of the same packs. Those without which the others are cleared away
            in any case come first.
        folder: Where the damaged parts go.

    Returns:
        What was damaged or missing. A whole part whose counterpart was damaged is removed: it will be written again.

    Raises:
        RunError: the file system refused.
    """
    found = []
    for number in sorted(_numbers(tables)):
        damaged = [(parts, reason) for parts in tables if (reason := parts.damage(number)) is not None]
        for parts, reason in damaged:
            path = parts.path(number)
            found.append(Damage(path, reason, _keep(path, folder) if path.exists() else None))
        if damaged:
            for parts in tables:
                parts.remove(number)
    for parts in tables:
        parts.restore_empty()
    return found


def set_confirmations_aside(confirmations: Parts, folder: Path) -> list[Damage]:
    """Move the damaged parts of the trainings with other seeds out of the way, as `set_damaged_aside` does."""
    if not confirmations.numbers():
        # A run without a confirmation has no such folder.
        return []
    then = "its trainings with other seeds are made again if they are still asked for"
    return [dataclasses.replace(damage, then=then) for damage in set_damaged_aside([confirmations], folder)]


def _numbers(tables: Sequence[Parts]) -> set[int]:
    return set().union(*(parts.numbers() for parts in tables))


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
