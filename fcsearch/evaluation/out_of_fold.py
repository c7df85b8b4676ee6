"""Models measured on the rows of all folds, each row predicted by networks that did not see it.

A figure is the mean over the folds, like that of a trial. Its standard error is that of the rows: folds have no
validation rows in common, so their variances add up.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fcsearch.data import Dataset
from fcsearch.evaluation.baseline import base_line_of_folds, base_line_of_target_folds
from fcsearch.evaluation.classification import Classification, classification_of
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.measuring import measurement_of, truth_of, with_lead
from fcsearch.evaluation.pairs import Pair, compare_scores
from fcsearch.results import RunDirectory, objective_of
from fcsearch.selection.validated import ValidationRows, log_probabilities, out_of_fold
from fcsearch.training.objectives import Truth


def measure_out_of_fold(
    run: RunDirectory, weights: Mapping[int, float], dataset: Dataset, *, temperature: float = 1.0
) -> Measurement | None:
    """Measure the weighted mean of trials; None if their predictions were not kept for the rows of all folds.

    Args:
        run: The run; its objective is measured.
        weights: The weight of each trial's predictions.
        dataset: The run's dataset.
        temperature: Scores are divided by it.

    Raises:
        RunError: a file of predictions is damaged.
        DataError: the run's objective is not defined on the rows of some fold.
    """
    predicted = out_of_fold(run, weights, dataset)
    if predicted is None:
        return None
    objective, rows = objective_of(run.trials()), ValidationRows(dataset.folds)
    judged = [
        (scores / temperature, _truth(fold, dataset))
        for fold, scores in zip(dataset.folds, _scores(rows, predicted, dataset), strict=True)
    ]
    found = [
        measurement_of(
            scores,
            fold.val,
            truth,
            objective,
            dataset.class_names,
            split_name="val",
            fingerprint=dataset.fingerprint,
        )
        for fold, (scores, truth) in zip(dataset.folds, judged, strict=True)
    ]
    trial_id = next(iter(weights)) if len(weights) == 1 else None
    return dataclasses.replace(with_lead(_mean(found, dataset), judged), trial_id=trial_id, networks=len(weights))


def compare_out_of_fold(
    run: RunDirectory, weights: Mapping[int, float], single: Mapping[int, float], dataset: Dataset
) -> Pair | None:
    """Compare two weighted means of trials on the same rows; None and errors as `measure_out_of_fold`."""
    ours, theirs = out_of_fold(run, weights, dataset), out_of_fold(run, single, dataset)
    if ours is None or theirs is None:
        return None
    objective, rows = objective_of(run.trials()).name, ValidationRows(dataset.folds)
    both = zip(dataset.folds, _scores(rows, ours, dataset), _scores(rows, theirs, dataset), strict=True)
    pairs = [compare_scores(objective, first, second, _truth(fold, dataset)) for fold, first, second in both]
    return Pair(
        single=math.fsum(pair.single for pair in pairs) / len(pairs),
        difference=math.fsum(pair.difference for pair in pairs) / len(pairs),
        error=_error([pair.error for pair in pairs]),
        objective=objective,
    )


def _truth(fold: Dataset, dataset: Dataset) -> Truth:
    """The labels of a fold's validation rows; targets are standardised as in the first fold."""
    return truth_of(fold.val, dataset.num_classes, dataset.positive, dataset.transform.target)


def _scores(rows: ValidationRows, predicted: npt.NDArray[np.float32], dataset: Dataset) -> list[Tensor]:
    """The scores (1, C, V) of each fold's rows."""
    scores = log_probabilities(predicted) if dataset.num_classes else torch.from_numpy(predicted.astype(np.float64))
    return [part.T.contiguous().unsqueeze(0) for part in torch.split(scores, list(rows.sizes))]


def _mean(found: Sequence[Measurement], dataset: Dataset) -> Measurement:
    first = found[0]
    names = [name for name in first.figures if all(name in fold.figures for fold in found)]
    classes = [fold.classification for fold in found if fold.classification]
    if classes:
        counts = [[entry.rows for entry in fold.classes] for fold in classes]
        bases = {
            name: base_line_of_folds(dataset.class_names, counts, name, positive=dataset.positive) for name in names
        }
    else:
        bases = {name: base_line_of_target_folds([fold.val.y for fold in dataset.folds], name) for name in names}
    return dataclasses.replace(
        first,
        rows=sum(fold.rows for fold in found),
        value=math.fsum(fold.value for fold in found) / len(found),
        standard_error=_error([fold.standard_error for fold in found]),
        classification=_together(classes, dataset.class_names) if classes else None,
        figures={name: math.fsum(fold.figures[name] for fold in found) / len(found) for name in names},
        base_line=bases[first.objective],
        base_figures={name: base.value for name, base in bases.items()},
        folds=len(found),
    )


def _together(classes: Sequence[Classification], names: Sequence[str]) -> Classification:
    return classification_of(np.sum([fold.confusion for fold in classes], axis=0), names)


def _error(errors: Sequence[float]) -> float:
    """The standard error of the mean of independent figures."""
    return math.sqrt(math.fsum(error**2 for error in errors)) / len(errors)
