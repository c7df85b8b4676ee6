"""What the estimators are given: arrays, sparse matrices and tables, as a table with the column names of `fit`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils.validation import column_or_1d, validate_data

from fcsearch.api.estimator_arguments import first_text
from fcsearch.config.objective import Task
from fcsearch.data.sources.in_memory import as_table, densified, is_table
from fcsearch.text import column_quoted, first_few


class TableEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator whose columns may be numbers, with missing values, or, in a table, categories."""

    _task: ClassVar[Task]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.non_deterministic = False
        return tags

    def _checked(self, X: Any, y: Any) -> tuple[pa.Table, npt.NDArray[Any]]:
        if is_table(X):
            table, labels = self._table(X, reset=True), column_or_1d(y, warn=True)
            if len(labels) != table.num_rows:
                raise ValueError(f"X and y must have equally many rows; found {table.num_rows} and {len(labels)}")
        else:
            X, labels = validate_data(
                self,
                self._array(X),
                y,
                ensure_all_finite="allow-nan",
                ensure_min_samples=2,
                y_numeric=self._task == "regression",
            )
            table = self._named(X)
        return table, labels

    def _table(self, X: Any, *, reset: bool) -> pa.Table:
        """The columns under the names that they have in `fit`, by their positions."""
        if is_table(X):
            # First, for its errors.
            table = as_table(X)
            validate_data(self, X, skip_check_array=True, reset=reset)
            return table.rename_columns(self._names(table.num_columns))
        learned = () if reset else getattr(self, "feature_names_in_", ())
        return self._named(validate_data(self, self._array(X, learned), reset=reset, ensure_all_finite="allow-nan"))

    def _array(self, X: Any, columns: Iterable[str] = ()) -> Any:
        """What is given in a table's place, dense; ValueError for text, which belongs into a table of these columns."""
        X = densified(X)
        if (text := first_text(X)) is not None:
            learned = first_few([*map(column_quoted, columns)])
            raise ValueError(
                f"an array X must hold numbers; found the text {text!r}. Give a table, such as a DataFrame"
                f"{f', with the columns that fit learned: {learned}' if learned else ''}"
            )
        return X

    def _named(self, X: npt.NDArray[Any]) -> pa.Table:
        columns = [pa.array(np.ascontiguousarray(column)) for column in X.T]
        return pa.table(columns, names=self._names(len(columns)))

    def _names(self, count: int) -> list[str]:
        # Like scikit-learn, which has names only where all are text, as in tables.
        return list(getattr(self, "feature_names_in_", [f"x{place}" for place in range(count)]))
