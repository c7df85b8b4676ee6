"""A dataset that is ready to train on."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.config.objective import Task, training_sample
from fcsearch.data.facts import ColumnFacts
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.split_facts import SplitFacts, fold_words
from fcsearch.data.training_arrays import TrainingArrays
from fcsearch.data.transform import FeatureTransform
from fcsearch.data.weights import training_weights
from fcsearch.errors import DataError
from fcsearch.wording import wording

# From this share of one class on, accuracy hardly depends on the others.
_ONE_SIDED = 0.9


@dataclasses.dataclass(frozen=True)
class Split:
    """Rows of one split.

    Attributes:
        X: (N, D) float32, C-contiguous.
        y: (N,) int64, classes from 0; for a regression float64, the targets in their own unit.
        row_weights: (N,) float64, how much each row counts in training, at least 0; None: all equally.
    """

    X: npt.NDArray[np.float32]
    y: npt.NDArray[Any]
    row_weights: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.y)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Three splits of one source, scaled in the same way.

    With folds, these are the splits of the first fold: the model kept of a trial is trained and measured on its rows.

    Attributes:
        spec: The dataset as the user named it.
        name: Short name for tables and reports.
        train: Rows to train on.
        val: Rows that choose between configurations.
        test: Rows for the one final estimate; empty only with `test_fraction: 0`.
        class_names: Name of each class.
        transform: The transform that made the features, for later rows.
        fingerprint: 16 hex digits of a sha256 over contents, split and preprocessing; equal on every machine.
        image_shape: (height, width, channels) if a row is an image, else None. Pixels have that order in X.
        columns: Every column of the source, if it is a table.
        split: How rows were split by a column, if they were.
        details: What the manifest says about the source beyond this (JSON types).
        others: The other folds: the same source without its test rows, scaled by their own training rows.
        form: Which form of the rows this is.
        forms: Its other forms that were asked for, with folds of their own; the rows and their order are the same.
    """

    spec: DatasetSpec
    name: str
    train: Split
    val: Split
    test: Split
    class_names: tuple[str, ...]
    transform: FeatureTransform
    fingerprint: str
    image_shape: tuple[int, int, int] | None = None
    columns: tuple[ColumnFacts, ...] = ()
    split: SplitFacts | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    others: tuple[Dataset, ...] = ()
    form: InputForm = OWN_FORM
    forms: tuple[Dataset, ...] = ()

    def in_form(self, form: InputForm) -> Dataset:
        """The same rows in another form; DataError if they were not loaded in it."""
        for known in (self, *self.forms):
            if known.form == form:
                return known
        raise DataError(
            f"the rows of {self.name} must be loaded in the form {form}; found "
            f"{', '.join(str(known.form) for known in (self, *self.forms))}"
        )

    @property
    def folds(self) -> tuple[Dataset, ...]:
        """The datasets that a trial is trained and measured on: this one, and the other folds."""
        return (self, *self.others)

    @property
    def input_dim(self) -> int:
        """Number of features D."""
        return int(self.train.X.shape[1])

    @property
    def numbers(self) -> int:
        """How many of the features, the first, are made of numbers; the others are of categories."""
        return self.transform.layout.numbers

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return len(self.class_names)

    @property
    def outputs(self) -> int:
        """Columns of a network's scores: one per class, one for a regression."""
        return max(1, self.num_classes)

    @property
    def task(self) -> Task:
        """Classification or regression."""
        return "regression" if self.transform.target else "classification"

    @property
    def positive(self) -> int:
        """Of two classes, the rarer one among the training rows, which `average_precision` is measured for."""
        if self.num_classes != 2:
            return 1
        counts = np.bincount(self.train.y, minlength=2)
        return int(counts[1] <= counts[0])

    @property
    def target_scale(self) -> float:
        """The value of a standardised target of 1 in the target's own unit; 1 for a classification."""
        return 1.0 if self.transform.target is None else self.transform.target.scale

    def labels(self, split: Split) -> npt.NDArray[Any]:
        """The targets of the networks for a split: classes, or standardised targets as float32."""
        target = self.transform.target
        return split.y if target is None else ((split.y - target.offset) / target.scale).astype(np.float32)

    @cached_property
    def row_weights(self) -> npt.NDArray[np.float64] | None:
        """(N,) how much each training row counts, 1 on average; None: all equally. DataError if all weights are 0."""
        return training_weights(self.train.y, self.train.row_weights, self.spec.class_weight, self.class_names)

    def training_arrays(self, objective: str) -> TrainingArrays:
        """The rows for a search with this objective, in every fold and form."""
        arrays = self._own_arrays(objective)
        if self.others:
            arrays["others"] = [fold.training_arrays(objective) for fold in self.others]
            for fold in arrays["others"]:
                fold["positive"] = self.positive
        if self.forms:
            arrays["forms"] = [form.training_arrays(objective) for form in self.forms]
        return arrays

    def _own_arrays(self, objective: str) -> TrainingArrays:
        return {
            "X_train": self.train.X,
            "y_train": self.labels(self.train),
            "X_val": self.val.X,
            "y_val": self.labels(self.val),
            "numbers": self.numbers,
            "num_classes": self.num_classes,
            "objective": objective,
            "positive": self.positive,
            "target_scale": self.target_scale,
            "row_weights": self.row_weights,
            "form": self.form,
        }

    def split_words(self) -> list[str]:
        """Lines that say how rows were split, unless it was once and at random."""
        sizes = [(len(fold.train), len(fold.val)) for fold in self.folds]
        by_column = [] if self.split is None else [self.split.words()]
        return [*by_column, *([fold_words(sizes)] if self.others else [])]

    def copies_words(self) -> str:
        """What a user should know of rows that are copies of others; empty if there is nothing."""
        from fcsearch.data.copies import copies_words

        return copies_words(self.details.get("copies", {}), len(self.folds))

    def learned(self, *, own: bool) -> tuple[Dataset, ...]:
        """The rows in each form that trials learn; `own`: whether that of the dataset itself is one."""
        return (self, *self.forms) if own else self.forms

    def forms_words(self, *, own: bool) -> str:
        """The forms that trials learn, with their features, and the rows' memory, as text; empty if there is one form.

        Args:
            own: Whether they learn that of the dataset itself; it takes its memory in any case.
        """
        if not self.forms:
            return ""
        first, *others = self.learned(own=own)
        names = [f"{first.form} ({first.input_dim:,} feature{'' if first.input_dim == 1 else 's'})"]
        names += [f"{known.form} ({known.input_dim:,})" for known in others]
        arrays = {
            id(part.X): part.X.nbytes
            for known in (self, *self.forms)
            for fold in known.folds
            for part in (fold.train, fold.val, fold.test)
        }
        return f"{', '.join(names)}: {sum(arrays.values()) / 1e6:,.1f} MB in all"

    def left_out(self) -> str:
        """What is left out although the user did not ask for it, and why, in words; empty if nothing is."""
        from fcsearch.data.sources.image_files import others_in_words

        reasons: dict[str, list[str]] = {}
        for column in self.columns:
            if column.use == "ignored":
                reasons.setdefault(column.why, []).append(column.title)
        columns = [f"{', '.join(names)}: {why}" for why, names in reasons.items()]
        return "; ".join(filter(None, [*columns, others_in_words(self.details.get("other_files", {}))]))

    def one_sided(self) -> str:
        """That one class has most of the training rows, and by which objectives the others count; else empty."""
        counts = np.bincount(self.train.y, minlength=self.num_classes) if self.num_classes else np.zeros(1)
        share = float(counts.max()) / max(len(self.train), 1)
        if share < _ONE_SIDED:
            return ""
        name, better = self.class_names[int(counts.argmax())], wording().space_key("objective", "balanced_accuracy")
        if self.num_classes == 2:
            better += f" or {wording().space_key('objective', 'average_precision')}"
        return f"{100 * share:.1f}% of the training rows are {name!r}, which alone make a high accuracy; try {better}"

    def model_metadata(self) -> dict[str, Any]:
        """What a saved model says about the dataset that it was trained on (JSON types)."""
        return {
            "input_dim": self.input_dim,
            "num_classes": self.num_classes,
            "class_names": list(self.class_names),
            "dataset": self.fingerprint,
            "preprocessing": self.spec.preprocessing,
        }

    def describe(self) -> dict[str, Any]:
        """What the manifest says about the dataset (JSON types)."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "spec": self.spec.to_json(),
            "rows": {"train": len(self.train), "val": len(self.val), "test": len(self.test)},
            "training_sample": training_sample(len(self.train), len(self.val)),
            **self._folds(),
            **self._weights(),
            "input_dim": self.input_dim,
            "num_classes": self.num_classes,
            "class_names": list(self.class_names),
            "task": self.task,
            **self._labels(),
            "split": None if self.split is None else dataclasses.asdict(self.split),
            "image_shape": None if self.image_shape is None else list(self.image_shape),
            **self.details,
        }

    def _folds(self) -> dict[str, Any]:
        """The rows of each fold, and the class counts of its validation rows; empty without folds."""
        if not self.others:
            return {}
        rows = [{"train": len(fold.train), "val": len(fold.val)} for fold in self.folds]
        if not self.num_classes:
            return {"folds": rows}
        counts = [np.bincount(fold.val.y, minlength=self.num_classes).tolist() for fold in self.folds]
        return {"folds": [{**row, "class_counts": found} for row, found in zip(rows, counts, strict=True)]}

    def _weights(self) -> dict[str, Any]:
        """The range of the weights of the training rows, if they have weights."""
        weights = self.row_weights
        return {} if weights is None else {"row_weights": {"low": float(weights.min()), "high": float(weights.max())}}

    def _labels(self) -> dict[str, Any]:
        """How many rows each class has in each split; for a regression, a summary of the training targets."""
        if self.task == "regression":
            y = self.train.y
            numbers = {"mean": y.mean(), "deviation": y.std(), "low": y.min(), "high": y.max()}
            return {"target": {name: float(value) for name, value in numbers.items()}}
        splits = {"train": self.train, "val": self.val, "test": self.test}
        counts = {name: np.bincount(split.y, minlength=self.num_classes).tolist() for name, split in splits.items()}
        return {"class_counts": counts}
