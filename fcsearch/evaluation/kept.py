"""Models by the predictions that runs kept of them for the validation rows: how much of a figure the rows explain.

With folds a figure is the mean over the folds. They have no validation rows in common, so their variances add up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fcsearch.data import Dataset
from fcsearch.evaluation.measuring import truth_of
from fcsearch.evaluation.pairs import Pair, compare_scores
from fcsearch.evaluation.uncertainty import bootstrap_error
from fcsearch.results import RunDirectory
from fcsearch.selection.validated import ValidationRows, kept_predictions, log_probabilities
from fcsearch.training.objectives import Truth


class Kept(NamedTuple):
    """Trials of a run whose predictions are averaged.

    Attributes:
        run: The run.
        weights: The weight of each trial.
    """

    run: RunDirectory
    weights: Mapping[int, float]


def compare_kept(ours: Kept, theirs: Kept, objective: str, dataset: Dataset) -> Pair | None:
    """Compare two models on the validation rows; None if their predictions were not kept.

    Args:
        ours: Of one run.
        theirs: Of the same run, or of another one on the same dataset.
        objective: The figure that they are compared by: a key of OBJECTIVES, defined on these rows.
        dataset: That of both runs.

    Raises:
        RunError: a file of predictions is damaged.
    """
    first, second = (kept_predictions(*kept, dataset) for kept in (ours, theirs))
    if first is None or second is None:
        return None
    both = zip(scores_of_folds(first, dataset), scores_of_folds(second, dataset), strict=True)
    pairs = [compare_scores(objective, mine, other, truth) for (mine, truth), (other, _) in both]
    return Pair(
        single=math.fsum(pair.single for pair in pairs) / len(pairs),
        difference=math.fsum(pair.difference for pair in pairs) / len(pairs),
        error=error_of_mean([pair.error for pair in pairs]),
        objective=objective,
    )


def error_of_kept(model: Kept, objective: str, dataset: Dataset) -> float | None:
    """The standard error that the validation rows give to a model's figure; the rest as `compare_kept`."""
    predicted = kept_predictions(*model, dataset)
    if predicted is None:
        return None
    return error_of_mean([bootstrap_error(objective, *fold) for fold in scores_of_folds(predicted, dataset)])


def scores_of_folds(predicted: npt.NDArray[np.float32], dataset: Dataset) -> list[tuple[Tensor, Truth]]:
    """Predictions (V, C) as the scores (1, C, V) of each fold's rows, and the truth of these.

    Targets are standardised as in the first fold.
    """
    scores = log_probabilities(predicted) if dataset.num_classes else torch.from_numpy(predicted.astype(np.float64))
    parts = torch.split(scores, list(ValidationRows(dataset.folds).sizes))
    target = dataset.transform.target
    return [
        (part.T.contiguous().unsqueeze(0), truth_of(fold.val, dataset.num_classes, dataset.positive, target))
        for part, fold in zip(parts, dataset.folds, strict=True)
    ]


def error_of_mean(errors: Sequence[float]) -> float:
    """The standard error of the mean of independent figures."""
    return math.sqrt(math.fsum(error**2 for error in errors)) / len(errors)
