"""Searches that are cut in the middle of a trial: small ones in this process, whose epochs are counted."""

from pathlib import Path
from typing import Any

import pytest
import torch
from inline_pool import Killed, tables
from search_helpers import make_space

from fcsearch.results import RunDirectory
from fcsearch.search.api import SearchResult, resume_search, saved_options, start_search
from fcsearch.search.options import SearchOptions
from fcsearch.search.pool.pack_run import PackRun
from fcsearch.training import Pack
from fcsearch.training.cohort import AskedToLeave

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "epochs": {"choices": [5, 9]},
    "hidden_dim": {"choices": [8, 12]},
    "dropout": {"choices": [0.0, 0.3]},
    "lr_schedule": {"choices": ["exponential", "cosine"]},
    "update_rule": {"choices": ["sgd_momentum", "adam"]},
}
KEYS: dict[str, Any] = {
    "parameters": PARAMETERS,
    "dataset": {"source": "digits", "num_train": 200},
    "sampler": "random",
    "trials": 6,
    "early_stopping": {"method": "asha", "min_epochs": 2, "reduction_factor": 2},
}


def options(pool: Any = "inline", **more: Any) -> SearchOptions:
    keys = {"seed": 3, "workers": 1, "cpus_per_worker": 0.5, "pack_size": 3, "confirm": 0, "ensemble": 0}
    return SearchOptions(pool=pool, **{**keys, "checkpoint_every": 0, **more})


def start(
    folder: Path, name: str, settings: SearchOptions | None = None, *, report: bool = False, **keys: Any
) -> SearchResult:
    space = make_space(folder, **{**KEYS, **keys})
    return start_search(space, settings or options(), path=folder / name, command=["test"], report=report)


def resume(run: Path, **changes: Any) -> SearchResult:
    found = RunDirectory.open(run)
    return resume_search(found, SearchOptions(**{**saved_options(found).to_json(), **changes}))


def weights(run: RunDirectory) -> dict[int, dict[str, torch.Tensor]]:
    return {trial: run.models.load(trial).params for trial in run.models.saved()}


def assert_same(run: Path, whole: RunDirectory) -> None:
    """The tables and the weights, to the last bit; and no checkpoint is left."""
    found = RunDirectory.open(run)
    assert tables(found) == tables(whole)
    ours, theirs = weights(found), weights(whole)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[trial][name], theirs[trial][name]) for trial in theirs for name in theirs[trial])
    assert not (run / "checkpoints").exists()


class Epochs:
    """Counts the epochs that packs train, and may kill the search before one.

    Attributes:
        trained: How many were.
        kill_at: Before this one, counted from 0.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained = 0
        self.kill_at: int | None = None
        self._train = Pack.train_epoch
        monkeypatch.setattr(Pack, "train_epoch", lambda pack, leave=None: self._next(pack, leave))
        # The pool's patience is an epoch: after each there is a checkpoint.
        train = PackRun.train
        monkeypatch.setattr(PackRun, "train", lambda run, *, seconds, **_: train(run, seconds=0 * seconds))

    def _next(self, pack: Pack, leave: AskedToLeave | None) -> Any:
        if self.trained == self.kill_at:
            raise Killed
        self.trained += 1
        return self._train(pack, leave)
