"""Models measured on the rows of all folds, each row predicted by networks that did not see it.

A figure is the mean over the folds, like that of a trial. Its standard error is that of the rows: folds have no
validation rows in common, so their variances add up.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from fcsearch.data import Dataset
from fcsearch.evaluation.baseline import base_line_of_folds, base_line_of_target_folds
from fcsearch.evaluation.classification import Classification, classification_of
from fcsearch.evaluation.kept import Kept, compare_kept, error_of_mean, scores_of_folds
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.measuring import measurement_of, with_lead
from fcsearch.evaluation.pairs import Pair
from fcsearch.results import RunDirectory, objective_of
from fcsearch.selection.validated import out_of_fold


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
    objective = objective_of(run.trials())
    judged = [(scores / temperature, truth) for scores, truth in scores_of_folds(predicted, dataset)]
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
    if not dataset.others:
        return None
    return compare_kept(Kept(run, weights), Kept(run, single), objective_of(run.trials()).name, dataset)


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
        standard_error=error_of_mean([fold.standard_error for fold in found]),
        classification=_together(classes, dataset.class_names) if classes else None,
        figures={name: math.fsum(fold.figures[name] for fold in found) / len(found) for name in names},
        base_line=bases[first.objective],
        base_figures={name: base.value for name, base in bases.items()},
        folds=len(found),
    )


def _together(classes: Sequence[Classification], names: Sequence[str]) -> Classification:
    return classification_of(np.sum([fold.confusion for fold in classes], axis=0), names)
