"""Whether `folds: auto` makes folds of the rows at hand."""

from __future__ import annotations

import dataclasses

from fcsearch.data.rows import Rows
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.splits import split_rows
from fcsearch.errors import DataError

_FOLDS = 5
# With fewer, the best of some dozens of trials is largely luck (docs/quality.md).
_ENOUGH_TO_VALIDATE = 500


def settle_folds(spec: DatasetSpec, rows: Rows) -> DatasetSpec:
    """The spec with `folds: auto` replaced by its choice for these rows: 5, or None, one split.

    It is 5 if one split would validate on fewer than 500 rows, unless the spec says how many rows validate; or the rows
    are images, are in the order of time, or have validation rows of their own; or 5 folds cannot be drawn from them.
    """
    if spec.folds != "auto":
        return spec
    one = dataclasses.replace(spec, folds=None)
    several = dataclasses.replace(spec, folds=_FOLDS)
    if spec.sizes_validation:
        return one
    enough = round(spec.val_fraction * rows.sizes.train) >= _ENOUGH_TO_VALIDATE
    if enough or rows.is_pixels or rows.sizes.val or spec.time is not None:
        return one
    try:
        split_rows(rows.y, rows.sizes, several, rows.class_names, rows.split_key)
    except DataError:
        return one
    return several
