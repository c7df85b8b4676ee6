"""How a run directory is recognised, and the errors for a path that is not one, is taken, or cannot be one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fcsearch.errors import RunError
from fcsearch.text import did_you_mean, nearest
from fcsearch.wording import option, wording

MANIFEST = "run.json"
LOCK = ".lock"
# What every run directory has had from its start on.
FOLDERS = ("trials", "epochs", "models")


def has_lost_manifest(path: Path) -> bool:
    """Whether a folder is a run directory whose manifest is gone."""
    return not (path / MANIFEST).exists() and all((path / name).is_dir() for name in FOLDERS)


def no_run(path: Path) -> RunError:
    """The error for a path that is not a run directory: what it is, and which run was probably meant."""
    if has_lost_manifest(path):
        return RunError(
            f"{path} must have the {MANIFEST} of its search; found a run without it; put a copy of it back, or remove "
            "the folder; the tables in trials/ and epochs/ can be read without it"
        )
    found = "a file" if path.exists() else "nothing there"
    if path.is_dir():
        found = "a folder that is not a run" if (path / MANIFEST).is_file() else f"a folder without {MANIFEST}"
    runs = [entry.parent.name for entry in path.parent.glob(f"*/{MANIFEST}")]
    near = nearest(path.name, runs)
    hint = did_you_mean(near and path.parent / near) or "; `fcsearch runs` lists the runs"
    return RunError(f"{path} must be a run directory; found {found}{hint}")


def name_taken(place: Path | str) -> RunError:
    """The error for a new run at a path, or a URL, that exists."""
    return RunError(
        f"a new run needs a free name; found {place}, which exists; choose another with {wording().new_run()}, or "
        f"continue that run: `fcsearch resume {place}`"
    )


def check_run_place(path: Path) -> None:
    """Refuse a path at which no run directory can be made; nothing stays there.

    Raises:
        RunError: a folder cannot be made in the one that is to hold it.
    """
    nearest_folder = next(parent for parent in path.parents if parent.exists())
    try:
        # Permissions alone do not tell: a file system may refuse, or be read-only.
        tempfile.TemporaryDirectory(dir=nearest_folder).cleanup()
    except OSError as error:
        raise no_place(path, error) from error


def no_place(path: Path, error: OSError) -> RunError:
    """The error for a new run at a path that cannot be written."""
    return RunError(
        f"{path} must be a place to write; found: {error.strerror or error}; choose another with {option('out')}"
    )
