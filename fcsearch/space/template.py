"""A space file for a dataset, made from one that ships: its own comments stay, and those on the data come on top."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from fcsearch.config.objective import OBJECTIVES, Task
from fcsearch.data.spec import DatasetSpec
from fcsearch.space.as_yaml import flow, printable, quoted

# What every space that ships begins with: a comment, a name, a dataset. A test holds them to it.
_SHIPPED = re.compile(r"(?P<comment>(?:#.*\n)+)name: .*\ndataset: .*\n(?P<rest>(?s:.*))")
_NAME_HELP = "    # what the run is called"
_HELP_OF = {"label": "    # the column to predict", "drop": "    # columns to leave out"}
_TABLE_HELP = """\
  # Other options, with examples:
  # test: test.csv               # a file of test rows; if left out, a share of the rows
  # test_fraction: 0.15          # that share (the default): rows for the one last measurement
  # val_fraction: 0.2            # one split with this share of the rows to choose between the trials; default: 0.15
  # folds: 5                     # each row validates in one of so many folds; 1: one split; auto: by the number of rows
  # split_seed: 0                # which rows go to test and to validation: another seed, other rows
  # weights: a_column            # how much each row counts in training, by numbers of at least 0
  # group: a_column              # what names groups of rows, none of which is ever in two splits
  # time: a_column               # numbers or dates: train on the earliest rows, test on the latest
  # dates: parts                 # makes numbers of dates: year, month, ...; left out, dates are refused
  # decimal: ","                 # the sign before fractions in CSV files; left out, it is found
  # preprocessing: auto          # or standardize, quantile, robust, piecewise, mean, none
"""


def opening_comment(text: str) -> str:
    """What the comment at the top of a space that ships says: its first paragraph, on one line."""
    lines = _split(text)[0].splitlines()
    ends = lines.index("#") if "#" in lines else len(lines)
    return " ".join(line.removeprefix("#").strip() for line in lines[:ends])


def space_text(
    base: str, *, name: str, spec: DatasetSpec, comment: Sequence[str], task: Task = "classification"
) -> str:
    """The text of a space file.

    Args:
        base: Text of a space that ships.
        name: The new space's name.
        spec: The new space's dataset, without what is said beside it.
        comment: Lines of the comment at the top.
        task: That of the dataset.
    """
    head = "".join(f"# {printable(line)}".rstrip() + "\n" for line in comment)
    return f"{head}\nname: {quoted(name)}{_NAME_HELP}\n{_dataset(spec)}{_objective(task)}{_split(base)[1]}"


def _objective(task: Task) -> str:
    """A comment on the objective."""
    first, *others = (name for name, objective in OBJECTIVES.items() if objective.task == task)
    return f"# objective: {first}    # the figure on validation rows that is improved; or {', '.join(others)}\n"


def dataset_options(spec: DatasetSpec) -> dict[str, Any]:
    """The options of a dataset that are not as usual, in JSON types, without those that a space says beside it."""
    beside = {"source", "task", "class_weight", "folds"}
    found: dict[str, Any] = TypeAdapter(DatasetSpec).dump_python(
        spec, mode="json", exclude_defaults=True, exclude=beside
    )
    return found


def _dataset(spec: DatasetSpec) -> str:
    where = "" if spec.is_named else "    # a path from the folder that you run in"
    lines = [f"  source: {quoted(spec.source)}{where}"]
    options = dataset_options(spec)
    for key, value in options.items():
        lines.append(f"  {key}: {flow(value)}{_HELP_OF.get(key, '')}")
    if not spec.is_named:
        lines += [] if spec.drop else ["  # drop: [a_column]    # columns to leave out"]
        lines += [line for line in _TABLE_HELP.splitlines() if line.partition(":")[0].strip("# ") not in options]
    return "dataset:\n" + "\n".join(lines) + "\n"


def _split(text: str) -> tuple[str, str]:
    """The opening comment, and what follows the dataset."""
    found = _SHIPPED.fullmatch(text)
    if found is None:
        raise ValueError("a space that ships begins with a comment, its name and its dataset")
    return found["comment"], found["rest"]
