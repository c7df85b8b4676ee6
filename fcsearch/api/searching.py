"""`fcsearch.search`: a search on data in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from fcsearch.api.display import open_view
from fcsearch.api.reported_run import rows_in_memory
from fcsearch.api.run import Run, keep_with
from fcsearch.config.objective import OBJECTIVES
from fcsearch.data import Dataset, DatasetSpec, dataset_in_memory
from fcsearch.data.sources.in_memory import is_small_in_memory
from fcsearch.data.spec import MEMORY
from fcsearch.data.weights import ClassWeight
from fcsearch.errors import UsageError
from fcsearch.results import rank_trials, remote
from fcsearch.search.api import start_search
from fcsearch.search.execution import SearchResult
from fcsearch.search.loop.view import View
from fcsearch.search.options import Confirm, PoolName, SearchOptions
from fcsearch.space import DEFAULT_SPACE, FEW_COLUMNS, FEW_ROWS, SMALL_SPACE, SearchSpace, find_space, load_space
from fcsearch.text import did_you_mean, nearest
from fcsearch.wording import Arguments, option, worded

# A search writes its messages to its own log: two at a time, in threads, would mix theirs.
_one_at_a_time = threading.Lock()

Space = str | Path | Mapping[str, Any] | SearchSpace


@worded(Arguments())
def search(
    X: Any,
    y: Any = None,
    *,
    label: str | None = None,
    space: Space | None = None,
    trials: int | None = None,
    time_budget: float | None = None,
    objective: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    pool: PoolName = "local",
    workers: int | None = None,
    confirm: Confirm = "auto",
    folds: int | Literal["auto"] | None = None,
    dataset: Mapping[str, Any] | None = None,
    class_weight: ClassWeight | None = None,
    weights: Any = None,
    progress: bool | None = None,
) -> Run:
    """Search for the best network for a table or an array.

    Ctrl-C ends the search cleanly; the run then holds the finished trials. Searches in one process run one at a time.

    Args:
        X: A table (pandas, polars, pyarrow), or an array (N, ...) of numbers.
        y: (N,) classes, or the targets of a regression; None: a column of the table holds them.
        label: That column; by default the one called `label`, `target`, `class` or `y`.
        space: The name of a space that ships, a YAML file, the content of such a file as a dict, or a SearchSpace;
            None: `small` for a small table, else `default`. Its dataset is ignored, except for `task`, `class_weight`
            and `folds`.
        trials: How many configurations to try; None: as many as the space says.
        time_budget: About how many seconds the search may take, with its report, not counting the imports of a
            first call (a second or two); None: no limit.
        objective: The figure on validation rows that the search improves, such as `roc_auc` or `mae`; None: as the
            space says, by default accuracy or RMSE.
        seed: Seed of the sampler and of training.
        out: The run directory, or the run's URL, such as s3://bucket/runs/digits, which must not exist; None: a
            temporary one without a report, which is removed with the returned object.
        pool: What trains: `local` (processes of this machine), `inline` (this process) or `ray`.
        workers: How many packs train at a time; None: one per GPU, or one per core if there is no GPU.
        confirm: How many of the best configurations are trained again with other seeds, for the winner on average; 0:
            none; `auto`: as many as take little of the search's time.
        folds: From 2 to 20: a trial is the mean over so many folds of the rows that are not test rows, and the network
            is the best configuration trained on all of these. `auto`: 5 for few rows. 1: one split. None: as the space
            says; the default spaces say `auto`, and one that does not say it has one split.
        dataset: Options of the dataset as in a space file, such as `drop`, `val_fraction` or `test_fraction`.
        class_weight: How much the rows of each class count in training: `balanced` (all classes the same in total), or
            numbers by class; None: as the space says.
        weights: How much each row counts in training: a column of the table, which is then not a feature, or (N,)
            numbers of at least 0. It multiplies `class_weight`.
        progress: Whether to show progress; None: only in a notebook.

    Returns:
        The run, ready to predict.

    Raises:
        UsageError: an argument or the data cannot be used.
        SearchError: every trial failed.
        KeyboardInterrupt: interrupted before any trial came to an end, or twice.
    """
    searched = read_space(space, X, objective)
    told = searched.dataset
    of_space = {"task": told.task, "class_weight": told.class_weight, "folds": told.folds}
    column = weights if isinstance(weights, str) else None
    arguments = {"folds": folds, "class_weight": class_weight, "weights": column}
    given = {name: value for name, value in arguments.items() if value is not None}
    spec = DatasetSpec.from_value({"source": MEMORY, "label": label, **of_space, **(dataset or {}), **given})
    of_rows = weights if column is None else None
    rows = dataset_in_memory(X, y, spec, row_weights=of_rows, forms=searched.input_forms)
    again = rows_in_memory(X, y, of_rows)
    options = SearchOptions(
        trials=trials, time_budget=time_budget, seed=seed, pool=pool, workers=workers, confirm=confirm
    )
    with open_view(progress) as view:
        if out is not None:
            url = out if remote.is_url(out) else None
            path = Path(out) if url is None else remote.local_copy(url)
            return Run(_finished(run_search(rows, searched, options, path, view, url=url)).run, again)
        with temporary_folder() as folder:
            found = _finished(run_search(rows, searched, options, folder / searched.name, view, report=False))
            return keep_with(Run(found.run, again), folder)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that outlives the block, unless the block ends in an error."""
    folder = Path(tempfile.mkdtemp(prefix="fcsearch-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def read_space(space: Space | None, X: Any, objective: str | None = None) -> SearchSpace:
    """The space that an argument names or describes, with another objective if one is given.

    Args:
        space: The argument; None: the space for the rows.
        X: The rows, a table or an array.
        objective: The argument; None: the space's own.

    Raises:
        UsageError: there is no such objective.
        SpaceError: the space is missing or is not valid.
    """
    found = _space_of(space, X)
    if objective is None:
        return found
    if str(objective) not in OBJECTIVES:
        hint = did_you_mean(nearest(str(objective), OBJECTIVES))
        raise UsageError(f"{option('objective')} must be one of {', '.join(OBJECTIVES)}; found {objective!r}{hint}")
    return dataclasses.replace(found, objective=objective)


def _space_of(space: Space | None, X: Any) -> SearchSpace:
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, Mapping):
        return SearchSpace.from_mapping(space)
    if space is None:
        small = is_small_in_memory(X, rows=FEW_ROWS, columns=FEW_COLUMNS)
        space = SMALL_SPACE if small else DEFAULT_SPACE
    return load_space(find_space(space) if isinstance(space, str) else space)


def run_search(
    rows: Dataset,
    space: SearchSpace,
    options: SearchOptions,
    path: Path,
    view: View,
    *,
    url: str | None = None,
    report: bool = True,
) -> SearchResult:
    """Search a space on loaded rows, after the searches of other threads; errors as `start_search`."""
    space = dataclasses.replace(space, dataset=rows.spec)
    with _one_at_a_time:
        return start_search(
            space, options, path=path, url=url, command=["fcsearch.search"], view=view, dataset=rows, report=report
        )


def _finished(result: SearchResult) -> SearchResult:
    if result.ended_by in ("interrupt", "terminate") and not len(rank_trials(result.run.trials())):
        raise KeyboardInterrupt
    return result
