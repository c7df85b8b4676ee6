"""Records, or rows as dicts, become Arrow tables that keep the schema, or an error names the row and the column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from fcsearch.config.objective import OBJECTIVES
from fcsearch.config.states import RANKED_STATES, STATES
from fcsearch.errors import RunError
from fcsearch.results.manifest import Manifest
from fcsearch.results.records import EpochRecord, TrialRecord
from fcsearch.results.schema import CONFIRMATIONS, EPOCHS, MODELS, TRIALS
from fcsearch.text import did_you_mean, nearest

Row = Mapping[str, Any]

_LOSSES = ("train_loss", "val_loss")


def trials_table(pack_id: int, trials: Sequence[TrialRecord | Row]) -> pa.Table:
    """The trials of one pack as a table of schema TRIALS.

    Args:
        pack_id: Fills the column `pack_id`.
        trials: A record or a dict for each trial; columns that a dict does not name are null. Losses that are not
            finite become null.

    Raises:
        RunError: an unknown column, a value of another type, a metric that is not finite, an unknown state, a
            ranked trial without its result, or a trial named twice.
    """
    rows = [{**row, "pack_id": pack_id} for row in map(_row, trials)]
    _require_states(rows)
    _require_distinct(rows, ("trial_id",))
    return _table(rows, TRIALS)


def confirmations_table(pack_id: int, trials: Sequence[TrialRecord]) -> pa.Table:
    """Trials that were trained again as a table of schema CONFIRMATIONS; RunError as in `trials_table`."""
    rows = [{**trial.row(), "pack_id": pack_id} for trial in trials]
    _require_states(rows)
    _require_distinct(rows, ("trial_id", "seed"))
    return _table([{name: row.get(name) for name in CONFIRMATIONS.names} for row in rows], CONFIRMATIONS)


def models_table(measured: Sequence[Row]) -> pa.Table:
    """Models and what was measured of them as a table of schema MODELS; RunError as in `trials_table`."""
    return _table(measured, MODELS)


def with_origin(table: pa.Table, manifest: Manifest) -> pa.Table:
    """The table with the run's name and its dataset's in every row."""
    dataset = manifest.dataset.name if manifest.dataset else None
    for name, value in (("run", manifest.name), ("dataset", dataset)):
        place = table.schema.get_field_index(name)
        column = pa.array([value] * len(table), pa.string())
        table = table.set_column(place, table.schema.field(place), column)
    return table


def _require_states(rows: Sequence[Row]) -> None:
    for row in rows:
        if row.get("state") not in STATES:
            raise RunError(f"{_label(row)}: state must be one of {', '.join(STATES)}; found {row.get('state')!r}")
        needed = (OBJECTIVES[row.get("objective") or "accuracy"].column, "best_epoch")
        if row["state"] in RANKED_STATES and any(row.get(name) is None for name in needed):
            raise RunError(f"{_label(row)}: a {row['state']} trial must have {' and '.join(needed)}; found none")


def epochs_table(epochs: Sequence[EpochRecord | Row], trial_ids: set[int]) -> pa.Table:
    """The epochs of one pack as a table of schema EPOCHS; RunError as in `trials_table`, or for a trial not in it."""
    rows = [_row(epoch) for epoch in epochs]
    strangers = sorted({row.get("trial_id") for row in rows} - trial_ids, key=str)
    if strangers:
        raise RunError(f"epochs must be of the pack's trials; found trial {strangers[0]}, which has no row among them")
    _require_distinct(rows, ("trial_id", "epoch"))
    return _table(rows, EPOCHS)


def _row(record: TrialRecord | EpochRecord | Row) -> Row:
    return record.row() if isinstance(record, (TrialRecord, EpochRecord)) else record


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    known = set(schema.names)
    for row in rows:
        for name in row.keys() - known:
            hint = did_you_mean(nearest(name, schema.names)) or f"; the columns are {', '.join(schema.names)}"
            raise RunError(f"{_label(row)}: a row must hold known columns; found {name!r}{hint}")
    columns = [_column(rows, field) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(rows: Sequence[Row], field: pa.Field) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    if not _is_plain(values, field):
        values = [_checked(row, field) for row in rows]
    try:
        return pa.array(values, type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        found = ", ".join(sorted({type(value).__name__ for value in values}))
        raise RunError(f"column {field.name} must hold {field.type} values; found {found}: {error}") from error


def _is_plain(values: Sequence[Any], field: pa.Field) -> bool:
    """Whether all values are as `_checked` leaves them, by tests that take little time; False where they cannot tell.

    A pack's epochs have thousands of values.
    """
    kinds = set(map(type, values)) - ({type(None)} if field.nullable else set())
    if pa.types.is_floating(field.type):
        return kinds <= {float} and all(map(math.isfinite, filter(None, values)))
    return (pa.types.is_integer(field.type) and kinds <= {int}) or (pa.types.is_string(field.type) and kinds <= {str})


def _checked(row: Row, field: pa.Field) -> Any:
    value = row.get(field.name)
    if value is None:
        if not field.nullable:
            raise RunError(f"{_label(row)}: {field.name} must have a value; found none")
        return None
    if pa.types.is_floating(field.type) and not _is_finite(value):
        if field.name in _LOSSES:
            return None
        raise RunError(f"{_label(row)}: {field.name} must be a finite number; found {value!r}")
    # Arrow would cut 1.5 down to 1.
    if pa.types.is_integer(field.type) and not isinstance(value, (int, np.integer)):
        raise RunError(f"{_label(row)}: {field.name} must be an integer; found {value!r}")
    if pa.types.is_timestamp(field.type) and (not isinstance(value, datetime) or value.tzinfo is None):
        raise RunError(f"{_label(row)}: {field.name} must be a datetime with a time zone; found {value!r}")
    return value


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def _require_distinct(rows: Sequence[Row], key: tuple[str, ...]) -> None:
    values = [tuple(map(row.get, key)) for row in rows]
    seen = set(values)
    if len(seen) == len(rows):
        return
    seen.clear()
    for row, value in zip(rows, values, strict=True):
        if value in seen:
            raise RunError(f"{_label(row)}: each {' and '.join(key)} must have one row; found two")
        seen.add(value)


def _label(row: Row) -> str:
    epoch = f", epoch {row['epoch']}" if "epoch" in row else ""
    return f"trial {row.get('trial_id')}{epoch}"
