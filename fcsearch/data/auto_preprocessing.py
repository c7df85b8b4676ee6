"""Which preprocessing `auto` stands for, and how many bins `piecewise` makes where nobody says."""

from __future__ import annotations

import dataclasses

from fcsearch.config import InputForm
from fcsearch.data.rows import Rows
from fcsearch.data.spec import DatasetSpec

# What was best on the tables of docs/quality.md.
_BINS = 48
# Of fewer, standardized numbers are as good.
_LEAST_BINS = 16
# Features that all bins of all numbers make at most, so that the first layer stays small.
_MOST_FEATURES = 1024
# Rows in a bin, at least.
_ROWS = 10


def settle_preprocessing(spec: DatasetSpec, rows: Rows) -> DatasetSpec:
    """The spec with what its `auto` stands for on these rows.

    `auto` is `piecewise` where a row is at most 64 numbers, beside its categories, and none of them is of a list or a
    pixel, as those share a unit; where there are 160 rows or more. Elsewhere it is `standardize`. Where nobody says how
    many bins `piecewise` makes of a number, it makes 48, and fewer where a row has more than 21 numbers or there are
    fewer than 480 rows.
    """
    numbers = sum(column.kind == "number" for column in rows.columns) if rows.columns else rows.X.shape[1]
    bins = min(_BINS, _MOST_FEATURES // max(1, numbers), len(rows.y) // _ROWS)
    if spec.preprocessing == "auto":
        shared = rows.is_pixels or rows.layout == "list" or any(column.list_name for column in rows.columns)
        if shared or not numbers or bins < _LEAST_BINS:
            return dataclasses.replace(spec, preprocessing="standardize")
        return dataclasses.replace(spec, preprocessing="piecewise", bins=bins)
    if spec.preprocessing == "piecewise" and spec.bins is None:
        return dataclasses.replace(spec, bins=max(2, bins))
    return spec


def spec_of_form(form: InputForm, spec: DatasetSpec, rows: Rows) -> DatasetSpec:
    """The spec, which is settled, with what a form of its rows says in place of its own options."""
    own = spec.bins if form.preprocessing == "piecewise" else None
    changed = dataclasses.asdict(spec) | {"preprocessing": form.preprocessing, "bins": form.bins or own}
    return settle_preprocessing(DatasetSpec.from_value(changed), rows)
