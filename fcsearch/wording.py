"""How messages name what a user can set: by the options of the commands, or by the arguments from Python.

A message is worded where it is raised, which is below both. Who called says how: the commands by default, the functions
of `fcsearch.api` by `worded`.
"""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from typing_extensions import override  # typing has it from Python 3.12 on


class Wording:
    """The words of the commands."""

    def option(self, name: str, *value: Any) -> str:
        """An option, with its value if one is given: `--workers 4`."""
        return " ".join([f"--{name.replace('_', '-')}", *map(str, value)])

    def label(self) -> str:
        """What names the column of the label."""
        return "--label (dataset option label)"

    def other_label(self) -> str:
        """What to do about a label that cannot be used."""
        return f"Name another column with {self.label()}"

    def first_line(self) -> str:
        """What else to look at, where no column has the name of a label."""
        return ", and see that the first line of a CSV file names the columns"

    def naming_columns(self) -> str:
        """How an array gets names of columns."""
        return "Save it as CSV or Parquet with these names"

    def claims(self) -> str:
        """What to do, besides fewer workers, where their claims do not fit."""
        return ", or give each worker less with --cpus-per-worker or --gpus-per-worker"

    def new_run(self) -> str:
        """What names a new run."""
        return "--name"

    def task(self, task: str) -> str:
        """What makes another task of the label: `classification` or `regression`."""
        return f"--set task={task}"

    def space_key(self, key: str, value: Any) -> str:
        """A key of the space, such as `parameters.loss`, with a value of JSON types."""
        shown = value if isinstance(value, str) and value.isidentifier() else json.dumps(value, ensure_ascii=False)
        return f"--set {shlex.quote(f'{key}={shown}')}"

    def dataset_option(self, name: str, value: Any) -> str:
        """An option of the dataset, with a value of JSON types."""
        return self.space_key(f"dataset.{name}", value)

    def dataset_key(self, name: str, value: str) -> str:
        """The same for a space file too, and for commands that write one."""
        return shlex.quote(f"dataset.{name}={value}")

    def leaving_out(self, columns: Sequence[str]) -> str:
        """How columns are left out."""
        names = json.dumps(columns, ensure_ascii=False)
        return f"drop: {names} in a space file, or {self.dataset_option('drop', columns)}"

    def more_time(self, run: Path) -> str:
        """What to do where a run had too little time for a trial."""
        return f"continue with `fcsearch resume {run} --time-budget 1h`"

    def files(self, said: str) -> str:
        """What a message says of a run's files."""
        return said

    def moved(self, run: str) -> str:
        """What to do where the data of a run, at a path or a URL, have moved."""
        command = shlex.join(["fcsearch", "resume", run, "--dataset"])
        return (
            f"if they have moved, `{command} PATH` notes where they are now; `fcsearch evaluate` takes --dataset PATH "
            "with --split, too"
        )

    def moved_test(self, run: str, source: str) -> str:
        """What to do where the test rows of a run alone have moved, away from its data at `source`."""
        command = shlex.join(["fcsearch", "resume", run, "--dataset", source])
        return f"put them back, or under the same name beside {source}, where `{command}` notes that they are there now"

    def rows(self) -> str:
        """How rows that were in memory are given again."""
        return (
            "Save them as Parquet, or those of an array as NPZ with X and y, and name that file with --dataset, for "
            "`fcsearch evaluate` with --split, too"
        )


class Arguments(Wording):
    """The words of the functions: an option is an argument."""

    def option(self, name: str, *value: Any) -> str:
        """An argument, with its value if one is given: `workers=4`."""
        return f"`{'='.join([name, *map(repr, value)])}`"

    def label(self) -> str:
        """What names the column of the label."""
        return self.option("label")

    def other_label(self) -> str:
        """What to do about a label that cannot be used."""
        return f"Give another label, by {self.option('y')} or {self.option('label')}"

    def first_line(self) -> str:
        """Nothing: a table in memory has names."""
        return ""

    def naming_columns(self) -> str:
        """How an array gets names of columns."""
        return "Give a table with these names, such as by pandas.DataFrame(X, columns=...)"

    def claims(self) -> str:
        """What to do, besides fewer workers, where their claims do not fit: no argument sets them."""
        return ""

    def new_run(self) -> str:
        """What names a new run."""
        return self.option("out")

    def task(self, task: str) -> str:
        """What makes another task of the label: `classification` or `regression`."""
        return self.dataset_option("task", task)

    def space_key(self, key: str, value: Any) -> str:
        """A key of the space, such as `parameters.loss`, with a value of JSON types; an argument, if it has one."""
        if key == "objective":
            return self.option(key, value)
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return f"`{key}: {shown}` in a dict or YAML file as `space`"

    def dataset_option(self, name: str, value: Any) -> str:
        """An option of the dataset, with a value of JSON types."""
        return f"`dataset={json.dumps({name: value}, ensure_ascii=False)}`"

    def dataset_key(self, name: str, value: str) -> str:
        """The same: nothing but an argument sets it."""
        return self.dataset_option(name, value)

    def leaving_out(self, columns: Sequence[str]) -> str:
        """How columns are left out."""
        return self.dataset_option("drop", columns)

    @override
    def more_time(self, run: Path) -> str:
        """What to do where a run, which may be a temporary one, had too little time for a trial."""
        return f"give a longer {self.option('time_budget')}"

    @override
    def files(self, said: str) -> str:
        """Nothing: the run may be a temporary one, which is gone."""
        return ""

    def moved(self, run: str) -> str:  # noqa: ARG002 (the commands name it)
        """What to do where the data of a run have moved."""
        return f"if they have moved, read them, and give them as {self.option('X')} and {self.option('y')}"

    def moved_test(self, run: str, source: str) -> str:  # noqa: ARG002 (the commands name them)
        """What to do where the test rows of a run alone have moved."""
        return f"put them back, or read them, and give them as {self.option('X')} and {self.option('y')}"

    def rows(self) -> str:
        """How rows that were in memory are given again."""
        return f"Give them as {self.option('X')} and {self.option('y')}"


class EstimatorArguments(Arguments):
    """The words of the estimators, to which columns belong that the caller chose."""

    def other_label(self) -> str:
        """What to do about a label that cannot be used."""
        return f"Give another {self.option('y')}"

    def task(self, task: str) -> str:
        """What makes another task of the label: `classification` or `regression`."""
        return "an FCSearchClassifier" if task == "classification" else "an FCSearchRegressor"

    def dataset_option(self, name: str, value: Any) -> str:
        """An option of the dataset, with a value of JSON types: estimators have no argument for it."""
        return f"`fcsearch.search(..., dataset={json.dumps({name: value}, ensure_ascii=False)})`"

    def leaving_out(self, columns: Sequence[str]) -> str:
        """How columns are left out."""
        return f"`X.drop(columns={json.dumps(columns, ensure_ascii=False)})`"


_COMMANDS = Wording()
_current: ContextVar[Wording] = ContextVar("wording", default=_COMMANDS)


def wording() -> Wording:
    """The words of who called."""
    return _current.get()


@contextlib.contextmanager
def worded(words: Wording) -> Iterator[None]:
    """Word the messages of a block, or of a function that it decorates, in this way."""
    token = _current.set(words)
    try:
        yield
    finally:
        _current.reset(token)


def option(name: str, *value: Any) -> str:
    """An option in the words of who called, with its value if one is given: `--workers 4` or `workers=4`."""
    return wording().option(name, *value)
