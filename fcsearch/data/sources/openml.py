"""Datasets of openml.org, through scikit-learn (which verifies and caches downloads)."""

from __future__ import annotations

import http.client
import io
import warnings
from typing import Any

import pyarrow as pa

from fcsearch.data.rows import PartSizes, Rows
from fcsearch.data.sources.download import cache_folder, user_folder
from fcsearch.data.sources.table_files import check_columns, rows_of_table
from fcsearch.data.spec import OPENML_PREFIX, DatasetSpec
from fcsearch.errors import DataError
from fcsearch.wording import wording


def openml_table(spec: DatasetSpec) -> tuple[pa.Table, str, dict[str, Any]]:
    """The table of `openml:<name or id>`, its label (by default the dataset's target), and details for the manifest.

    Raises:
        DataError: the download failed, or there is no such dataset.
    """
    if spec.test is not None:
        raise DataError(f"dataset option test belongs to files; {spec.source} has one table. Leave it out.")
    bunch = _fetch(spec)
    targets = list(bunch.target_names)
    if len(targets) != 1:
        raise DataError(
            f"{spec.source} must have one target column; found {', '.join(targets) or 'none'} among "
            f"{', '.join(bunch.frame.columns)}. Name one with {wording().label()}."
        )
    try:
        table = pa.Table.from_pandas(bunch.frame, preserve_index=False).replace_schema_metadata(None)
    except pa.ArrowException as error:
        raise DataError(f"{spec.source} must be a plain table; found a mixed column: {error}.") from error
    check_columns(table, spec.source)
    details = {"openml_id": int(bunch.details["id"]), "openml_version": int(bunch.details["version"])}
    return table, str(targets[0]), details


def read_openml(spec: DatasetSpec) -> Rows:
    """Read `openml:<name or id>` into features and classes.

    Raises:
        DataError: as `openml_table`, or its columns cannot be used.
    """
    table, label, details = openml_table(spec)
    return rows_of_table(
        table,
        PartSizes(table.num_rows),
        spec,
        label=label,
        locate=lambda row: f"row {row} of {spec.source}",
        source=spec.source,
        details=details,
    )


def _fetch(spec: DatasetSpec) -> Any:
    """The dataset as scikit-learn returns it: `frame`, `target_names`, `details`."""
    from sklearn.datasets import fetch_openml

    key = _key(spec)
    folder = user_folder(spec.data_dir)
    home = folder if folder is not None and (folder / "openml").is_dir() else cache_folder()
    label = spec.label or "default-target"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on retries, and on versions: the manifest records the id
            return fetch_openml(
                **key, data_home=str(home), target_column=label, as_frame=True, parser=_parser(), n_retries=2
            )
    except (OSError, http.client.HTTPException) as error:
        arguments = ", ".join(f"{name}={value!r}" for name, value in key.items())
        raise DataError(
            f"{spec.source} must be downloaded once, and that failed ({getattr(error, 'reason', None) or error}). On a "
            f"machine with a network call sklearn.datasets.fetch_openml({arguments}, data_home=FOLDER), copy FOLDER "
            "here and name it with --data-dir or FCSEARCH_DATA; or save the table as CSV."
        ) from error
    except ImportError as error:
        raise DataError(
            f"{spec.source} needs pandas to be read; it is not installed. Run: pip install pandas."
        ) from error
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{spec.source} must be a dense classification dataset of openml.org; found: "
            f"{' '.join(map(str, error.args))}. Look up its name or number, and its columns, there."
        ) from error


def _key(spec: DatasetSpec) -> dict[str, int | str]:
    wanted = spec.source.removeprefix(OPENML_PREFIX)
    if not wanted:
        raise DataError(
            f"{OPENML_PREFIX} must be followed by a dataset's name or number, as in openml:iris or openml:61."
        )
    return {"data_id": int(wanted)} if wanted.isdecimal() else {"name": wanted}


def _parser() -> str:
    """scikit-learn's fast parser, or its slow one if pandas (from 3.1 on) reads numbered categories as numbers.

    scikit-learn 1.9.1 fails on such a column (its issue 34892), and removes the downloaded file when it does.
    """
    import pandas as pd

    categories = pd.read_csv(io.StringIO("1"), header=None, dtype="category")[0].cat.categories
    return "auto" if isinstance(categories[0], str) else "liac-arff"
