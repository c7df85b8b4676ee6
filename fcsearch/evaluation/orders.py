"""The figures that rankings and means over classes have when labels are dealt to the rows at random.

Labels are dealt instead of answers: then what the figures need of the answers, the class each row is taken for or its
rank, is found once for all orders, and only the rows that get the labels of rarer classes are drawn. C classes, V rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fcsearch.training.objectives import Truth

# Figures that are not means over rows.
DEALT = ("balanced_accuracy", "f1_macro", "roc_auc", "average_precision")
# Labels that are dealt for all orders together, as far as the least number of orders allows, and at a time.
_LABELS, _BLOCK = 5_000_000, 1_000_000
_MOST_ORDERS, _LEAST_ORDERS = 10_000, 500

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.integer]


def orders_of(objective: str, truths: Sequence[Truth]) -> int:
    """How many random orders are affordable: 10,000 where the rarer classes have up to 500 rows, and at least 500."""
    labels = 0
    for truth in truths:
        counts = _counts(truth)
        labels += int(counts[_dealt(objective, truth, counts)].sum())
    return min(max(_LABELS // max(labels, 1), _LEAST_ORDERS), _MOST_ORDERS)


def figures_of_orders(
    objective: str, scores: Tensor, truth: Truth, orders: int, rng: np.random.Generator
) -> tuple[float, Floats]:
    """The figure, as FIGURES defines it, and what it is in so many random orders of the labels (N,).

    Args:
        objective: One of DEALT; it is defined on these rows.
        scores: (1, C, V).
        truth: The labels of the rows.
        orders: N.
        rng: Draws the orders.
    """
    counts, marks = _counts(truth), _marks(objective, scores, truth)
    dealt, classes, sure = _dealt(objective, truth, counts), _classes(objective, scores, truth, counts), 0.0
    if objective != "average_precision":
        # Each row has one label: what it adds with that of the commonest class is sure, and others add a difference.
        common = marks[counts.argmax()]
        marks, sure = marks - common, float(common.sum())
    parts = np.split(np.arange(counts[dealt].sum()), counts[dealt].cumsum()[:-1])

    def figures(rows: Counts) -> Floats:
        """Of orders (n, D): the rows that get the labels of the dealt classes, one class after the other."""
        found = np.full(len(rows), sure)
        for label, part in zip(dealt, parts, strict=True):
            mine = marks[label][rows[:, part]]
            found += _precision(mine) if objective == "average_precision" else mine.sum(1)
        return found / classes

    labels = truth.y.numpy()
    known = figures(np.concatenate([np.flatnonzero(labels == label) for label in dealt])[None])
    size = int(counts[dealt].sum())
    blocks = np.array_split(np.arange(orders), -(-orders * size // _BLOCK))
    return float(known[0]), np.concatenate([figures(_drawn(len(labels), size, len(block), rng)) for block in blocks])


def thinned(scores: Tensor, truth: Truth, rows: int, rng: np.random.Generator) -> tuple[Tensor, Truth]:
    """About that many of the rows, drawn by their class alone: where answers say nothing, any order stays as likely."""
    order, sizes = torch.from_numpy(rng.permutation(len(truth.y))), torch.bincount(truth.y)
    left = order[:0]
    for place, label in enumerate(sizes.argsort().tolist()):
        # What rarer classes leave over goes to the others.
        share = (rows - len(left)) // (len(sizes) - place)
        left = torch.cat([left, order[truth.y[order] == label][:share]])
    return scores[..., left], dataclasses.replace(truth, y=truth.y[left])


def _counts(truth: Truth) -> Counts:
    """The rows of each class (C,)."""
    return np.bincount(truth.y.numpy(), minlength=truth.num_classes)


def _drawn(rows: int, size: int, orders: int, rng: np.random.Generator) -> Counts:
    return np.stack([rng.choice(rows, size, replace=False) for _ in range(orders)])


def _dealt(objective: str, truth: Truth, counts: Counts) -> list[int]:
    """The classes whose rows are drawn: those whose places average precision needs, else all but the commonest."""
    if objective == "average_precision" and truth.num_classes == 2:
        return [truth.positive]
    present = [int(label) for label in np.flatnonzero(counts)]
    return [label for label in present if objective == "average_precision" or label != counts.argmax()]


def _marks(objective: str, scores: Tensor, truth: Truth) -> Floats:
    """What a row adds to the figure, times the number of classes, if it gets the label of a class (C, V).

    For average precision, which is no such sum, it is the number of rows that score at least as high.
    """
    counts, taken = _counts(truth), scores[0].max(0).indices.numpy()
    if objective in ("balanced_accuracy", "f1_macro"):
        mine = taken == np.arange(truth.num_classes)[:, None]
        whole = counts if objective == "balanced_accuracy" else (counts + mine.sum(1)) / 2
        return np.asarray(mine / np.maximum(whole, 0.5)[:, None])
    marks = np.zeros((truth.num_classes, len(taken)))
    for label, values in _values(scores, truth, counts).items():
        ordered, size = np.sort(values), len(values)
        below = np.searchsorted(ordered, values)
        if objective == "average_precision":
            marks[label] = size - below
        else:
            # The mean rank from 1 of equal values, less what Mann and Whitney's U has without any row below.
            ranks = (below + np.searchsorted(ordered, values, side="right") + 1) / 2
            marks[label] = (ranks - (counts[label] + 1) / 2) / (counts[label] * (size - counts[label]))
    return marks


def _values(scores: Tensor, truth: Truth, counts: Counts) -> dict[int, Floats]:
    """What the rows (V,) are ranked by, for each class that is ranked."""
    if truth.num_classes == 2:
        return {truth.positive: (scores[0, truth.positive] - scores[0, 1 - truth.positive]).numpy()}
    probabilities = torch.softmax(scores[0], 0).numpy()
    return {int(label): probabilities[label] for label in np.flatnonzero(counts)}


def _classes(objective: str, scores: Tensor, truth: Truth, counts: Counts) -> int:
    """Of how many classes the figure is the mean."""
    if objective in ("roc_auc", "average_precision") and truth.num_classes == 2:
        return 1
    if objective == "f1_macro":
        taken = np.bincount(scores[0].max(0).indices.numpy(), minlength=truth.num_classes)
        return int(((counts > 0) | (taken > 0)).sum())
    return int((counts > 0).sum())


def _precision(above: Floats) -> Floats:
    """Average precision of orders (N, m), from how many rows score at least as high as each row of the class."""
    places, rows = np.sort(above, axis=1), above.shape[1]
    hits = np.tile(np.arange(1, rows + 1), (len(places), 1))
    # Of equal places the last one counts for all.
    hits[:, :-1][places[:, :-1] == places[:, 1:]] = rows
    hits = np.minimum.accumulate(hits[:, ::-1], axis=1)[:, ::-1]
    precision: Floats = (hits / places).mean(axis=1)
    return precision
