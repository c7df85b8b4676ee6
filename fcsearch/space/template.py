"""A space file for a dataset, made from one that ships: its own comments stay, and those on the data come on top."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fcsearch.config.objective import OBJECTIVES, Task
from fcsearch.data.spec import DatasetSpec

# What every space that ships begins with: a comment, a name, a dataset. A test holds them to it.
_SHIPPED = re.compile(r"(?P<comment>(?:#.*\n)+)name: .*\ndataset: .*\n(?P<rest>(?s:.*))")
_PLAIN = re.compile(r"[A-Za-z_./~][A-Za-z0-9_./~-]*")
# Words that some reader of YAML takes for something else than a text.
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}

_NAME_HELP = "    # what the run is called"
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
        spec: The new space's dataset; `source`, `label`, and `drop` are written.
        comment: Lines of the comment at the top.
        task: That of the dataset.
    """
    head = "".join(f"# {printable(line)}".rstrip() + "\n" for line in comment)
    return f"{head}\nname: {quoted(name)}{_NAME_HELP}\n{_dataset(spec)}{_objective(task)}{_split(base)[1]}"


def _objective(task: Task) -> str:
    """A comment on the objective."""
    first, *others = (name for name, objective in OBJECTIVES.items() if objective.task == task)
    return f"# objective: {first}    # the figure on validation rows that is improved; or {', '.join(others)}\n"


def quoted(text: str) -> str:
    """A text as YAML has it: plain where every reader takes that for the same text, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    signs = (f"\\{sign}" if sign in '"\\' else printable(sign) for sign in text)
    return f'"{"".join(signs)}"'


def _dataset(spec: DatasetSpec) -> str:
    where = "" if spec.is_named else "    # a path from the folder that you run in"
    lines = [f"  source: {quoted(spec.source)}{where}"]
    if spec.label is not None:
        lines.append(f"  label: {quoted(spec.label)}    # the column to predict")
    if spec.drop:
        lines.append(f"  drop: [{', '.join(map(quoted, spec.drop))}]    # columns to leave out")
    elif not spec.is_named:
        lines.append("  # drop: [a_column]    # columns to leave out")
    return "dataset:\n" + "\n".join(lines) + "\n" + ("" if spec.is_named else _TABLE_HELP)


def printable(text: str) -> str:
    """A text without what would end a line or is no YAML, written as YAML's escapes."""
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in text)


def _split(text: str) -> tuple[str, str]:
    """The opening comment, and what follows the dataset."""
    found = _SHIPPED.fullmatch(text)
    if found is None:
        raise ValueError("a space that ships begins with a comment, its name and its dataset")
    return found["comment"], found["rest"]
