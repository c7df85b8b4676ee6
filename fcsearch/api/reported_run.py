"""A run as Python and notebooks show it: its tables as frames, its report, and the report's charts."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fcsearch import results
from fcsearch.api.representation import ShownReport, facts_of, html_of, text_of
from fcsearch.config import InputForm
from fcsearch.data import Dataset, DatasetSpec, dataset_in_memory, load_dataset
from fcsearch.errors import RunError, UsageError
from fcsearch.evaluation import MakeDataset, load_run_dataset
from fcsearch.report import report_of
from fcsearch.report.build import DEFAULT_TOP, REPORT_HTML
from fcsearch.report.notebook_charts import Chart, Charts
from fcsearch.results import RunDirectory, objective_of, remote
from fcsearch.wording import Arguments, worded

if TYPE_CHECKING:
    import optuna
    import pandas

_TABLES = ("trials", "epochs", "confirmations", "models")


class ReportedRun(results.Run):
    """A run with its report.

    Args:
        directory: The run directory.
        rows: What makes the dataset of the run again, if its rows were in memory.
    """

    def __init__(self, directory: RunDirectory, rows: MakeDataset | None = None) -> None:
        super().__init__(directory)
        self._rows = rows

    def __repr__(self) -> str:
        return text_of(self, facts_of(self))

    def _repr_html_(self) -> str:
        return html_of(self, facts_of(self))

    def to_pandas(self, table: str = "trials") -> pandas.DataFrame:
        """A table as a pandas DataFrame: `trials`, `epochs`, `confirmations` or `models`.

        Raises:
            UsageError: there is no such table, or pandas is not installed.
        """
        tables = {name: getattr(self, name) for name in _TABLES if name == table}
        if not tables:
            raise UsageError(f"a table must be one of {', '.join(_TABLES)}; found {table!r}")
        try:
            frame: pandas.DataFrame = tables[table].to_pandas()
        except ImportError as error:
            raise UsageError(
                f"a DataFrame needs pandas; found: {error}. Run: pip install 'fcsearch[analysis]'"
            ) from error
        return frame

    @property
    def study(self) -> optuna.Study:
        """A copy of the run's Optuna study in memory, with the learning curves, for Optuna's own plots.

        Changing it does not change the run. RunError if the run has no journal.
        """
        from fcsearch.results.study import study_of

        return study_of(self.directory)

    @worded(Arguments())
    def report(self, *, top: int = DEFAULT_TOP, write: bool = True) -> ShownReport:
        """The report, as `fcsearch report` prints it: `print(run.report())`; `run.report().path` is its page.

        It is written to the run directory (report.html, report.json), and the winner is measured on the test rows if it
        was not yet, unless the search is running.

        Args:
            top: How many of the best trials to list.
            write: Whether to measure and to write; else only earlier measurements are reported.
        """
        with remote.sending(self.path):
            found = report_of(self.directory, top=top, write=write, dataset=self._dataset, refused=_warn)
        for name in ("models", "charts"):
            self.__dict__.pop(name, None)
        page = self.path / REPORT_HTML
        return ShownReport(found, page if page.is_file() else None)

    @cached_property
    def charts(self) -> Charts:
        """The charts of the report, by name: `charts["curves"]`; `charts.names()` lists those of this run."""
        return Charts(self.directory, self._dataset)

    @worded(Arguments())
    def plot_confusion(self) -> Chart:
        """Which classes the winner confuses. If no report has measured it yet, one is written, as by `report`.

        Raises:
            UsageError: a regression, a search that is still running, or rows that are not there.
        """
        if objective_of(self.trials).task == "regression":
            raise UsageError("a regression has no classes to confuse; use plot_curves() or charts")
        if "confusion" not in self.charts.names():
            if self.directory.state() == "running":
                raise UsageError("the winner is measured when the search has ended; open the run again then")
            found = self.report().content
            if "confusion" not in self.charts.names():
                raise UsageError(f"the winner must have been measured; its report found: {found.test.note}")
        return self.charts["confusion"]

    def plot_curves(self) -> Chart:
        """How the winner learned, among the other best trials."""
        return self.charts["curves"]

    def plot_confirmation(self) -> Chart:
        """The best trials with other seeds."""
        return self.charts["confirmation"]

    def plot_importances(self) -> Chart:
        """Which parameters mattered, with 95% intervals."""
        return self.charts["importances"]

    def plot_slice(self, parameter: str) -> Chart:
        """Every trial's result against its value of a parameter."""
        return self.charts[f"slice-{parameter}"]

    def plot_map(self) -> Chart:
        """Every trial's result over the two parameters that mattered most."""
        return self.charts["map"]

    def plot_parallel(self) -> Chart:
        """Every trial as a line across its parameters."""
        return self.charts["parallel"]

    def plot_size(self) -> Chart:
        """Results against the number of weights and biases, with the Pareto front."""
        return self.charts["size"]

    def plot_best_so_far(self) -> Chart:
        """Every trial's result, and the best so far, in the order of the trials' numbers."""
        return self.charts["over-trials"]

    def _dataset(self) -> Dataset:
        """The run's own rows; DataError if they are not there."""
        return load_run_dataset(self.directory, make=self._make)

    @property
    def _make(self) -> MakeDataset:
        """What makes the run's own dataset again."""
        return self._rows or load_dataset


def rows_in_memory(X: Any, y: Any = None, row_weights: Any = None) -> MakeDataset:
    """What makes a dataset of rows in memory; arguments as `dataset_in_memory`."""

    def make(spec: DatasetSpec, forms: Iterable[InputForm]) -> Dataset:
        return dataset_in_memory(X, y, spec, row_weights=row_weights, forms=forms)

    return make


def _warn(error: RunError) -> None:
    warnings.warn(f"the report could not be written: {error}", stacklevel=5)
