"""Predictions for a whole source, part by part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from fcsearch.data.matching import Unseen, count_unseen
from fcsearch.data.parts import PART_ROWS, read_parts
from fcsearch.data.sources.paths import find_files
from fcsearch.data.sources.streams import BLOCK
from fcsearch.data.spec import DatasetSpec
from fcsearch.errors import DataError, UsageError
from fcsearch.inference.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Predicted:
    """What was found in a source on the way.

    Attributes:
        rows: How many.
        unseen: Categories that the training rows do not have, counted by column.
        ignored: Columns that are neither read nor kept.
    """

    rows: int
    unseen: Unseen
    ignored: tuple[str, ...]


def predict_source(
    predictor: Predictor,
    spec: DatasetSpec,
    write: Callable[[pa.Table], None],
    *,
    keep: Sequence[str] = (),
    progress: Callable[[float], None],
    most_rows: int = PART_ROWS,
    block: int = BLOCK,
) -> Predicted:
    """Predict every row of a source, in its order.

    Args:
        predictor: The model.
        spec: The source.
        write: Takes the kept columns and the predictions of some rows after the others.
        keep: Columns of the source to carry along.
        progress: Told how much of the source is done, from 0 to 1.
        most_rows: Rows that are predicted at a time, at most.
        block: Bytes of a CSV file that are read at a time.

    Raises:
        DataError: what cannot be found or read, missing columns, no rows, kept columns called like predictions.
    """
    rows, unseen, ignored = 0, Unseen(), dict[str, None]()
    for part in read_parts(spec, predictor.transform, keep, most_rows=most_rows, block=block):
        _check_kept(part.kept.column_names, predictor)
        table = predictor.table(part.X)
        write(pa.table([*part.kept.columns, *table.columns], [*part.kept.column_names, *table.column_names]))
        count_unseen(unseen, part.unseen)
        ignored.update(dict.fromkeys(part.ignored))
        rows += len(part.X)
        progress(part.share)
    if not rows:
        raise DataError(f"{spec.source} must have rows; found none.")
    return Predicted(rows, unseen, tuple(ignored))


def check_not_input(out: Path, spec: DatasetSpec) -> None:
    """Refuse to write over a file that is read; UsageError."""
    if not spec.is_named and out.exists() and any(out.samefile(path) for path in find_files(spec.source)):
        raise UsageError(f"--out must be another file than those of INPUT; found {out}. Name another one.")


def _check_kept(names: Sequence[str], predictor: Predictor) -> None:
    if twice := [name for name in names if name in predictor.output.columns]:
        raise DataError(
            f"--keep must name columns that are called otherwise than those of predictions; found {', '.join(twice)}. "
            "Rename it, or leave it out."
        )
