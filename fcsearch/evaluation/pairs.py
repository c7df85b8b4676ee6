"""Two models on the same rows, paired: a row that is easy or hard for both cancels out of the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from fcsearch.data.dataset import Dataset
from fcsearch.evaluation.measuring import rows_of, score, truth_of
from fcsearch.evaluation.uncertainty import paired_bootstrap_error, paired_share_error
from fcsearch.results import RunDirectory, objective_of
from fcsearch.selection import Member
from fcsearch.training.objectives import FIGURES, Truth


class Pair(NamedTuple):
    """A model compared with another one.

    Attributes:
        single: The other one's objective.
        difference: The model's objective minus the other one's.
        error: Standard error of the difference, paired by row.
        objective: The run's objective: a key of OBJECTIVES.
    """

    single: float
    difference: float
    error: float
    objective: str


def compare(
    run: RunDirectory,
    members: Sequence[Member],
    single: Sequence[Member],
    dataset: Dataset,
    split_name: str,
    *,
    scores: Tensor | None = None,
) -> Pair:
    """Measure two models of a run on one split.

    Args:
        run: The run, whose objective is measured.
        members: The networks of the model, and their weights.
        single: Those of the other one.
        dataset: The run's.
        split_name: `val` or `test`; it has rows, on which the objective is defined.
        scores: What `measure_and_score` gave for the model; None: they are computed.
    """
    objective = objective_of(run.trials()).name
    truth = truth_of(getattr(dataset, split_name), dataset.num_classes, dataset.positive, dataset.transform.target)
    if scores is None:
        scores, _ = score(members, rows_of(members, dataset, split_name), truth)
    theirs, _ = score(single, rows_of(single, dataset, split_name), truth)
    return compare_scores(objective, scores, theirs, truth)


def compare_scores(objective: str, ours: Tensor, theirs: Tensor, truth: Truth) -> Pair:
    """Compare the scores (1, C, V) of two models for the same rows, by an objective that is defined on these."""
    value, other = (float(FIGURES[objective](scores, truth)) for scores in (ours, theirs))
    if objective == "accuracy":
        error = paired_share_error(_right(ours, truth), _right(theirs, truth))
    else:
        error = paired_bootstrap_error(objective, ours, theirs, truth)
    return Pair(other, value - other, error, objective)


def _right(scores: Tensor, truth: Truth) -> Tensor:
    return scores[0].max(0).indices == truth.y
