"""How much is trained again after a search, and how much of it is kept for an ensemble."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fcsearch.config import TrialConfig
from fcsearch.config.states import STOPPED
from fcsearch.data import Dataset
from fcsearch.results.records import epochs_again, row_config
from fcsearch.search.options import SearchOptions
from fcsearch.search.planning.pack_cost import step_seconds
from fcsearch.search.planning.packs import draw
from fcsearch.space import SearchSpace
from fcsearch.training.shape import Shape

# With `auto` the first of these (configurations, seeds) that takes no more than this share of the search's time. Early
# stopping makes searches short for what a whole training takes: where no step of the ladder fits, the last may take
# more: with a time budget what the trials have left of it, less a part for the unforeseen, and no more than they took.
_LADDER = ((5, 5), (5, 4), (5, 3), (4, 3), (3, 3), (3, 2), (2, 2))
_SHARE = 0.15
_LAST_SHARE = 0.25
_SHARE_LEFT = 0.7
# What each worker's start takes of a search's time: three seconds, in those of the cost model, which leaves out
# evaluation and is therefore too short by more than half on small data.
_START_SECONDS = 1.2
_STARTED_SECONDS = 3.0
# Of a time budget so much is left for it, and for the refit where one follows.
BUDGET_SHARE = 0.13
_SEEDS = 5
_SEED_RANGE = 2**32
# What the candidates of an ensemble may take on the disk while a search goes on: their predictions, and their weights.
_PREDICTION_BYTES = 64 * 2**20
_WEIGHT_BYTES = 256 * 2**20

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Extent:
    """What is to be trained again: each of these trials' configurations with each of these seeds."""

    trials: tuple[int, ...]
    seeds: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        return {"trials": list(self.trials), "seeds": list(self.seeds)}


def confirmation_extent(
    options: SearchOptions,
    ranked: Sequence[Row],
    done: Sequence[Row],
    dataset: Dataset,
    *,
    workers: int,
    left: float = 0.0,
) -> Extent | None:
    """What is trained again, according to the options.

    Args:
        options: The user's options.
        ranked: Rows of the trials that can be best, best first.
        done: Rows of all trials.
        dataset: What is learned.
        workers: How many trained them.
        left: Seconds that a time budget has left for it.

    Returns:
        None if nothing is asked for, or, with `auto`, if even the least would take too much of the search's time.
    """
    best = _confirmable(ranked)
    size = (
        _affordable(options, best, done, dataset, workers=workers, left=left)
        if options.confirm == "auto"
        else (options.confirm, options.confirm_seeds or _SEEDS)
    )
    if not best or size is None or not size[0]:
        return None
    own = best[0]["seed"]
    seeds = tuple((own + number) % _SEED_RANGE for number in range(1, size[1] + 1))
    return Extent(best_trials(ranked, size[0]), seeds)


def confirmation_share(options: SearchOptions, *, trials: int) -> float:
    """About how long the confirmation takes, as a share of the search: with `auto` at most, else by its trainings."""
    if options.confirm == "auto":
        return _SHARE
    return options.confirm * (options.confirm_seeds or _SEEDS) / trials


def least_confirmed(ranked: Sequence[Row]) -> tuple[int, ...]:
    """The trials that the least confirmation with `auto` trains again."""
    return best_trials(ranked, _LADDER[-1][0])


def best_trials(ranked: Sequence[Row], count: int) -> tuple[int, ...]:
    """The best trials of different configurations that a confirmation trains again, best first."""
    return tuple(row["trial_id"] for row in _confirmable(ranked)[:count])


def are_best(trials: tuple[int, ...], ranked: Sequence[Row]) -> bool:
    """Whether a confirmation of these trials is still one of the best.

    Earlier versions also confirmed what early stopping had ended.
    """
    earlier = tuple(row["trial_id"] for row in _distinct(ranked)[: len(trials)])
    return trials in (best_trials(ranked, len(trials)), earlier)


def refits(options: SearchOptions, dataset: Dataset) -> bool:
    """Whether the winner is fitted again: as the options say, by default only with folds."""
    return bool(dataset.others) if options.refit is None else options.refit


def refit_seconds(rows: Iterable[Row], dataset: Dataset) -> float:
    """About how long the refit takes of any of these trials, by the clock: its worker's start, and the slowest of them.

    A trial was trained beside others, in all its folds, so it takes less by itself.

    Args:
        rows: Of the trials table, with the times of what was trained.
        dataset: What is learned.
    """
    more = 1 + len(dataset.val) / len(dataset.train)
    slowest: float = max((more * epochs_again(row) * _epoch_seconds(row) for row in rows), default=0.0)
    return _STARTED_SECONDS + slowest


