"""Which preprocessing `auto` chooses, and how many bins `piecewise` makes by default."""

from __future__ import annotations

import dataclasses

from fcsearch.config import EMBEDDED, InputForm
from fcsearch.data.option_values import LEAST_BINS, MOST_BINS
from fcsearch.data.rows import Rows
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError

# What was best on the tables of docs/quality.md.
_BINS = 48
# With fewer rows, standardized numbers are as good.
_LEAST_BINS = 16
# The most features that all bins together make, so that the first layer stays small.
_MOST_FEATURES = 1024
# The least rows in a bin.
_ROWS = 10


def settle_preprocessing(spec: DatasetSpec, rows: Rows) -> DatasetSpec:
    """The spec with `auto` replaced by its choice for these rows.

    `auto` is `piecewise` if there are 160 rows or more and a row has, besides its categories, at most 64 numbers, none
    of them from a list or a pixel, as those share a unit. Otherwise it is `standardize`. Unless the spec sets `bins`,
    `piecewise` makes 48 bins per number, or fewer if a row has more than 21 numbers or there are fewer than 480 rows.
    """
    numbers = _numbers(rows)
    bins = min(_BINS, _MOST_FEATURES // max(1, numbers), len(rows.y) // _ROWS)
    if spec.preprocessing == "auto":
        shared = rows.is_pixels or rows.layout == "list" or any(column.list_name for column in rows.columns)
        if shared or not numbers or bins < _LEAST_BINS:
            return dataclasses.replace(spec, preprocessing="standardize")
        return dataclasses.replace(spec, preprocessing="piecewise", bins=bins)
    if spec.preprocessing == "piecewise" and spec.bins is None:
        return dataclasses.replace(spec, bins=max(2, bins))
    return spec


def _numbers(rows: Rows) -> int:
    """Numbers in a row, besides its categories."""
    return sum(column.kind == "number" for column in rows.columns) if rows.columns else rows.X.shape[1]


def spec_of_form(form: InputForm, spec: DatasetSpec, rows: Rows) -> DatasetSpec:
    """A settled spec with `preprocessing` and `bins` replaced by those of a form of the rows.

    Raises:
        DataError: pixels are to be embedded, there are no numbers to embed, or the form has no such number of bins.
    """
    if form.bins and not LEAST_BINS <= form.bins <= MOST_BINS:
        raise DataError(
            f"bins must be an integer from {LEAST_BINS} to {MOST_BINS}, or 0 for as many as suit the rows; found "
            f"{form.bins}. Choose another number."
        )
    if form.preprocessing in EMBEDDED and rows.is_pixels:
        raise DataError(
            f"preprocessing of pixels must be standardize, mean or none; found {form.preprocessing}, which is for "
            "columns with units of their own. Choose another one."
        )
    if form.preprocessing in EMBEDDED and not _numbers(rows):
        raise DataError(
            f"preprocessing {form.preprocessing} needs a number in a row; found categories only. Choose another one."
        )
    own = spec.bins if form.preprocessing == "piecewise" else None
    preprocessing = EMBEDDED.get(form.preprocessing, form.preprocessing)
    changed = dataclasses.asdict(spec) | {"preprocessing": preprocessing, "bins": form.bins or own}
    return settle_preprocessing(DatasetSpec.from_value(changed), rows)
