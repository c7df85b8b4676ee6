"""Which rows a search learns from: the source, how it is split, and how its features are scaled."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from fcsearch.config.objective import TASKS, Task
from fcsearch.data.split_facts import SplitBy
from fcsearch.data.weights import ClassWeight, class_name, is_class_weight
from fcsearch.errors import DataError
from fcsearch.text import did_you_mean, nearest

Preprocessing = Literal["auto", "standardize", "mean", "none", "quantile", "robust", "piecewise"]

PREPROCESSINGS: tuple[str, ...] = get_args(Preprocessing)
DATASET_NAMES: tuple[str, ...] = ("digits", "cifar10", "mnist", "fashion_mnist")
OPENML_PREFIX = "openml:"
# Rows that a program hands over: no path and no name of anything that can be read again.
MEMORY = "memory:"

MOST_BINS = 256
MOST_FOLDS = 20
# Bins of `piecewise` in runs that do not say how many: fcsearch 0.2 wrote none where it took these.
_UNSAID_BINS = 16
# What people write for `source` before they have read the manual.
_SYNONYMS = {
    **{"name": "source", "path": "source", "file": "source", "target": "label", "seed": "split_seed"},
    **dict.fromkeys(("cv", "n_folds", "n_splits", "kfold"), "folds"),
    **{"weight": "weights", "sample_weight": "weights"},
}


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """A dataset as the user names it.

    Attributes:
        source: A name (`digits`, `cifar10`, `mnist`, `fashion_mnist`), `openml:<name or id>`, or a path: a Parquet, CSV
            or NPZ file, a folder of them, or a glob. In a folder, names with train, val or test say the split.
            `memory:` stands for rows that a program handed over (`dataset_in_memory`).
        task: `classification` or `regression`; None: found from the label.
        label: Column (or NPZ array) of the classes or targets; by default the one called `label`, `target`, `class` or
            `y`.
        group: Column of a table that names groups of rows, such as all those of a customer: each lies whole in one
            split. It is no feature.
        time: Column of a table with numbers or dates: training rows come before validation rows, and those before test
            rows. It is no feature.
        test: Path (file, folder or glob) of the test split, where `source` does not have it.
        val_fraction: Share of the rows that validates, in (0, 1); unused where the source brings a validation split.
        test_fraction: Share of the rows that tests, in [0, 1); unused where the source brings a test split.
        folds: From 2 to 20: the rows that are no test rows validate in so many folds, each once, and a trial is the
            mean over them; `val_fraction` is unused then. None, or 1: one split.
        preprocessing: `standardize` (mean 0, deviation 1), `mean` (mean 0) or `none`; for numbers that are no pixels
            also `quantile` (to a normal distribution, by ranks), `robust` (by the quartiles, with a smooth clip) or
            `piecewise` (quantile bins, each a feature); fitted on the training rows only. `auto`: `piecewise` where a
            row is a few dozen numbers, else `standardize`; a dataset that was loaded says which.
        bins: Bins of a number at `piecewise`; None: as many as suit; a dataset that was loaded says how many.
        num_train: Keep only the first n rows of the seeded, stratified training split.
        num_val: Likewise of the validation split.
        drop: Columns of a table that are left out; one name may stand by itself.
        weights: Column of a table that says how much each row counts in training, by numbers of at least 0; it is no
            feature.
        class_weight: How much the rows of each class count in training: `balanced` (every class the same in all), or
            numbers of at least 0 by class, 1 where a class is not named. It multiplies `weights`.
        split_seed: Key of the split.
        data_dir: Folder with the files of a named dataset that are already there.

    Raises:
        DataError: a value outside its range.
    """

    source: str = "digits"
    _: dataclasses.KW_ONLY
    task: Task | None = None
    label: str | None = None
    group: str | None = None
    time: str | None = None
    test: str | None = None
    val_fraction: float = 0.15
    test_fraction: float = 0.15
    folds: int | None = None
    preprocessing: Preprocessing = "auto"
    bins: int | None = None
    num_train: int | None = None
    num_val: int | None = None
    drop: tuple[str, ...] = ()
    weights: str | None = None
    class_weight: ClassWeight | None = None
    split_seed: int = 0
    data_dir: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.drop, (str, list, tuple)):
            object.__setattr__(self, "drop", (self.drop,) if isinstance(self.drop, str) else tuple(self.drop))
        if _count(self.folds) and self.folds == 1:
            object.__setattr__(self, "folds", None)
        for name, (rule, holds) in _CHECKS.items():
            value = getattr(self, name)
            if not holds(value):
                near = nearest(value, _WORDS[name]) if name in _WORDS else None
                hint = did_you_mean(near, sentence=True)
                raise DataError(f"dataset option {name} must be {rule}; found {value!r}.{hint}")
        if isinstance(self.class_weight, Mapping):
            by_name = {class_name(key): float(weight) for key, weight in self.class_weight.items()}
            object.__setattr__(self, "class_weight", by_name)
        if self.val_fraction + self.test_fraction >= 1:
            raise DataError(
                "val_fraction + test_fraction must stay below 1, so that rows are left to train on; "
                f"found {self.val_fraction} + {self.test_fraction}. Lower one of them."
            )
        if self.group is not None and self.time is not None:
            raise DataError(
                f"rows are split by group or by time; found both, group {self.group!r} and time {self.time!r}. Leave "
                "one of them out."
            )
        if self.bins is not None and self.preprocessing != "piecewise":
            raise DataError(
                f"dataset option bins belongs to preprocessing: piecewise; found preprocessing: {self.preprocessing}. "
                "Leave bins out, or choose piecewise."
            )
        if self.is_named and not self.is_openml:
            self._refuse_file_options()

    def _refuse_file_options(self) -> None:
        for option in ("label", "group", "time", "test", "drop", "weights"):
            if getattr(self, option):
                raise DataError(
                    f"dataset option {option} belongs to files and tables; {self.source} has a layout of its own. "
                    f"Leave {option} out, or name a file as the source."
                )

    @property
    def split_by(self) -> tuple[SplitBy, str] | None:
        """Whether rows are split by group or by time, and by which column; None: at random."""
        if self.group is not None:
            return "group", self.group
        return None if self.time is None else ("time", self.time)

    @property
    def is_openml(self) -> bool:
        """Whether the source is a dataset of openml.org."""
        return self.source.startswith(OPENML_PREFIX)

    @property
    def is_memory(self) -> bool:
        """Whether a program hands the rows over, as a table or as arrays."""
        return self.source == MEMORY

    @property
    def is_named(self) -> bool:
        """Whether the source is a name and not a path."""
        return self.is_openml or self.source in DATASET_NAMES

    @classmethod
    def from_value(cls, value: str | Mapping[str, Any]) -> DatasetSpec:
        """Read what a space file or `--dataset` says.

        Args:
            value: A name, a path, or a mapping with `source` and options.

        Raises:
            DataError: neither of the two, an unknown option (with the nearest known one), or a value outside its range.
        """
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping):
            raise DataError(
                "dataset must be a name, a path, or a mapping with `source` and options; "
                f"found {type(value).__name__} {value!r}."
            )
        known = [field.name for field in dataclasses.fields(cls)]
        for key in value:
            if key not in known:
                hint = did_you_mean(_SYNONYMS.get(str(key)) or nearest(key, known), sentence=True)
                raise DataError(f"unknown dataset option {key!r}; known are {', '.join(known)}.{hint}")
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON types."""
        return {**dataclasses.asdict(self), "drop": list(self.drop)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DatasetSpec:
        """Read what `to_json` wrote."""
        unsaid = values.get("preprocessing") == "piecewise" and values.get("bins") is None
        return cls.from_value({**values, "bins": _UNSAID_BINS} if unsaid else values)

    def moved(self, *, source: str | None = None, data_dir: str | None = None) -> DatasetSpec:
        """The same spec of data that lie elsewhere now; files of the test split may have moved along."""
        spec = self if data_dir is None else dataclasses.replace(self, data_dir=data_dir)
        if source is None:
            return spec
        beside = None if self.test is None else Path(source).expanduser().parent / Path(self.test).name
        moved_along = beside is not None and not Path(str(self.test)).exists() and beside.exists()
        return dataclasses.replace(spec, source=source, test=str(beside) if moved_along else self.test)

    def resolve(self, base: Path) -> DatasetSpec:
        """The same spec with absolute paths, so that it still holds in another working directory.

        Args:
            base: Folder that relative paths start from.
        """

        def absolute(path: str | None) -> str | None:
            return None if path is None else str(base.absolute() / Path(path).expanduser())

        source = self.source if self.is_named or self.is_memory else str(absolute(self.source))
        return dataclasses.replace(self, source=source, test=absolute(self.test), data_dir=absolute(self.data_dir))


def _text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _fraction(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


# What a text may have been meant to be.
_WORDS = {"preprocessing": PREPROCESSINGS, "class_weight": ("balanced",)}
_CHECKS: dict[str, tuple[str, Any]] = {
    "source": ("a name, openml:<name or id>, or a path", _text),
    "task": (f"one of {', '.join(TASKS)}", lambda v: v is None or v in TASKS),
    "label": ("the name of a column", lambda v: v is None or _text(v)),
    "group": ("the name of a column", lambda v: v is None or _text(v)),
    "time": ("the name of a column", lambda v: v is None or _text(v)),
    "test": ("a path", lambda v: v is None or _text(v)),
    "val_fraction": ("a number above 0 and below 1", lambda v: _fraction(v) and 0 < v < 1),
    "test_fraction": ("a number of at least 0 and below 1", lambda v: _fraction(v) and 0 <= v < 1),
    "folds": (f"an integer from 2 to {MOST_FOLDS}", lambda v: v is None or (_count(v) and 2 <= v <= MOST_FOLDS)),
    "preprocessing": (f"one of {', '.join(PREPROCESSINGS)}", lambda v: v in PREPROCESSINGS),
    "bins": (f"an integer from 2 to {MOST_BINS}", lambda v: v is None or (_count(v) and 2 <= v <= MOST_BINS)),
    "num_train": ("an integer of at least 1", lambda v: v is None or _count(v)),
    "num_val": ("an integer of at least 1", lambda v: v is None or _count(v)),
    # A CSV file may have a column without a name.
    "drop": (
        "a column name or a list of them",
        lambda v: isinstance(v, tuple) and all(isinstance(name, str) for name in v),
    ),
    "weights": ("the name of a column", lambda v: v is None or _text(v)),
    "class_weight": (
        "balanced, or a number of at least 0 for each of some classes",
        lambda v: v is None or is_class_weight(v),
    ),
    # scikit-learn's seeds are 32 bits wide.
    "split_seed": (
        "an integer from 0 to 4294967295",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**32,
    ),
    "data_dir": ("the path of a folder", lambda v: v is None or _text(v)),
}
