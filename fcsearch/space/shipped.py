"""The spaces that ship: the files of the repository's `search_spaces/`, which the wheel holds inside the package."""

from __future__ import annotations

import os
import shlex
from importlib import resources
from pathlib import Path

from fcsearch.errors import SpaceError
from fcsearch.text import did_you_mean, nearest

DEFAULT_SPACE = "default"
SMALL_SPACE = "small"
# Of a table with fewer rows (docs/quality.md), and no more columns, `small` is the default space. With more columns its
# bins would take more time and memory than the search.
FEW_ROWS = 4000
FEW_COLUMNS = 64


def shipped_spaces() -> dict[str, Path]:
    """The file of every space that ships, by name, in order of names."""
    package = Path(str(resources.files("fcsearch")))
    installed = package / "search_spaces"
    folder = installed if installed.is_dir() else package.parent / "search_spaces"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def is_space_file(text: str) -> bool:
    """Whether `text` is the name of a space file, by its ending: .yaml or .yml."""
    return text.lower().endswith((".yaml", ".yml"))


def shipped_space(name: str) -> Path:
    """The file of the space that ships under this name.

    Raises:
        SpaceError: none does.
    """
    known = shipped_spaces()
    if name in known:
        return known[name]
    if _is_table_or_arrays(name) and Path(name).is_file():
        init, run = (shlex.join(["fcsearch", command, name]) for command in ("init", "run"))
        raise SpaceError(
            f"no space called {name!r} ships: it is a dataset. `{init}` writes a space for it, and `{run}` searches it"
        )
    hint = did_you_mean(nearest(name, known), sentence=True)
    raise SpaceError(
        f"no space called {name!r} ships; those that do are {', '.join(known)}. The name of a space file ends in "
        f".yaml or .yml.{hint}"
    )


def find_space(text: str) -> Path:
    """The file of a space: the one at this path, or the one that ships under this name.

    A path ends in .yaml or .yml, or has a folder in it and does not end as data do. A name never means a file of the
    current folder: what a command does must not depend on what happens to lie there.

    Raises:
        SpaceError: a name, and no space of this name ships. That there is a file at a path is not checked.
    """
    in_folder = any(sign in text for sign in (os.sep, os.altsep) if sign)
    if is_space_file(text) or (in_folder and not _is_table_or_arrays(text)):
        return Path(text)
    return shipped_space(text)


def _is_table_or_arrays(text: str) -> bool:
    """Whether it is the name of a dataset's file, by its ending."""
    from fcsearch.data.sources.paths import format_of

    return bool(format_of(Path(text)))
