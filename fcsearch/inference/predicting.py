"""Predictions for a whole source, part by part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from fcsearch.data.matching import Unseen, count_unseen
from fcsearch.data.sources.finding import takes_in
from fcsearch.data.sources.streams import BLOCK
from fcsearch.data.spec import DatasetSpec
from fcsearch.data.unlabelled import PART_ROWS, read_parts
from fcsearch.errors import DataError, UsageError
from fcsearch.inference.predictor import Predictor
from fcsearch.wording import option


@dataclasses.dataclass(frozen=True)
class Predicted:
    """What was found in a source while predicting.

    Attributes:
        rows: The number of rows.
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
        write: Called with the kept columns and the predictions of some rows, part after part.
        keep: Columns of the source to copy to the output.
        progress: Called with the fraction of the source that is done, from 0 to 1.
        most_rows: The most rows that are predicted at a time.
        block: Bytes of a CSV file that are read at a time.

    Raises:
        DataError: a source that cannot be found or read, missing columns, no rows, or kept columns with the names of
            predictions.
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
    """Refuse to overwrite an input file, or to write a file that would be one next time; UsageError."""
    if takes_in(spec, out):
        raise UsageError(
            f"{option('out')} must not be a file of INPUT, or one that would be read with it next time; found {out}. "
            "Name another folder or file."
        )


def _check_kept(names: Sequence[str], predictor: Predictor) -> None:
    if twice := [name for name in names if name in predictor.output.columns]:
        raise DataError(
            f"{option('keep')} must name columns whose names differ from those of predictions; found "
            f"{', '.join(twice)}. Rename it, or leave it out."
        )
