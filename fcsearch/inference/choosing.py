"""Which model is meant: a file by itself, or one of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fcsearch.errors import DataError, RunError, UsageError
from fcsearch.inference.predictor import Member, Predictor
from fcsearch.results import Run, open_run, resolve_run
from fcsearch.results.models import SavedModel, read_model
from fcsearch.text import did_you_mean, nearest

BEST = "best"
MODEL_ENDING = ".safetensors"

# Trials, each with its weight; the weights add up to 1.
Weighted = tuple[tuple[float, int], ...]


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A model that is ready to use.

    Attributes:
        name: What it is, for people: `trial 12 of customers`, or the file's name.
        predictor: The model.
        facts: What the file of its first network says of it, as in `SavedModel`.
        run: The run that it is of; None where it is a file by itself.
        trials: The trials of the run that it is made of; empty where it is a file by itself.
    """

    name: str
    predictor: Predictor
    facts: Mapping[str, Any]
    run: Run | None = None
    trials: tuple[int, ...] = ()


def _best(run: Run) -> Weighted:
    return ((1.0, int(run.best["trial_id"])),)


# What `--model` can name beside the number of a trial.
CHOICES: dict[str, Callable[[Run], Weighted]] = {BEST: _best}


def choose_model(where: str | None, model: str | None, root: Path) -> Chosen:
    """Load the model that is meant.

    Args:
        where: A model file, a run directory, or the name of a run; None: the newest run.
        model: Which one of a run: a key of CHOICES, or the number of a trial; None: the best one.
        root: Folder of the runs.

    Raises:
        RunError: there is no such run, or the trial's model was not kept.
        ConfigError: the file is no model file.
        DataError: the model lacks what makes features of columns.
        UsageError: `model` names none, or is given with a file.
    """
    if where is not None and where.endswith(MODEL_ENDING):
        return _of_file(Path(where), model)
    run = open_run(resolve_run(where, root))
    weighted = _weighted(run, model or BEST)
    saved = [read_model(_kept(run, trial)) for _, trial in weighted]
    transform = saved[0].transform or run.directory.transform()
    if transform is None:
        raise _no_transform(str(run.path), f"fcsearch train --run {run.path} --trial {weighted[0][1]} --save model")
    members = tuple(Member(weight, one.network) for (weight, _), one in zip(weighted, saved, strict=True))
    trials = tuple(trial for _, trial in weighted)
    what = f"trial {trials[0]}" if len(trials) == 1 else f"{len(trials)} trials"
    return Chosen(f"{what} of {run.path.name}", Predictor(members, transform), saved[0].facts, run, trials)


def _of_file(path: Path, model: str | None) -> Chosen:
    if model is not None:
        raise UsageError(f"--model chooses among the models of a run; {path} is one model. Leave it out.")
    saved: SavedModel = read_model(path)
    if saved.transform is None:
        raise _no_transform(str(path), "fcsearch train --run RUN --trial N --save model")
    return Chosen(path.name, Predictor((Member(1.0, saved.network),), saved.transform), saved.facts)


def _weighted(run: Run, model: str) -> Weighted:
    if model.isdecimal():
        return ((1.0, int(model)),)
    if model not in CHOICES:
        hint = did_you_mean(nearest(model, CHOICES), sentence=True)
        raise UsageError(f"--model must be {', '.join(CHOICES)} or the number of a trial; found {model!r}.{hint}")
    return CHOICES[model](run)


def _kept(run: Run, trial: int) -> Path:
    """The trial's model file."""
    saved = run.directory.saved_models()
    if trial not in saved:
        kept = ", ".join(map(str, saved)) or "none"
        raise RunError(
            f"trial {trial} of {run.path} must have a saved model; found models of trials: {kept}. Train it again with "
            f"`fcsearch train --run {run.path} --trial {trial} --save model{MODEL_ENDING}`, and name that file."
        )
    return run.directory.models.path(trial)


def _no_transform(where: str, command: str) -> DataError:
    return DataError(
        f"{where} must say how features are made of columns; an older fcsearch wrote it without. Train the network "
        f"again, where its dataset lies, and name the file: `{command}{MODEL_ENDING}`"
    )
