"""The networks of a model, as a user names it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.errors import RunError, UsageError
from fcsearch.results import RunDirectory
from fcsearch.results.model_file import is_refit
from fcsearch.results.ranking import trial_row
from fcsearch.selection.confirmation import best_trial, chosen_trial, confirmation_of
from fcsearch.selection.refits import answers_by_refit, ensemble_answers_by_refit
from fcsearch.text import did_you_mean, nearest
from fcsearch.wording import option

if TYPE_CHECKING:
    from fcsearch.nn import FullyConnectedNet

# What `--model` takes, besides the number of a trial.
CHOICES = ("best", "confirmed", "ensemble", "refit")


class Part(NamedTuple):
    """A network of a model, before it is loaded.

    Attributes:
        weight: The weight of its prediction; the weights of a model sum to 1.
        trial_id: Its trial; None for the run's refit.
        path: Its file, if it was kept.
    """

    weight: float
    trial_id: int | None
    path: Path


class Member(NamedTuple):
    """A network of a model, and the weight of its prediction; the rest as in `Part`."""

    weight: float
    net: FullyConnectedNet
    trial_id: int | None
    path: Path
    form: InputForm = OWN_FORM


def columns_of(members: Sequence[Member]) -> list[slice]:
    """The columns of each network's features, with those of all forms side by side in the order of `forms_of`."""
    widths = {member.form: member.net.input_dim for member in members}
    ends = dict(zip(widths, itertools.accumulate(widths.values()), strict=True))
    return [slice(ends[member.form] - widths[member.form], ends[member.form]) for member in members]


def forms_of(members: Sequence[Member]) -> list[InputForm]:
    """The forms of the rows that the networks were trained on, each once."""
    return list(dict.fromkeys(member.form for member in members))


def load_members(run: RunDirectory, choice: str | None = None) -> list[Member]:
    """The networks of a model, on the CPU: its prediction is the weighted mean of theirs.

    That is the mean of probabilities (the softmax of scores), or of what a regression predicts.

    Args:
        run: The run directory.
        choice: `best` of the search, `confirmed` over several seeds, `ensemble`, `refit`, or the number of a trial;
            None: the confirmed winner if there is one, else the best; with folds its refit. With folds, the members of
            the ensemble are refits, too.

    Raises:
        UsageError: the run has no such model.
        RunError: the model was not kept or is damaged.
    """
    return [load_member(run, part) for part in model_parts(run, choice)]


def load_member(run: RunDirectory, part: Part) -> Member:
    """A network of a model, on the CPU; RunError if it was not kept or is damaged."""
    net = _network(run, part)
    form = run.models.input_form(part.trial_id or 0, path=part.path)
    return Member(part.weight, net, part.trial_id, part.path, form)


def _network(run: RunDirectory, part: Part) -> FullyConnectedNet:
    if part.trial_id is None:
        return run.models.load_refit()
    if is_refit(part.path):
        return run.models.load_refit(member=part.trial_id)
    return run.models.load(part.trial_id)


def model_parts(run: RunDirectory, choice: str | None = None) -> list[Part]:
    """The networks of a model. Arguments and errors as `load_members`; nothing is loaded."""
    if choice == "refit" or (choice is None and answers_by_refit(run)):
        return [Part(1.0, None, run.models.refit_path)]
    if choice != "ensemble":
        trial_id = resolve_trial(run, choice)
        return [Part(1.0, trial_id, run.models.path(trial_id))]
    weights = run.models.ensemble()
    if not weights:
        raise RunError(
            f"{run.path} must have an ensemble; found none; make one with `fcsearch confirm {run.path}`, or choose "
            f"another {option('model')}"
        )
    place = run.models.member_refit_path if ensemble_answers_by_refit(run) else run.models.path
    return [Part(weight, trial_id, place(trial_id)) for trial_id, weight in weights.items()]


def resolve_trial(run: RunDirectory, choice: str | None) -> int:
    """The trial that a choice of a single network means.

    Raises:
        UsageError: it means none.
        RunError: no trial has a result, or there is no such trial.
    """
    if choice is None:
        return chosen_trial(run)
    if choice == "best":
        return best_trial(run)
    if choice == "confirmed":
        found = confirmation_of(run)
        if found is None or found.winner is None:
            raise RunError(
                f"{run.path} must have a confirmed winner; found none; `fcsearch confirm {run.path}` trains the best "
                "again with other seeds"
            )
        return found.winner.trial_id
    if choice.isdecimal():
        trial_id: int = trial_row(run.trials(), int(choice), run=run.path)["trial_id"]
        return trial_id
    hint = did_you_mean(nearest(choice, CHOICES), sentence=True)
    raise UsageError(
        f"{option('model')} must be {', '.join(CHOICES)} or the number of a trial; found {choice!r}.{hint}"
    )