def _epoch_seconds(row: Row) -> float:
    if not row["epochs_run"] or not row["started_at"] or not row["finished_at"]:
        return 0.0
    seconds: float = (row["finished_at"] - row["started_at"]).total_seconds()
    epochs: int = row["epochs_run"]
    return seconds / epochs


def candidates(options: SearchOptions, space: SearchSpace, dataset: Dataset) -> int:
    """How many of the best trials keep weights and predictions during the search, as candidates for the ensemble.

    Args:
        options: What the user asks for.
        space: What is searched; its networks are sized by a sample.
        dataset: What is learned.
    """
    if not options.ensemble:
        return options.keep_models
    shapes = [_shape(config, dataset) for config in draw(space)]
    weights = 4 * sum(shape.num_parameters for shape in shapes) // len(shapes)
    predictions = 2 * sum(len(fold.val) for fold in dataset.folds) * dataset.outputs
    room = min(_WEIGHT_BYTES // weights, _PREDICTION_BYTES // max(1, predictions))
    return max(options.keep_models, min(options.ensemble, room))


def _confirmable(ranked: Sequence[Row]) -> list[Row]:
    """The rows of different configurations whose own network is the one that is confirmed.

    What early stopping ended is trained to its end when it is trained again: its own network would be another.
    """
    distinct = _distinct(ranked)
    return [row for row in distinct if row.get("state") != STOPPED] or distinct


def _distinct(ranked: Sequence[Row]) -> list[Row]:
    """The rows without those that repeat the configuration of a better one."""
    seen: set[TrialConfig] = set()
    found = []
    for row in ranked:
        config = row_config(row)
        if config not in seen:
            seen.add(config)
            found.append(row)
    return found


def _affordable(
    options: SearchOptions, best: Sequence[Row], done: Sequence[Row], dataset: Dataset, *, workers: int, left: float
) -> tuple[int, int] | None:
    """By a model of the cost and not by a clock, so that a run of one seed repeats; but for what a budget has left."""
    budgeted = options.time_budget is not None
    trained = sum(_seconds(row_config(row), row["epochs_run"], dataset) for row in done if row["epochs_run"])
    spent = sum(row.get("train_seconds") or 0.0 for row in done)
    seconds = trained * _session_share(options, spent, workers) + workers * _START_SECONDS
    kept = _refit_seconds(best, dataset, workers) if budgeted and refits(options, dataset) else 0.0
    costs = [_seconds(row_config(row), epochs_again(row), dataset) for row in best]
    for top, most in _LADDER:
        seeds = options.confirm_seeds or most
        last = (top, most) == _LADDER[-1] and not budgeted
        if seeds * sum(costs[:top]) <= (_LAST_SHARE if last else _SHARE) * seconds - kept:
            return top, seeds
    every = seeds * costs[:top]
    clock = spent / trained * max(sum(every) / max(1, workers), *every) if spent and every else math.inf
    return (top, seeds) if clock <= _SHARE_LEFT * left and sum(every) <= trained else None


def _session_share(options: SearchOptions, spent: float, workers: int) -> float:
    """Which part of the trials' time is this session's: with a time budget, no more than such a budget has room for.

    Other sessions may have had more time than the one that is to confirm.
    """
    room = math.inf if options.time_budget is None else max(1, workers) * options.time_budget
    return min(1.0, room / spent) if spent else 1.0


def _seconds(config: TrialConfig, epochs: int, dataset: Dataset) -> float:
    """Seconds that a trial takes for its epochs, in all folds, on one core."""
    return len(dataset.folds) * _fit_seconds(config, epochs, len(dataset.train), dataset)


def _refit_seconds(best: Sequence[Row], dataset: Dataset, workers: int) -> float:
    """What the refit takes at most, whichever is confirmed: its worker's time, and that of those that wait for it."""
    rows, candidates = len(dataset.train) + len(dataset.val), best[: _LADDER[0][0]]
    longest = max((_fit_seconds(row_config(row), epochs_again(row), rows, dataset) for row in candidates), default=0.0)
    return max(1, workers) * (_START_SECONDS + longest)


def _fit_seconds(config: TrialConfig, epochs: int, rows: int, dataset: Dataset) -> float:
    batch = min(config.batch_size, rows)
    return epochs * (rows // batch) * step_seconds(_shape(config, dataset), batch)


def _shape(config: TrialConfig, dataset: Dataset) -> Shape:
    return Shape.of(config, dataset.in_form(config.input_form))
