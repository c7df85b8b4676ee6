"""A run's folder, made whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fcsearch.errors import RunError


@contextmanager
def new_folder(path: Path) -> Iterator[None]:
    """Make a folder, and those above it that are missing; all of them go again if the block raises.

    Raises:
        RunError: the path is taken, or the file system refused, here or in the block.
    """
    made: list[Path] = []
    try:
        for folder in (*(parent for parent in reversed(path.parents) if not parent.exists()), path):
            folder.mkdir()
            made.append(folder)
        yield
    except FileExistsError as error:
        _remove(made)
        raise RunError(
            f"a new run needs a name that is free; found {error.filename}, which exists; choose another with --name, "
            f"or go on with that run: `fcsearch resume {path}`"
        ) from error
    except OSError as error:
        _remove(made)
        raise RunError(
            f"{path} must be a place to write; found: {error.strerror or error}; choose another with --out"
        ) from error
    except BaseException:
        _remove(made)
        raise


def _remove(made: list[Path]) -> None:
    # The first folder made holds all the others.
    if made:
        shutil.rmtree(made[0], ignore_errors=True)
