"""A run that predicts: what `fcsearch.search` returns, and `fcsearch.open_run` opens."""

from __future__ import annotations

import shutil
import warnings
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from fcsearch import results
from fcsearch.api.reported_run import ReportedRun, rows_in_memory
from fcsearch.api.torch_module import module_of
from fcsearch.api.trained_model import Model
from fcsearch.config import InputForm
from fcsearch.data.transform import FeatureTransform
from fcsearch.errors import DataError, UsageError
from fcsearch.evaluation import (
    Measurement,
    OwnRows,
    find_own_rows,
    load_run_dataset,
    measure_in_memory,
    measure_model,
)
from fcsearch.inference.choosing import model_of_run
from fcsearch.inference.exporting import FORMS as MODEL_FORMS
from fcsearch.nn import FullyConnectedNet
from fcsearch.report.export_files import export_with_card
from fcsearch.report.lacking import lacking_notes
from fcsearch.report.row_notes import own_rows_note, row_notes
from fcsearch.results.export import TRIAL_FORMS, write_trials
from fcsearch.results.transforms import transform_of
from fcsearch.selection import Member, answers_by_refit, chosen_trial, forms_of, load_members
from fcsearch.wording import Arguments, worded

_SPLITS = ("train", "val", "test")


class Run(ReportedRun):
    """A run as it was when its tables were first read, and its network, ready to predict.

    The network is that of the confirmed winner (over several seeds), or of the best trial if none was confirmed; with
    folds it is the refit.
    """

    @worded(Arguments())
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

    @worded(Arguments())
    def predict_proba(self, X: Any, *, model: str | int | None = None) -> npt.NDArray[np.float64]:
        """The probability of each class (N, C), in the order of `classes`.

        Arguments and errors as `predict`; a regression has no classes (UsageError).
        """
        return self._model(model).probabilities(X)

    @worded(Arguments())
    def evaluate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        label: str | None = None,
        split: str | None = None,
        weights: Any = None,
        model: str | int | None = None,
    ) -> Measurement:
        """Measure a model on other rows, or on a split of the run's own, as `fcsearch evaluate` does.

        A warning (UserWarning) says which categories of other rows are unknown, which of their columns are not read,
        and how many of them trained or chose the model; and that its training was cut short by the end of the search.

        Args:
            X: As for `predict`; None: the run's own rows.
            y: (N,) their classes or targets; None: a column of the table holds them.
            label: That column, if it has another name than in training.
            split: `train`, `val` or `test`: only these of the run's own rows, which X and y give again if a program
                passed them to `search`. None: every row of X; without X, the test rows.
            weights: What `search` took as `weights`, if the run's own rows are given again: they belong to its
                fingerprint. They do not count in the figures.
            model: As for `predict`.

        Returns:
            `value` and `standard_error` of the run's objective, `figures` of every objective by name, `base_line`, and
            for classes their `classification`. They are fractions, or in the target's unit.

        Raises:
            DataError: rows that the model cannot be measured on.
            RunError: no trial has a result, or the model was not kept.
            UsageError: arguments that do not fit together.
        """
        if split not in (None, *_SPLITS):
            raise UsageError(f"`split` must be one of {', '.join(_SPLITS)}; found {split!r}")
        if label is not None and (X is None or split is not None):
            raise UsageError("`label` is only for other rows than the run's, whose label is known; leave it out")
        if weights is not None and (X is None or split is None):
            raise UsageError("`weights` is only for the run's own rows, given again with `X` and `split`; leave it out")
        members = load_members(self.directory, None if model is None else str(model))
        notes = lacking_notes(self.directory, [part.trial_id for part in members if part.trial_id is not None])
        if X is not None and split is None:
            found, other = measure_in_memory(self.directory, members, X, y, label=label)
            notes += row_notes(other.unseen, other.ignored)
            known = self._known_rows(members)
            if known is not None and (own := known.count(other)):
                notes.append(own_rows_note(own, found.rows, self.directory.manifest(), "`evaluate()` without `X`"))
        else:
            make = self._make if X is None else rows_in_memory(X, y, None if isinstance(weights, str) else weights)
            rows = load_run_dataset(self.directory, forms=forms_of(members), make=make)
            found = measure_model(self.directory, members, rows, split or "test")
        for note in notes:
            # Of this method's caller: between them is what words the messages.
            warnings.warn(note, stacklevel=3)
        return found

    @worded(Arguments())
    def export(
        self,
        out: str | Path,
        *,
        format: str | None = None,  # noqa: A002 (the name of the command's option)
        model: str | int | None = None,
    ) -> list[Path]:
        """Write a model, or the trials, for other programs, as `fcsearch export` does.

        Args:
            out: The file of a model, in a folder that exists; for trials, the folder.
            format: Of a model `onnx`, `torch` (torch.export) or `safetensors`; None: by the ending of `out`. Of trials
                `csv`, `optuna`, `tensorboard`, `mlflow` or `wandb`.
            model: As for `predict`.

        Returns:
            The files: that of a model first, then its card and what else belongs to it.

        Raises:
            UsageError: arguments that do not fit together, packages are missing, or the file system refuses.
            RunError: no trial has a result, or the model was not kept.
        """
        choice = None if model is None else str(model)
        if format not in (None, *MODEL_FORMS, *TRIAL_FORMS):
            raise UsageError(f"`format` must be one of {', '.join((*MODEL_FORMS, *TRIAL_FORMS))}; found {format!r}")
        if format not in TRIAL_FORMS:
            return export_with_card(model_of_run(self, choice), format, Path(out)).files
        if choice is not None:
            raise UsageError(f"`format={format!r}` writes the trials of a run; found `model={model!r}`; leave it out")
        return write_trials(self.directory, format, Path(out))

    @property
    def classes(self) -> npt.NDArray[Any]:
        """(C,) the classes, as `predict` names them."""
        return self.model.classes

    @property
    def best_model(self) -> nn.Module:
        """The network as a torch module with weights of its own: it takes the columns of X (N, R) as numbers.

        That is `torch_module(preprocessing=True)`, which says what stands for categories and gaps, in evaluation mode;
        `torch_module()` is the plain network, from features. RunError or DataError as there.
        """
        return self.torch_module(preprocessing=True)

    def load_model(self, trial_id: int | None = None) -> FullyConnectedNet:
        """A trial's network, on the CPU; None: the one that predicts. RunError if it was not kept."""
        if trial_id is None and self._refitted:
            return self.directory.models.load_refit()
        return super().load_model(self.chosen if trial_id is None else trial_id)

    def torch_module(self, trial_id: int | None = None, *, preprocessing: bool = False) -> nn.Module:
        """A trial's network as a torch module, whose weights are copies, to scores (N, C); of a regression (N, 1).

        Args:
            trial_id: A trial whose model was kept; None: the one that predicts.
            preprocessing: Put the transform of the training rows before it. The module then takes (N, R) numbers, the
                values of the columns that `transform.inputs` names, in that order; for a column of categories the index
                in its `categories` (unknown: -1). NaN is a missing value. What it gives for a regression is in the
                target's own unit; without the transform, it is standardised.

        Raises:
            RunError: the trial's model was not kept.
        """
        return module_of(self.load_model(trial_id), self._transform(trial_id) if preprocessing else None)

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

    def _known_rows(self, members: Sequence[Member]) -> OwnRows | None:
        """The rows that trained or chose a model: read once for all rows that it is measured on."""
        forms = tuple(forms_of(members))
        if forms not in self._own_rows:
            self._own_rows[forms] = find_own_rows(self.directory, members, make=self._make)
        return self._own_rows[forms]

    @cached_property
    def _own_rows(self) -> dict[tuple[InputForm, ...], OwnRows | None]:
        """Those rows, by the forms in which a model reads them."""
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
                "run without it; search again, or take the network without it: torch_module()"
            )
        return found


def open_run(path: str | Path) -> Run:
    """Open a run directory, or a run at a URL, also while its search is running; RunError if there is none."""
    return Run(results.open_run(path).directory)


def keep_with(run: Run, folder: Path) -> Run:
    """Remove a folder when the run is no longer used, or the program ends; returns the run."""
    weakref.finalize(run, shutil.rmtree, folder, ignore_errors=True)
    return run
