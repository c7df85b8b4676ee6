"""The peer scikit-learn: RandomizedSearchCV or HalvingRandomSearchCV over its MLP, on all cores."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.stats import loguniform, uniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, PredefinedSplit, RandomizedSearchCV

from fcsearch.space import Choices, Constant, Parameter, Range

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.peer import Task, TrialRecord, make_task, print_trials, task_options
from peers.recorded_mlp import RecordedClassifier, RecordedMLP, RecordedRegressor, Recorder

# fcsearch's parameters that scikit-learn's MLP has under another name.
NAMES = {"learning_rate": "learning_rate_init", "beta1": "beta_1", "beta2": "beta_2"}
# What belongs to one solver.
OF_SOLVER = {"adam": ("beta1", "beta2"), "sgd_momentum": ("momentum",), "sgd": ()}
# scikit-learn's penalty is alpha / (2 * batch size) * sum(W**2); fcsearch's is reg * sum(W**2).
ALPHA_PER_REG = 2 * 100
# Decoupled weight decay it does not have; its users search its own penalty.
ALPHA = (1e-5, 1e-1)
CANDIDATES = 27  # of one bracket of successive halving


@click.command()
@task_options
def main(**options: Any) -> None:
    """Search a space by random search with scikit-learn. Scores are those of the last epoch, as its MLP keeps no other;
    what it does not have (dropout, rmsprop, svm, schedules, decoupled weight decay, weight_scale) is left out.

    \b
    Example:
      python benchmarks/peers/sklearn_mlp.py --space search_spaces/full.yaml --trials 8
    """
    task = make_task(**options)
    if task.device != "cpu":
        raise click.UsageError("scikit-learn trains on the CPU")
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        print_trials(search(task, Path(folder) / "trials"))


def search(task: Task, path: Path) -> list[TrialRecord]:
    """Search, and return what the nets' scorer wrote down."""
    arrays = task.arrays()
    X = np.concatenate([arrays["X_train"], arrays["X_val"]])
    y = np.concatenate([arrays["y_train"], arrays["y_val"]])
    fold = PredefinedSplit(np.r_[np.full(len(arrays["y_train"]), -1), np.zeros(len(arrays["y_val"]), int)])
    # Halving scores training rows, too, unless told not to; the recorder could not tell them apart.
    scoring = Recorder(path, arrays, task.trace)
    common = {"scoring": scoring, "cv": fold, "n_jobs": task.slots, "refit": False, "return_train_score": False}
    spaces = distributions(task)
    kind = RecordedClassifier if arrays["y_train"].dtype.kind == "i" else RecordedRegressor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nets that diverge
        if not task.early_stopping:
            searcher = RandomizedSearchCV(net(task, kind), spaces, n_iter=task.trials, random_state=task.seed, **common)
            searcher.fit(X, y)
            fill_up(path, task.trials)
        for bracket in brackets(task):
            halve(net(task, kind), task, spaces, bracket, common).fit(X, y)
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()]


def fill_up(path: Path, trials: int | None) -> None:
    """Write down the nets that diverged, which are never scored."""
    lines = path.read_text().splitlines()
    end = max(json.loads(line)[1] for line in lines)
    path.write_text("\n".join(lines + [json.dumps([end, end, None])] * ((trials or 0) - len(lines))) + "\n")


def brackets(task: Task) -> Iterator[int]:
    """Numbers of brackets of successive halving, while there is time."""
    bracket = 0
    end = time.time() + (task.seconds_left or 0)
    while task.early_stopping and time.time() < end:
        yield bracket
        bracket += 1


def halve(
    net: RecordedMLP, task: Task, spaces: list[dict[str, Any]], bracket: int, common: dict[str, Any]
) -> HalvingRandomSearchCV:
    """A bracket of successive halving: many nets of few epochs, then fewer of more."""
    early = task.space.early_stopping
    assert early is not None
    return HalvingRandomSearchCV(
        net,
        spaces,
        n_candidates=CANDIDATES,
        resource="max_iter",
        min_resources=early.min_epochs,
        max_resources=most_epochs(task),
        factor=early.reduction_factor,
        random_state=1000 * task.seed + bracket,
        **common,
    )


def net(task: Task, kind: Callable[..., RecordedMLP]) -> RecordedMLP:
    """The net with what the space holds constant; it never stops before its epochs are over."""
    epochs = most_epochs(task)
    return kind(
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        tol=0.0,
        alpha=0.0,
        momentum=0.0,
        nesterovs_momentum=False,
        learning_rate_init=1e-2,
        batch_size=100,
        random_state=task.seed,
    )


def most_epochs(task: Task) -> int:
    """The most epochs of a trial: a net is given no fewer."""
    epochs = task.space.parameters["epochs"]
    return int(epochs.high) if isinstance(epochs, Range) else int(max(epochs.finite_values() or (10,)))


def distributions(task: Task) -> list[dict[str, Any]]:
    """The space as scikit-learn's: one for each solver, as settings depend on it."""
    parameters = task.space.parameters
    shared = {
        NAMES.get(name, name): sample(parameters[name]) for name in ("learning_rate", "batch_size") & parameters.keys()
    }
    shared["hidden_layer_sizes"] = [
        (width,) * (depth - 1)
        for depth in values(parameters, "depth", 2)
        for width in values(parameters, "hidden_dim", 100)
    ]
    if isinstance(reg := parameters.get("reg"), Range):
        shared["alpha"] = loguniform(reg.low * ALPHA_PER_REG, reg.high * ALPHA_PER_REG)
    elif "weight_decay" in parameters:
        shared["alpha"] = loguniform(*ALPHA)
    spaces = []
    for rule in values(parameters, "update_rule", "sgd"):
        if rule in OF_SOLVER:
            own = {NAMES.get(name, name): sample(parameters[name]) for name in OF_SOLVER[rule] if name in parameters}
            spaces.append({**shared, **own, "solver": ["adam" if rule == "adam" else "sgd"]})
    return spaces


def sample(parameter: Parameter) -> Any:
    """A parameter as scikit-learn samples it: a list or a distribution."""
    if isinstance(parameter, Range) and parameter.finite_values() is None:
        return (
            loguniform(parameter.low, parameter.high)
            if parameter.log
            else uniform(parameter.low, parameter.high - parameter.low)
        )
    return list(parameter.finite_values() or ())


def values(parameters: Any, name: str, default: Any) -> list[Any]:
    """The values of a finite parameter."""
    found = parameters.get(name, Constant(name, default))
    assert isinstance(found, (Choices, Constant, Range))
    return list(found.finite_values() or ())


if __name__ == "__main__":
    main()
