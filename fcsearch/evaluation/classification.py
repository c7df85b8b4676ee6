"""What a classifier got right, class by class: from labels and predictions alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.evaluation.baseline import BaseLine, base_line
from fcsearch.evaluation.binomial import standard_error


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class: fractions, None if they would divide by 0.

    Attributes:
        name: The class.
        rows: Rows of it.
        predicted: Rows that the model assigns to it.
        recall: Fraction of its rows that the model finds.
        precision: Fraction of the rows assigned to it that belong to it.
        f1: Harmonic mean of both; 0 if the class has rows and none was found, None if it has no rows.
    """

    name: str
    rows: int
    predicted: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True)
class Confusion:
    """Rows of one class that were taken for another."""

    actual: str
    predicted: str
    rows: int


@dataclass(frozen=True)
class Classification:
    """The figures of a classifier.

    Attributes:
        base_line: The accuracy of always answering the commonest class of these rows.
        balanced_accuracy: Mean recall over the classes that have rows.
        balanced_error: Standard error of the balanced accuracy, from the numbers of rows alone.
        f1_macro: Mean F1 over the classes that have rows.
        classes: The figures of each class, in the order of the dataset's classes.
        confusion: Counts of rows: `confusion[i][j]` of class i were taken for class j.
    """

    base_line: BaseLine
    balanced_accuracy: float
    balanced_error: float
    f1_macro: float
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Classification:
        """Read the form of a report.json; TypeError or KeyError for anything else."""
        return cls(
            **{
                **value,
                "base_line": BaseLine(**value["base_line"]),
                "classes": tuple(ClassFigures(**entry) for entry in value["classes"]),
                "confusion": tuple(tuple(map(int, row)) for row in value["confusion"]),
            }
        )

    @property
    def without_rows(self) -> tuple[str, ...]:
        """The classes without rows, for which nothing was measured."""
        return tuple(entry.name for entry in self.classes if not entry.rows)

    def most_confused(self, count: int) -> tuple[Confusion, ...]:
        """The pairs of classes that were confused most often, the most frequent first."""
        pairs = [
            Confusion(self.classes[i].name, self.classes[j].name, rows)
            for i, row in enumerate(self.confusion)
            for j, rows in enumerate(row)
            if rows and i != j
        ]
        return tuple(sorted(pairs, key=lambda pair: -pair.rows)[:count])


def classify(labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], names: Sequence[str]) -> Classification:
    """Compare predictions with labels.

    The figures are those of scikit-learn's `balanced_accuracy_score`, `precision_recall_fscore_support` and
    `confusion_matrix`.

    Args:
        labels: (N,) classes from 0; N is at least 1.
        predicted: (N,) the classes that the model predicts.
        names: Name of each of the K classes.
    """
    size = len(names)
    return classification_of(np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size), names)


def classification_of(confusion: npt.NDArray[np.int64], names: Sequence[str]) -> Classification:
    """What counts of rows say, (K, K) by class and by what they were taken for; one is above 0."""
    classes = tuple(_figures(name, confusion, index) for index, name in enumerate(names))
    present = [entry for entry in classes if entry.rows]
    recalls = [entry.recall or 0.0 for entry in present]
    variances = [standard_error(entry.recall or 0.0, entry.rows) ** 2 for entry in present]
    return Classification(
        base_line=base_line(names, confusion.sum(axis=1).tolist()),
        balanced_accuracy=math.fsum(recalls) / len(present),
        balanced_error=math.sqrt(math.fsum(variances)) / len(present),
        f1_macro=math.fsum(entry.f1 or 0.0 for entry in present) / len(present),
        classes=classes,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def _figures(name: str, confusion: npt.NDArray[np.int64], index: int) -> ClassFigures:
    hits, rows, predicted = (
        int(confusion[index, index]),
        int(confusion[index].sum()),
        int(confusion[:, index].sum()),
    )
    return ClassFigures(
        name=name,
        rows=rows,
        predicted=predicted,
        recall=hits / rows if rows else None,
        precision=hits / predicted if predicted else None,
        f1=2 * hits / (rows + predicted) if rows else None,
    )
