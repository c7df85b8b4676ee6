"""Starts and resumes searches: the run directory, the search, the report."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from fcsearch.data import Dataset, load_dataset
from fcsearch.errors import RunError, UsageError
from fcsearch.results import Labels, RunDirectory, remote, write_labels
from fcsearch.results.manifest import DatasetEntry
from fcsearch.results.no_run import check_run_place, name_taken
from fcsearch.search.execution import SearchResult, attended, conclude, train
from fcsearch.search.loop.later_stages import Surroundings
from fcsearch.search.loop.published import ForOthers
from fcsearch.search.loop.session import Stages, has_result, run_stages
from fcsearch.search.loop.time_budget import end_of_training, grace_of
from fcsearch.search.loop.view import SilentView, View
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.placement import local_node, place
from fcsearch.search.planning.plan import SearchPlan, make_plan
from fcsearch.search.planning.samplers import make_sampler
from fcsearch.search.pool.interface import OpenPool
from fcsearch.search.pools import Pools
from fcsearch.search.record.beginning import check_beginning, read_beginning
from fcsearch.search.record.ledger import has_trials
from fcsearch.search.record.manifest import new_manifest
from fcsearch.space import SearchSpace


def plan_search(space: SearchSpace, options: SearchOptions, *, path: Path) -> SearchPlan:
    """Settle how a search would run, without starting anything.

    Args:
        space: What is searched.
        options: The user's options.
        path: The run directory.

    Raises:
        UsageError: this machine does not have the resources that were asked for.
        RunError: the path is taken, or no run directory can be made there.
    """
    if path.exists():
        raise name_taken(remote.address(path))
    check_run_place(path)
    return _settle(dataclasses.replace(space, dataset=space.dataset.resolve(Path.cwd())), options, path)


def plan_for_data(plan: SearchPlan, dataset: Dataset) -> tuple[SearchPlan, Dataset]:
    """The plan for a loaded dataset, and the dataset under a name that is valid in any working directory.

    Of the space's `tries` those are left out that the earlier run, if there is one, has tried.

    Raises:
        UsageError: the space, or the trials that come first, do not fit the data.
    """
    dataset = dataclasses.replace(dataset, spec=dataset.spec.resolve(Path.cwd()))
    # With the settings found from the rows, such as the number of bins: later commands must repeat them.
    plan = dataclasses.replace(plan, space=dataclasses.replace(plan.space, dataset=dataset.spec)).of(dataset)
    # Here for its errors, while there is nothing to undo.
    found = read_beginning(plan.space, plan.options, trials=plan.trials, fingerprint=dataset.fingerprint)
    if plan.options.start_from is not None and found.tried:
        why = f"tried by {Path(plan.options.start_from).name}"
        plan = dataclasses.replace(plan, space=plan.space.without_tries(found.tried, why=why))
    return plan, dataset


def start_search(
    space: SearchSpace,
    options: SearchOptions,
    *,
    path: Path,
    command: Sequence[str],
    url: str | None = None,
    view: View | None = None,
    open_pool: OpenPool | None = None,
    pools: Pools | None = None,
    dataset: Dataset | None = None,
    report: bool = True,
    labels: Labels | None = None,
    began: float | None = None,
) -> SearchResult:
    """Search a space.

    Args:
        space: The space.
        options: How to search it.
        path: The run directory; must not exist.
        command: The command line, for the manifest.
        url: Where the run is kept, beside its directory, which is the copy of this machine; None: nowhere else.
        view: Shows the progress.
        open_pool: Opens the pool that trains the packs; None: the one that the options name.
        pools: Opens that pool, if it was started ahead; closed at the end.
        dataset: The dataset, if it is already loaded; else the space names it.
        report: Whether to write the report at the end.
        labels: The user's note and tags.
        began: When the time budget began, by `time.monotonic()`; None: now.

    Raises:
        UsageError: an option, the space or the data cannot be used. Nothing is left behind.
        SearchError: every trial failed, or workers do not start.
        KeyboardInterrupt: the user interrupted twice. Finished trials are kept.
    """
    began, imported = _times(began)
    with contextlib.closing(pools or Pools()) as pools:
        plan = plan_search(space, options, path=path)
        if open_pool is None:
            pools.begin(plan.options)
        # Loaded under the name that the user wrote, for its errors.
        plan, dataset = plan_for_data(plan, dataset or load_dataset(space.dataset, space.input_forms))
        missing = [parent for parent in path.parents if not parent.exists()]
        run = RunDirectory.create(path, new_manifest(plan, dataset, command, began=began))
        try:
            if url is not None:
                remote.attach(path, url)
            if labels is not None:
                write_labels(path, labels)
            with run.writing():
                seen, opening = view or SilentView(), pools.opening(open_pool)
                deadline = end_of_training(options, dataset, began, imported)
                return train(run, plan, dataset, seen, opening, began, deadline, report=report)
        except UsageError:
            # Such as a cluster that cannot be reached. If trials were already asked for, the run is kept.
            if not has_trials(run):
                remote.detach(path)
                shutil.rmtree(path, ignore_errors=True)
                with contextlib.suppress(OSError):
                    for parent in missing:
                        parent.rmdir()
            raise


def saved_options(run: RunDirectory) -> SearchOptions:
    """The last options of a run, to continue it: without its time budget and its cluster."""
    saved = run.manifest().options
    known = {field.name for field in dataclasses.fields(SearchOptions)}
    options = SearchOptions(**{name: value for name, value in saved.items() if name in known})
    return dataclasses.replace(options, time_budget=None, address=None)


def resume_search(
    run: RunDirectory,
    options: SearchOptions,
    *,
    source: str | None = None,
    data_dir: str | None = None,
    view: View | None = None,
    open_pool: OpenPool | None = None,
    began: float | None = None,
) -> SearchResult:
    """Continue a run: train the waiting trials, then new ones up to the total.

    Args:
        run: The run directory.
        options: `saved_options`, with changes. `trials` is the run's total; the seed is always the run's.
        source: Where the run's dataset is now, if it has moved: a name or a path. The run stores it.
        data_dir: Folder with the files of a named dataset, if they have moved.
        view: Shows the progress.
        open_pool: Opens the pool that trains the packs; None: the one that the options name.
        began: As `start_search`.

    Raises:
        UsageError: the run or its dataset has changed, or fewer trials are asked for than are done.
        SearchError: as `start_search`.
    """
    began, imported = _times(began)
    view = view or SilentView()
    remote.take(run.path, view.notice)
    # Held before the data are read: others see that a session has begun.
    with run.writing(), contextlib.closing(Pools()) as pools:
        plan, dataset = _take_up(run, options, source, data_dir)
        deadline = end_of_training(options, dataset, began, imported)
        return train(run, plan, dataset, view, pools.opening(open_pool), began, deadline)


def confirm_run(
    run: RunDirectory,
    options: SearchOptions,
    *,
    source: str | None = None,
    data_dir: str | None = None,
    view: View | None = None,
    open_pool: OpenPool | None = None,
    began: float | None = None,
) -> SearchResult:
    """Train the best configurations of a run again with other seeds, and select its ensemble.

    Args:
        run: The run directory. Its trials do not change, even if some still wait.
        options: `saved_options`, with changes; `confirm` and `confirm_seeds` say how much.
        source: Where the run's dataset is now, if it has moved: a name or a path. The run stores it.
        data_dir: Folder with the files of a named dataset, if they have moved.
        view: Shows the progress.
        open_pool: Opens the pool that trains the packs; None: Ray.
        began: As `start_search`.

    Raises:
        UsageError: no trial of the run has a result, or its dataset has changed.
        SearchError: as `start_search`.
    """
    began, imported = _times(began)
    view = view or SilentView()
    remote.take(run.path, view.notice)
    if not has_result(run):
        raise RunError(
            f"{run.path} must have a trial with a result; found none; continue it: `fcsearch resume {run.path}`"
        )
    with run.writing(), contextlib.closing(Pools()) as pools:
        plan, dataset = _take_up(run, options, source, data_dir)
        with attended(run, view) as stop:
            with contextlib.closing(ForOthers(view, run, page_every=0)) as seen:
                deadline = end_of_training(options, dataset, began, imported)
                around = Surroundings(run, seen, stop, deadline, began, grace_of(options))
                with pools.opening(open_pool) as opens:
                    ended_by = run_stages(around, plan, dataset, opens, Stages(search=False))
            return conclude(run, plan, dataset, view, ended_by, again="confirm")


def _times(began: float | None) -> tuple[float, float]:
    """When a command began, and now, when its libraries are imported."""
    now = time.monotonic()
    return now if began is None else began, now


def _take_up(
    run: RunDirectory, options: SearchOptions, source: str | None, data_dir: str | None
) -> tuple[SearchPlan, Dataset]:
    """The plan and the data to continue a run that is held, with the run's own seed."""
    from fcsearch.evaluation import load_run_dataset

    seed = run.manifest().seed
    options = options if seed is None else dataclasses.replace(options, seed=seed)
    plan = _settle(run.space(), options, run.path)
    dataset = load_run_dataset(run, source=source, data_dir=data_dir, forms=plan.space.input_forms)
    if source is not None or data_dir is not None:
        plan = _record_place(run, plan, dataset)
    return plan.of(dataset), dataset


def _record_place(run: RunDirectory, plan: SearchPlan, dataset: Dataset) -> SearchPlan:
    """Record where the dataset is now, under a name valid in any working directory."""
    spec = dataset.spec.resolve(Path.cwd())
    plan = dataclasses.replace(plan, space=dataclasses.replace(plan.space, dataset=spec))
    described = run.manifest().dataset or DatasetEntry()
    moved = described.model_copy(update={"name": dataset.name, "spec": spec.to_json()})
    run.update_manifest({"dataset": moved, "space": plan.space.to_json()})
    return plan


def _settle(space: SearchSpace, options: SearchOptions, path: Path) -> SearchPlan:
    # The sampler is made only for its errors.
    make_sampler(space.sampler, seed=options.seed)
    placement = place(options, [local_node()]) if options.address is None else None
    plan = make_plan(space, options, path=path, placement=placement)
    check_beginning(space, options, trials=plan.trials)
    return plan
