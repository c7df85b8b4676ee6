"""Fits what a search chose again, on training and validation rows: the network that answers, and the ensemble's."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from fcsearch.config import InputForm
from fcsearch.data import Dataset
from fcsearch.data.dataset import Split
from fcsearch.report.words import plural, trial_list
from fcsearch.search.loop.early_end import Closing
from fcsearch.search.loop.later_stages import Surroundings, find_checkpoints, out_of_time, train_again
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.interface import Pool
from fcsearch.search.record.confirmations import RefitBooks
from fcsearch.selection.confirmation import chosen_trial
from fcsearch.selection.refits import diverged_refits, has_refit, refit_configs


class RefitPools:
    """One pool at a time: that of the last rows which it was asked for, until the block ends.

    Args:
        open_pool: Opens what trains on a dataset.
    """

    def __init__(self, open_pool: Callable[[Dataset], contextlib.AbstractContextManager[Pool]]) -> None:
        self._open = open_pool
        self._forms: list[InputForm] | None = None
        self._pool: Pool | None = None
        self._stack = contextlib.ExitStack()

    def open(self, rows: Dataset) -> Pool:
        """A pool that has these rows in these forms."""
        forms = [form.form for form in rows.forms]
        if self._pool is None or forms != self._forms:
            # Two pools would wait for each other's cores.
            self._stack.close()
            self._pool, self._forms = self._stack.enter_context(self._open(rows)), forms
        return self._pool

    def __enter__(self) -> RefitPools:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def refit(
    around: Surroundings,
    dataset: Dataset,
    members: Collection[int],
    open_pool: Callable[[Dataset], Pool],
    *,
    every: float,
) -> Closing | None:
    """Train configurations on training and validation rows, for their mean best epochs, and save the networks.

    What the run has already is not trained, nor what diverged before. An ensemble whose refits are not all to be had
    does without them.

    Args:
        around: Where, and until when.
        dataset: What is learned.
        members: The trials of the ensemble, which are fitted again beside the chosen one.
        open_pool: Gives what trains on a dataset; called if there is anything to train.
        every: Seconds between two checkpoints.

    Returns:
        What ended it early, if anything did.
    """
    run, chosen = around.run, chosen_trial(around.run)
    if diverged_refits(run, members):
        members = ()
    places = [(chosen, run.models.refit_path), *((trial, run.models.member_refit_path(trial)) for trial in members)]
    configs = refit_configs(run, {trial for trial, _ in places})
    diverged = diverged_refits(run, configs)

    def is_done(trial: int, path: Path) -> bool:
        return trial in diverged or has_refit(run, path, trial, configs[trial], dataset.fingerprint)

    if chosen in members and is_done(chosen, run.models.refit_path):
        run.models.copy_refit(chosen)
    paths: dict[int, list[Path]] = {}
    for trial, path in places:
        if not is_done(trial, path):
            paths.setdefault(trial, []).append(path)
    if not paths:
        return None
    if out_of_time(around, len(paths), "refit of the ensemble" if members else "refit"):
        return "time_budget"
    wanted = {configs[trial].input_form for trial in paths}
    learned = dataclasses.replace(dataset, forms=tuple(form for form in dataset.forms if form.form in wanted))
    pool, planned = open_pool(joined(learned)), [PlannedTrial(trial, configs[trial]) for trial in paths]
    checkpoints = find_checkpoints(around, planned, pool, stage="refit", dataset=dataset, every=every)
    around.view.started({"refit": _refit_line([configs[trial].epochs for trial in paths], list(paths), chosen)})
    closing = train_again(
        around,
        pool,
        planned,
        RefitBooks(run, paths),
        checkpoints,
        keep_last=True,
        model_metadata=lambda form: dataset.in_form(form).model_metadata(),
        what="refits",
    )
    if lost := diverged_refits(run, paths):
        around.view.notice(f"{trial_list(lost)} diverged when fitted again: networks of the search answer")
    elif members and closing == "time_budget":
        around.view.notice(
            "not all networks of the ensemble were fitted again in time: until `fcsearch resume "
            f"{shlex.quote(str(run.path))}` it consists of those of the first fold, which learned from fewer rows"
        )
    return closing


def _refit_line(epochs: Sequence[int], trials: Sequence[int], chosen: int) -> str:
    """What is fitted again, for people."""
    least, most = min(epochs), max(epochs)
    count = plural(most, "epoch") if least == most else f"{least} to {most} epochs"
    ensemble = "" if trials in ([chosen], []) else ", the ensemble's"
    return f"{trial_list(trials)}{ensemble} on training and validation rows, {count}"


def joined(dataset: Dataset) -> Dataset:
    """The dataset, without folds, with the validation rows among the training rows, in each of its forms."""
    train, val = dataset.train, dataset.val
    weights = None
    if train.row_weights is not None and val.row_weights is not None:
        weights = np.concatenate([train.row_weights, val.row_weights])
    rows = Split(np.concatenate([train.X, val.X]), np.concatenate([train.y, val.y]), weights)
    return dataclasses.replace(dataset, train=rows, others=(), forms=tuple(map(joined, dataset.forms)))
