"""The space and the dataset of a search, from options and from arguments that look like one or the other."""

from __future__ import annotations

import dataclasses
import functools
import glob
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fcsearch.errors import UsageError

if TYPE_CHECKING:
    from fcsearch.space import SearchSpace
    from fcsearch.space.overrides import Override

_WAYS = """\
say what to search: a space, a dataset, or both
  fcsearch run customers.csv --label churn    your data, with the default space
  fcsearch run dropout                        a space that ships, on its own dataset; `fcsearch spaces` lists them
  fcsearch run my_space.yaml                  your own space, on its own dataset; `fcsearch init` writes one"""


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the user named.

    Attributes:
        space: A path, the name of a space that ships, or a run directory, whose space it is; None: the default space.
        dataset: A name or path; None: the space's own.
    """

    space: str | None = None
    dataset: str | None = None

    def load(self, overrides: Sequence[str | Override]) -> SearchSpace:
        """The space, with the dataset and the `overrides` (`KEY=VALUE`) applied.

        If no space is named, it is `small` for a small table, else `default`, and takes its name, and so the
        run's, from the dataset.

        Raises:
            SpaceError: the space is missing or is not valid.
            RunError: the run is damaged, or an earlier version wrote its space.
        """
        from fcsearch.results import RunDirectory
        from fcsearch.space import find_space, load_space

        if self.space is not None and _is_run(self.space):
            return RunDirectory.open(Path(self.space).expanduser()).space().changed(overrides, dataset=self.dataset)
        if self.space is None and self.dataset is not None:
            overrides = [f"name={json.dumps(dataset_name(self.dataset))}", *overrides]
        return load_space(find_space(self.searched), overrides=overrides, dataset=self.dataset)

    @functools.cached_property
    def searched(self) -> str:
        """The space that is searched: the one that is named, or the default one for the dataset."""
        return self.space or default_space(self.dataset or "digits")


def choose(given: Sequence[str], *, space: str | None, dataset: str | None) -> Choice:
    """The space and the dataset that arguments and options name together.

    Args:
        given: Positional arguments: spaces or datasets, told apart by what they look like.
        space: `--space`.
        dataset: `--dataset`.

    Raises:
        UsageError: neither is named, one is named twice, or an argument is neither a space nor a dataset.
    """
    found: dict[str, list[str]] = {"space": [], "dataset": []}
    for text in given:
        found[_kind(text)].append(text)
    for kind, option in (("space", space), ("dataset", dataset)):
        named = [*found[kind], *([] if option is None else [f"--{kind} {option}"])]
        if len(named) > 1:
            raise UsageError(f"a search has one {kind}; found {' and '.join(named)}. Leave one of them out")
    choice = Choice(next(iter(found["space"]), space), next(iter(found["dataset"]), dataset))
    if choice == Choice():
        raise UsageError(_WAYS)
    return choice


def default_space(source: str) -> str:
    """The name of the space that is searched for a dataset if none is named."""
    from fcsearch.data import DatasetSpec
    from fcsearch.data.sources.counting import is_small
    from fcsearch.space import DEFAULT_SPACE, FEW_COLUMNS, FEW_ROWS, SMALL_SPACE

    small = is_small(DatasetSpec(source), rows=FEW_ROWS, columns=FEW_COLUMNS)
    return SMALL_SPACE if small else DEFAULT_SPACE


def dataset_name(source: str) -> str:
    """A name for files and runs from a dataset's: `customers` from `data/customers.csv.gz`."""
    from fcsearch.data import DatasetSpec
    from fcsearch.space.space_file import plain_name

    if DatasetSpec(source).is_named:
        return plain_name(source)
    path = Path(source).expanduser()
    return plain_name(path.resolve().name if path.is_dir() else path.name.split(".")[0])


def _kind(text: str) -> str:
    """`space` or `dataset`: the name of a space that ships is a space even if the folder has a file of that name."""
    from fcsearch.data import DatasetSpec
    from fcsearch.space.shipped import is_space_file, shipped_spaces

    if is_space_file(text) or text in shipped_spaces() or _is_run(text):
        return "space"
    if text and (DatasetSpec(text).is_named or _is_data_path(text)):
        return "dataset"
    raise UsageError(_neither(text))


def _is_run(text: str) -> bool:
    """Whether it is a run directory; the name of a space that ships is never one."""
    from fcsearch.results.no_run import MANIFEST
    from fcsearch.space.shipped import shipped_spaces

    return text not in shipped_spaces() and (Path(text).expanduser() / MANIFEST).is_file()


def _is_data_path(text: str) -> bool:
    path = Path(text).expanduser()
    return path.exists() or glob.has_magic(text) or bool(path.suffix) or len(path.parts) > 1


def _neither(text: str) -> str:
    from fcsearch.data import DATASET_NAMES
    from fcsearch.space import shipped_spaces
    from fcsearch.text import did_you_mean, nearest

    spaces = shipped_spaces()
    near = nearest(text, [*spaces, *DATASET_NAMES, *(path.name for path in Path().iterdir())])
    hint = did_you_mean(near, sentence=True)
    return (
        f"{text!r} is neither a space nor a dataset: a space is a .yaml file or one of {', '.join(spaces)}; a dataset "
        f"is a file, a folder, openml:<name or id> or one of {', '.join(DATASET_NAMES)}.{hint}"
    )
