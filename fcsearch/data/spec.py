"""The data of a search: the source, how it is split, and how its features are scaled."""

from __future__ import annotations

import dataclasses
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field, StrictFloat, StrictInt
from pydantic_core import ArgsKwargs

from fcsearch.config.objective import Task
from fcsearch.data.option_values import Bins, Column, Columns, File, Folder, Folds, OwnPreprocessing, Rows, Size, Source
from fcsearch.data.split_facts import SplitBy
from fcsearch.data.weights import ClassWeight
from fcsearch.errors import DataError
from fcsearch.refusals import contradiction, first_refusal, schema_of
from fcsearch.text import did_you_mean

DATASET_NAMES: tuple[str, ...] = ("digits", "cifar10", "mnist", "fashion_mnist")
OPENML_PREFIX = "openml:"
# Rows that a program passes in: they have no path or name from which they can be read again.
MEMORY = "memory:"

DEFAULT_VAL_FRACTION = 0.15
# Bins of `piecewise` in runs that do not say how many: fcsearch 0.2 did not record its default, which was this.
_UNSAID_BINS = 16
# Likely guesses for the names of options.
SYNONYMS = {
    **{"name": "source", "path": "source", "file": "source", "target": "label", "seed": "split_seed"},
    **dict.fromkeys(("cv", "n_folds", "n_splits", "kfold"), "folds"),
    **{"weight": "weights", "sample_weight": "weights"},
}


