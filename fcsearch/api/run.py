"""A run that predicts: what `fcsearch.search` returns, and `fcsearch.open_run` opens."""

from __future__ import annotations

import shutil
import weakref
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import nn

from fcsearch import results
from fcsearch.api.model import Model
from fcsearch.api.torch_module import module_of
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError, UsageError
from fcsearch.inference.choosing import model_of_run
from fcsearch.nn import FullyConnectedNet
from fcsearch.report.notebook_charts import Chart, Charts
from fcsearch.results import Run as ReadRun
from fcsearch.results.transforms import transform_of
from fcsearch.selection import answers_by_refit, chosen_trial

if TYPE_CHECKING:
    import optuna
    import pandas

_TABLES = ("trials", "epochs", "confirmations", "models")


class Run(ReadRun):
    """A run as it was when its tables were first read, and its network, ready to predict.

    The network is that of the confirmed winner (over several seeds), or of the best trial if none was confirmed.
    """

    def predict(self, X: Any, *, model: str | int | None = None) -> npt.NDArray[Any]:
        """The likeliest class of each row, or the target of a regression.

        Args:
            X: A table (pandas, polars, pyarrow) with the columns of the training rows, in any order; other columns are
                ignored, and the label is not needed. Or an array (N, ...), if the training rows were one.
            model: `best` of the search, `confirmed` over several seeds, `ensemble`, `refit`, or the number of a trial
                whose model was kept; None: the network of this run, as above.

        Returns:
            (N,) classes: integers if the names of all classes are, likewise booleans, else text. For a regression
            float64, in the target's own unit.

        Raises:
            DataError: columns that are missing or hold something else than in training.
            RunError: no trial has a result, or the model was not kept.
            UsageError: `model` names none.
        """
        return self._model(model).predict(X)

    def predict_proba(self, X: Any, *, model: str | int | None = None) -> npt.NDArray[np.float64]:
        """The probability of each class (N, C), in the order of `classes`.

        Arguments and errors as `predict`; a regression has no classes (UsageError).
        """
        return self._model(model).probabilities(X)

    @property
    def classes(self) -> npt.NDArray[Any]:
        """(C,) the classes, as `predict` names them."""
        return self.model.classes

    @property
    def best_model(self) -> nn.Module:
        """The network as a plain torch module with weights of its own: features (N, D) to scores (N, C).

        It is in evaluation mode. `torch_module` also makes one that takes values as the table has them.
        """
        return self.torch_module()

    def load_model(self, trial_id: int | None = None) -> FullyConnectedNet:
        """A trial's network, on the CPU; None: the one that predicts. RunError if it was not kept."""
        if trial_id is None and self._refitted:
            return self.directory.models.load_refit()
        return super().load_model(self.chosen if trial_id is None else trial_id)

    def torch_module(self, trial_id: int | None = None, *, preprocessing: bool = False) -> nn.Module:
        """A trial's network as a plain torch module, whose weights are copies.

        Args:
            trial_id: A trial whose model was kept; None: the one that predicts.
            preprocessing: Put the transform of the training rows before it. The module then takes (N, R) numbers, the
                values of the columns that `transform.inputs` names, in that order; for a column of categories the index
                in its `categories` (unknown: -1). NaN is a missing value.

        Raises:
            RunError: the trial's model was not kept.
        """
        return module_of(self.load_model(trial_id), self._transform(trial_id) if preprocessing else None)

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

    @cached_property
    def charts(self) -> Charts:
        """The charts of the report, by name: `charts["curves"]`; `charts.names()` lists those of this run."""
        return Charts(self.directory)

    def plot_confusion(self) -> Chart:
        """Which classes are confused, as the run's last report measured it; UsageError before there is one."""
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

    @cached_property
    def model(self) -> Model:
        """The network with what makes its features, in memory."""
        return Model.of(model_of_run(self, None).predictor)

    def _model(self, choice: str | int | None) -> Model:
        if choice is None:
            return self.model
        name = str(choice)
        if name not in self._others:
            self._others[name] = Model.of(model_of_run(self, name).predictor)
        return self._others[name]

    @cached_property
    def _others(self) -> dict[str, Model]:
        """The other models that were asked for, by what they were called."""
        return {}

    @cached_property
    def chosen(self) -> int:
        """The trial whose network (with folds: its refit) predicts; RunError if no trial has a result."""
        return chosen_trial(self.directory)

    @cached_property
    def _refitted(self) -> bool:
        """Whether the network that predicts is the refit."""
        return answers_by_refit(self.directory)

    def _file(self, trial_id: int | None) -> Path:
        """The file of a trial's network; None: of the one that predicts."""
        models = self.directory.models
        if trial_id is None and self._refitted:
            return models.kept_refit()
        return models.kept(self.chosen if trial_id is None else trial_id)

    def _transform(self, trial_id: int | None) -> FeatureTransform:
        found = transform_of(self.directory, self._file(trial_id))
        if found is None:
            raise DataError(
                f"{self.path} must hold transform.json, which says how features are made; an older fcsearch made the "
                "run without it; search again"
            )
        return found


def open_run(path: str | Path) -> Run:
    """Open a run directory, or a run at a URL, also while its search is running; RunError if there is none."""
    return Run(results.open_run(path).directory)


def keep_with(run: Run, folder: Path) -> Run:
    """Remove a folder when the run is no longer used, or the program ends; returns the run."""
    weakref.finalize(run, shutil.rmtree, folder, ignore_errors=True)
    return run
