"""Estimators for scikit-learn: a search as `fit`, and the best network it found as `predict`."""

from __future__ import annotations

import tempfile
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from fcsearch.api.display import open_view
from fcsearch.api.estimator_arguments import (
    FoldsArgument,
    chosen_folds,
    free_name,
    missing_labels,
    require_classes,
    require_numbers,
    seed_of,
    validation_share,
)
from fcsearch.api.run import Run
from fcsearch.api.searching import Space, read_space, run_search
from fcsearch.api.table_estimator import TableEstimator
from fcsearch.api.trained_model import Model
from fcsearch.data import Dataset, DatasetSpec, dataset_in_memory
from fcsearch.data.spec import MEMORY
from fcsearch.data.weights import ClassWeight, check_class_weight, class_name
from fcsearch.errors import SearchError, UsageError
from fcsearch.inference.choosing import model_of_run
from fcsearch.results import objective_of
from fcsearch.search.options import PoolName, SearchOptions
from fcsearch.selection import answers_by_refit, ensemble_answers_by_refit
from fcsearch.space import SearchSpace
from fcsearch.wording import EstimatorArguments, worded, wording

_CANDIDATES = 50


class SearchEstimator(TableEstimator):
    """A fully connected network whose hyperparameters `fit` searches for.

    Columns may be numbers or, in a table of pandas or polars, categories; missing values are filled. `fit` holds out a
    share of the rows for validation. The fitted estimator holds the network and its feature transform, and no files.

    Args:
        space: The name of a space that ships, a YAML file, the content of such a file as a dict, or a SearchSpace;
            None: `small` for a small table, else `default`.
        trials: How many configurations to try; None: as many as the space says.
        time_budget: About how many seconds the search may take; None: no limit.
        objective: The figure on validation rows by which the network is chosen, such as `roc_auc` or `mae`; None: that
            of the space, by default accuracy or RMSE.
        validation_fraction: Share of the rows by which configurations and epochs are chosen, above 0 and below 1; None:
            0.15, where there are no folds.
        folds: From 2 to 20: instead of that share, every row is a validation row once, in one of so many folds (those
            of classes with fewer rows only train), and the network is the best configuration trained on all rows.
            `auto`: 5 for few rows. 1: one split. None: one split if `validation_fraction` is given, else as the space
            says; the default spaces say `auto`.
        ensemble: Whether the best trials predict together, weighted by the validation rows, where that is better there
            than the best one alone.
        pool: What trains: `inline` (this process), `local` (processes of this machine) or `ray`.
        workers: How many packs train at a time, unless the pool is `inline`.
        random_state: Seed of the split, of the sampler and of training.
        verbose: Whether to show progress.

    Attributes:
        best_params_: The hyperparameters that apply to the best trial, sampled and fixed, by their names in a space:
            `space={"parameters": best_params_}` is a space of that configuration alone.
        best_score_: Its objective on the validation rows: too good on average, the more so the more trials there were.
        trials_: One row per trial, as in a run directory (`pyarrow.Table`).
        model_: The network, or networks, with the feature transform.
        n_features_in_, feature_names_in_: As in scikit-learn.
    """

    def __init__(
        self,
        *,
        space: Space | None = None,
        trials: int | None = None,
        time_budget: float | None = None,
        objective: str | None = None,
        validation_fraction: float | None = None,
        folds: FoldsArgument = None,
        ensemble: bool = True,
        pool: PoolName = "inline",
        workers: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.space = space
        self.trials = trials
        self.time_budget = time_budget
        self.objective = objective
        self.validation_fraction = validation_fraction
        self.folds = folds
        self.ensemble = ensemble
        self.pool = pool
        self.workers = workers
        self.random_state = random_state
        self.verbose = verbose

    @worded(EstimatorArguments())
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search.

        Args:
            X: (N, D) numbers, also a sparse matrix, which is made dense; or a table. Ids and dates are not features:
                leave such columns out.
            y: (N,) classes, or the numbers that a regression predicts.
            sample_weight: (N,) how much each row counts in training, at least 0; None: all equally.

        Raises:
            ValueError: data or arguments that cannot be used.
            SearchError: every trial failed.
            KeyboardInterrupt: interrupted.
        """
        try:
            table, y = self._checked(X, y)
            targets = self._targets(y)
            seed = seed_of(self.random_state)
            space = read_space(self.space, table, self.objective)
            options = SearchOptions(
                trials=self.trials,
                time_budget=self.time_budget,
                seed=seed,
                pool=self.pool,
                workers=self.workers,
                confirm=0,
                ensemble=_CANDIDATES if self.ensemble else 0,
            )
            rows = self._rows(table, targets, space, sample_weight, seed)
            with tempfile.TemporaryDirectory(prefix="fcsearch-") as folder, open_view(self.verbose) as view:
                found = run_search(rows, space, options, Path(folder) / space.name, view, report=False)
                if found.ended_by in ("interrupt", "terminate"):
                    raise KeyboardInterrupt
                self._keep(Run(found.run))
        except UsageError as error:
            raise ValueError(str(error)) from error
        return self

    @abstractmethod
    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The targets of the networks, from checked labels (N,)."""

    def _rows(
        self, table: pa.Table, targets: npt.NDArray[Any], space: SearchSpace, sample_weight: Any, seed: int
    ) -> Dataset:
        share = validation_share(self.validation_fraction, targets, self._task)
        spec = DatasetSpec(
            MEMORY, label=free_name(table.column_names), task=self._task, val_fraction=share,
            test_fraction=0.0, folds=chosen_folds(self.folds, self.validation_fraction, space), split_seed=seed,
            class_weight=self._class_weight(space.dataset.class_weight),
        )  # fmt: skip
        return dataset_in_memory(table, targets, spec, row_weights=sample_weight, forms=space.input_forms)

    def _class_weight(self, of_space: ClassWeight | None) -> ClassWeight | None:
        """The weights of the classes as the dataset names them; `of_space` is what the space says."""
        return of_space

    def _keep(self, run: Run) -> None:
        if not run.directory.models.saved():
            raise SearchError("every trial diverged; give smaller learning rates")
        together = self.ensemble and bool(run.directory.models.ensemble())
        described = run.manifest.dataset
        if described is not None and described.folds:
            # Without its refits, each network of the ensemble has learned the training rows of one fold.
            together = together and ensemble_answers_by_refit(run.directory)
            if not together and not answers_by_refit(run.directory):
                self._warn_of_one_fold()
        self.model_ = Model.of(model_of_run(run, "ensemble").predictor) if together else run.model
        self.best_params_ = run.config().settings()
        self.best_score_ = float(run.best[objective_of(run.trials).column])
        self.trials_ = run.trials

    def _warn_of_one_fold(self) -> None:
        why, longer = (
            ("", "") if self.time_budget is None else ("within the time budget, ", "a longer time_budget, or ")
        )
        warnings.warn(
            f"{why}no network was trained on all rows: what predicts was trained on the training rows of one fold. "
            f"Give {longer}folds=1",
            stacklevel=5,  # behind `_keep`, `fit` and its wrapper
        )

    @worded(EstimatorArguments())
    def _predicted(self, X: Any, predict: Callable[[Any], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        try:
            return predict(self._table(X, reset=False))
        except UsageError as error:
            raise ValueError(str(error)) from error


class FCSearchClassifier(ClassifierMixin, SearchEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier: a fully connected network whose hyperparameters `fit` searches for.

    Arguments and attributes are those of `SearchEstimator`, and

    Args:
        class_weight: How much the rows of each class count in training: `balanced` (all classes the same in total), or
            numbers by class, 1 for a class that is not named; None: as the space says.

    Attributes:
        classes_: (C,) the classes, sorted.
    """

    _task = "classification"

    def __init__(
        self,
        *,
        space: Space | None = None,
        trials: int | None = None,
        time_budget: float | None = None,
        objective: str | None = None,
        class_weight: ClassWeight | None = None,
        validation_fraction: float | None = None,
        folds: FoldsArgument = None,
        ensemble: bool = True,
        pool: PoolName = "inline",
        workers: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            space=space, trials=trials, time_budget=time_budget, objective=objective,
            validation_fraction=validation_fraction, folds=folds, ensemble=ensemble, pool=pool, workers=workers,
            random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.class_weight = class_weight

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) the likeliest class of each row; ValueError for columns unlike those of `fit`."""
        places = self.predict_proba(X).argmax(axis=1)
        found: npt.NDArray[Any] = self.classes_[places]
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """(N, C) the probability of each class, in the order of `classes_`; ValueError as `predict`."""
        check_is_fitted(self)
        return self._predicted(X, self.model_.probabilities)

    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if missing := missing_labels(y):
            raise ValueError(f"y must give every row a class; found {missing:,} missing labels. Drop those rows.")
        require_classes(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least 2 classes to tell apart; found only {self.classes_.tolist()[0]!r} in every row. "
                f"{wording().other_label()}, or add rows of another class."
            )
        found: npt.NDArray[Any] = codes
        return found

    def _class_weight(self, of_space: ClassWeight | None) -> ClassWeight | None:
        """Keyed by the numbers of the classes in training; DataError for unknown classes."""
        given = of_space if self.class_weight is None else self.class_weight
        if not isinstance(given, Mapping):
            return given
        named = {class_name(key): weight for key, weight in given.items()}
        names = tuple(map(class_name, self.classes_))
        check_class_weight(named, names)
        return {str(code): named[name] for code, name in enumerate(names) if name in named}


class FCSearchRegressor(RegressorMixin, SearchEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A regression: a fully connected network whose hyperparameters `fit` searches for.

    It standardises the target, and minimises the space's loss, by default `squared`. Arguments and attributes are those
    of `SearchEstimator`.
    """

    _task = "regression"

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """(N,) the prediction for each row, in the unit of the target; ValueError for columns unlike those of `fit`."""
        check_is_fitted(self)
        return self._predicted(X, self.model_.predict)

    def _checked(self, X: Any, y: Any) -> tuple[pa.Table, npt.NDArray[Any]]:
        require_numbers(y)
        return super()._checked(X, y)

    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(y, dtype=np.float64)