@pydantic.dataclasses.dataclass(frozen=True, config=pydantic.ConfigDict(extra="forbid", use_attribute_docstrings=True))
class DatasetSpec:
    """A dataset as the user names it. The text below each option is also its description in the JSON Schema.

    Raises:
        DataError: an unknown option, a value outside its range, or options that do not go together.
    """

    source: Source = "digits"
    """A name (digits, cifar10, mnist, fashion_mnist), openml:<name or id>, or a path: a Parquet, CSV or NPZ file, a
    folder of them, a glob, or a folder of images with a subfolder for each class. In a folder, names with train, val or
    test say the split. memory: stands for rows that a program passes in."""
    _: dataclasses.KW_ONLY
    task: Task | None = None
    """Classification or regression; null: found from the label."""
    label: Column | None = None
    """Column (or NPZ array) of the classes or targets; null: the one called label, target, class or y."""
    group: Column | None = None
    """Column of a table that names groups of rows, such as all rows of a customer: each group is in one split only. It
    is not a feature."""
    time: Column | None = None
    """Column of a table with numbers or dates: training rows come before validation rows, and those before test rows.
    It is not a feature."""
    test: File | None = None
    """Path (file, folder or glob) of the test split, if the source does not have it."""
    val_fraction: Annotated[StrictFloat, Field(gt=0, lt=1)] | None = None
    """Fraction of the rows for validation, by default 0.15; unused if the source has a validation split."""
    test_fraction: Annotated[StrictFloat, Field(ge=0, lt=1)] = 0.15
    """Fraction of the rows for test; unused if the source has a test split."""
    folds: Folds = None
    """Number of folds: each row that is not a test row is a validation row in one of them, and a trial is the mean over
    them; val_fraction is then unused. auto: 5 if one split would validate on fewer than 500 rows, and neither num_val
    nor val_fraction is given; the run records the number. null, or 1: one split."""
    preprocessing: OwnPreprocessing = "auto"
    """How numbers are scaled, by the training rows alone: standardize (mean 0, deviation 1), mean (mean 0), none, and
    for numbers that are not pixels quantile (to a normal distribution, by ranks), robust (by the quartiles, with a
    smooth clip) or piecewise (quantile bins, each a feature). auto: piecewise for tables with up to a few dozen numbers
    per row, else standardize; a loaded dataset says which."""
    bins: Bins | None = None
    """Bins per number under piecewise; null: chosen by the data; a loaded dataset says how many."""
    image_size: Size | None = None
    """Height and width that images are resized to, or one number for both; null: they must have one size."""
    decimal: Literal[".", ","] | None = None
    """Sign between whole numbers and fractions in CSV files; null: found from the first rows of a file whose delimiter
    is not a comma, else a point."""
    dates: Literal["parts"] | None = None
    """What becomes of columns of dates. parts: their year, month, day of the week, day of the year, and the hour if
    there are times, each a number. null: they are refused."""
    num_train: Rows | None = None
    """Keep only the first n rows of the seeded, stratified training split."""
    num_val: Rows | None = None
    """Keep only the first n rows of the validation split."""
    drop: Columns = ()
    """Columns of a table to leave out: a list, or a single name."""
    copies: Literal["keep", "drop"] = "keep"
    """Rows that equal an earlier one in all columns used (features, label, weights, group, time): keep them, or drop
    them."""
    weights: Column | None = None
    """Column of a table that says how much each row counts in training, in numbers of at least 0. It is not a
    feature."""
    class_weight: ClassWeight | None = None
    """How much the rows of each class count in training: balanced (all classes the same in total), or numbers of at
    least 0 by class, 1 for a class that is not named. It multiplies weights."""
    split_seed: Annotated[StrictInt, Field(ge=0, le=2**32 - 1)] = 0  # scikit-learn's seeds are 32 bits wide
    """Seed of the split."""
    data_dir: Folder | None = None
    """Folder with the files of a named dataset that are already there."""

    def __post_init__(self) -> None:
        val = self.validation_share
        if val + self.test_fraction >= 1:
            raise contradiction(
                "val_fraction" if val > self.test_fraction else "test_fraction",
                "val_fraction + test_fraction must stay below 1, so that rows are left to train on; "
                f"found {val} + {self.test_fraction}. Lower one of them.",
            )
        if self.group is not None and self.time is not None:
            raise contradiction(
                "time",
                f"rows are split by group or by time; found both, group {self.group!r} and time {self.time!r}. Leave "
                "one of them out.",
            )
        if self.bins is not None and self.preprocessing != "piecewise":
            raise contradiction(
                "bins",
                f"dataset option bins belongs to preprocessing: piecewise; found preprocessing: {self.preprocessing}. "
                "Leave bins out, or choose piecewise.",
            )
        for option in ("label", "group", "time", "test", "drop", "weights"):
            if self.is_named and not self.is_openml and getattr(self, option):
                raise contradiction(
                    option,
                    f"dataset option {option} belongs to files and tables; {self.source} has a layout of its own. "
                    f"Leave {option} out, or name a file as the source.",
                )

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def _explain(cls, values: Any, check: pydantic.ModelWrapValidatorHandler[Self]) -> Self:
        """Raise a DataError for programs; in a document leave pydantic's error, which knows the place."""
        if isinstance(values, ArgsKwargs) and len(values.args) == 1:
            # So that errors know its name.
            values = ArgsKwargs((), {**(values.kwargs or {}), "source": values.args[0]})
        try:
            return check(values)
        except pydantic.ValidationError as error:
            if not isinstance(values, ArgsKwargs):
                raise
            raise _data_error(error) from None

    @property
    def validation_share(self) -> float:
        """The fraction of the rows for validation, where one split is drawn."""
        return DEFAULT_VAL_FRACTION if self.val_fraction is None else self.val_fraction

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
        """Whether a program passes in the rows, as a table or as arrays."""
        return self.source == MEMORY

    @property
    def is_named(self) -> bool:
        """Whether the source is a name and not a path."""
        return self.is_openml or self.source in DATASET_NAMES

    @classmethod
    def from_value(cls, value: str | Mapping[str, Any]) -> DatasetSpec:
        """Read the value of a space file or of `--dataset`.

        Args:
            value: A name, a path, or a mapping with `source` and options.

        Raises:
            DataError: neither a text nor a mapping, an unknown option (the nearest known one is named), or a value
                outside its range.
        """
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Mapping):
            raise DataError(
                "dataset must be a name, a path, or a mapping with `source` and options; "
                f"found {type(value).__name__} {value!r}."
            )
        return cls(**{str(key): item for key, item in value.items()})

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON types."""
        size = None if self.image_size is None else list(self.image_size)
        return {**dataclasses.asdict(self), "drop": list(self.drop), "image_size": size}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DatasetSpec:
        """Read what `to_json` wrote."""
        unsaid = values.get("preprocessing") == "piecewise" and values.get("bins") is None
        return cls.from_value({**values, "bins": _UNSAID_BINS} if unsaid else values)

    def moved(self, *, source: str | None = None, data_dir: str | None = None) -> DatasetSpec:
        """The same spec for data that have moved; files of the test split may have moved with them."""
        spec = self if data_dir is None else dataclasses.replace(self, data_dir=data_dir)
        if source is None:
            return spec
        beside = None if self.test is None else Path(source).expanduser().parent / Path(self.test).name
        moved_along = beside is not None and not Path(str(self.test)).exists() and beside.exists()
        return dataclasses.replace(spec, source=source, test=str(beside) if moved_along else self.test)

    def resolve(self, base: Path) -> DatasetSpec:
        """The same spec with absolute paths, valid in any working directory.

        Args:
            base: Folder that relative paths start from.
        """

        def absolute(path: str | None) -> str | None:
            return None if path is None else _normal(base.absolute() / Path(path).expanduser())

        source = self.source if self.is_named or self.is_memory else str(absolute(self.source))
        return dataclasses.replace(self, source=source, test=absolute(self.test), data_dir=absolute(self.data_dir))


def _normal(path: Path) -> str:
    """The path without `..`, unless links would make it another file."""
    plain = os.path.normpath(path)
    return plain if os.path.realpath(plain) == os.path.realpath(path) else str(path)


def _data_error(error: pydantic.ValidationError) -> DataError:
    refusal = first_refusal(error, schema_of(DatasetSpec), synonyms=SYNONYMS)
    option = refusal.path[0]
    hint = did_you_mean(refusal.near, sentence=True)
    if refusal.kind == "together":
        return DataError(refusal.says)
    if refusal.kind == "unknown":
        return DataError(f"unknown dataset option {option!r}; known are {', '.join(refusal.known)}.{hint}")
    return DataError(f"dataset option {option} must be {refusal.says}; found {reprlib.repr(refusal.found)}.{hint}")
