"""The validation rows of a run, and the stored predictions for them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fcsearch.config.objective import Objective
from fcsearch.data import Dataset
from fcsearch.errors import RunError
from fcsearch.results import RunDirectory
from fcsearch.results.predictions import Predicted
from fcsearch.training.judging import Judge

_LEAST = 1e-7


@dataclasses.dataclass(frozen=True)
class ValidationRows:
    """The validation rows: with folds those of every fold, one after the other.

    Attributes:
        folds: The datasets whose validation rows these are.
    """

    folds: tuple[Dataset, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of validation rows of each fold."""
        return tuple(len(fold.val) for fold in self.folds)

    def __len__(self) -> int:
        return sum(self.sizes)

    @cached_property
    def y(self) -> npt.NDArray[Any]:
        """(V,) classes; for a regression, targets in their own unit."""
        return np.concatenate([fold.val.y for fold in self.folds])

    @property
    def labels(self) -> npt.NDArray[Any]:
        """(V,) classes; for a regression, targets standardised as in the first fold."""
        first = self.folds[0]
        return first.labels(dataclasses.replace(first.val, y=self.y))

    def judge(self, objective: Objective) -> Judge:
        """A judge of predictions for these rows; its figures are means over the folds."""
        first = self.folds[0]
        return Judge(
            objective,
            self.labels,
            num_classes=first.num_classes,
            positive=first.positive,
            scale=first.target_scale,
            folds=self.sizes,
        )

    def split(self, predicted: Predicted) -> list[Predicted]:
        """The predictions of each fold."""
        return np.split(predicted, np.cumsum(self.sizes)[:-1])

    def in_unit(self, predicted: Predicted) -> npt.NDArray[np.float64]:
        """(V,) a regression's predictions in the target's own unit; each fold standardises by its own training rows."""
        targets = [fold.transform.target for fold in self.folds]
        parts = [
            part[:, 0].astype(np.float64) * target.scale + target.offset
            for part, target in zip(self.split(predicted), targets, strict=True)
            if target is not None
        ]
        return np.concatenate(parts)

    def standardised(self, predicted: Predicted) -> Predicted:
        """(V, C) probabilities as they are; a regression's predictions, standardised as in the first fold."""
        target = self.folds[0].transform.target
        if target is None or len(self.folds) == 1:
            return predicted
        values = (self.in_unit(predicted) - target.offset) / target.scale
        return values[:, np.newaxis].astype(np.float16)


def validation_rows(run: RunDirectory, dataset: Dataset) -> ValidationRows:
    """The rows that all of the run's predictions are for: those of all folds.

    Only those of the first fold if an earlier version, which kept no others, trained some of the trials.
    """
    every = ValidationRows(dataset.folds)
    kept = set()
    for trial in run.predictions.saved():
        with contextlib.suppress(RunError):  # of a file that is damaged, which says so where it is read
            kept.add(run.predictions.rows(trial))
    return ValidationRows((dataset,)) if dataset.others and kept != {len(every)} else every


def kept_predictions(
    run: RunDirectory, weights: Mapping[int, float], dataset: Dataset
) -> npt.NDArray[np.float32] | None:
    """(V, C) weighted mean of trials' predictions for the validation rows of all folds; None if they were not kept.

    With folds each row is predicted by networks that did not see it, and a regression's predictions are standardised as
    in the first fold.

    Raises:
        RunError: a file is damaged.
    """
    rows = ValidationRows(dataset.folds)
    if any(run.predictions.rows(trial) != len(rows) for trial in weights):
        return None
    mean = np.zeros((len(rows), dataset.outputs), np.float32)
    for trial, weight in weights.items():
        mean += weight * rows.standardised(run.predictions.load(trial)).astype(np.float32)
    return mean


def out_of_fold(run: RunDirectory, weights: Mapping[int, float], dataset: Dataset) -> npt.NDArray[np.float32] | None:
    """The same, and None without folds; errors as `kept_predictions`."""
    return kept_predictions(run, weights, dataset) if dataset.others else None


def log_probabilities(predicted: npt.NDArray[Any]) -> Tensor:
    """(V, C) float64 logarithms of stored probabilities."""
    return torch.from_numpy(predicted.astype(np.float64)).clamp(min=_LEAST).log()
