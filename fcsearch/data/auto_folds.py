"""Whether `folds: auto` makes folds of the rows at hand."""

from __future__ import annotations

import dataclasses

from fcsearch.data.rows import Rows
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.splits import SplitRows, split_rows
from fcsearch.data.weights import training_weights
from fcsearch.errors import DataError

_FOLDS = 5
# With fewer, the best of some dozens of trials is largely luck (docs/quality.md).
_ENOUGH_TO_VALIDATE = 500


def settle_folds(spec: DatasetSpec, rows: Rows) -> DatasetSpec:
    """The spec with `folds: auto` replaced by its choice for these rows: 5, or None, one split.

    It is 5 if one split would validate on fewer than 500 rows, unless the spec says how many rows validate; or the rows
    are images, are in the order of time, or have validation rows of their own; or 5 folds cannot be drawn from them, or
    leave out a class that one split validates on.
    """
    if spec.folds != "auto":
        return spec
    one = dataclasses.replace(spec, folds=None)
    several = dataclasses.replace(spec, folds=_FOLDS)
    if spec.num_val is not None or spec.val_fraction is not None:
        return one
    enough = round(spec.validation_share * rows.sizes.train) >= _ENOUGH_TO_VALIDATE
    if enough or rows.is_pixels or rows.sizes.val or spec.time is not None:
        return one
    in_folds = _drawn(several, rows)
    if in_folds is None:
        return one
    at_once = _drawn(one, rows)
    loses = at_once is not None and not set(in_folds.training_only) <= set(at_once.training_only)
    return one if loses else several


def _drawn(spec: DatasetSpec, rows: Rows) -> SplitRows | None:
    """The rows of each part; None if they cannot be drawn, or some training rows all have the weight 0."""
    try:
        split = split_rows(rows.y, rows.sizes, spec, rows.class_names, rows.split_key)
        for fold in split.folds:
            given = None if rows.row_weights is None else rows.row_weights[fold.train]
            training_weights(rows.y[fold.train], given, spec.class_weight, rows.class_names)
    except DataError:
        return None
    return split
