"""The effect of each parameter: the results of the trials, grouped by its values."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.report.model import Effect, Group, Importance
from fcsearch.report.words import value_text
from fcsearch.results import RANKED_STATES

# A numeric parameter with more values than this is shown in ranges that hold about equally many trials.
MAX_VALUES = 8
_TRIALS_PER_RANGE = 4
_MAX_RANGES = 5
_MIN_SPREAD = 4
_TRUSTED_TRIALS = 3

Rows = Sequence[Mapping[str, Any]]


def varied_parameters(rows: Rows) -> list[str]:
    """The parameters that took more than one value, in the order of the schema.

    The shape of the network is named once: by `hidden_dims` if some net has layers of unequal width, else by
    `depth` and `hidden_dim`.
    """
    uneven = any(len(set(row["hidden_dims"] or ())) > 1 for row in rows)
    unused = ("depth", "hidden_dim") if uneven else ("hidden_dims",)
    return [name for name in HYPERPARAMETERS if name not in unused and len(_values(rows, name)) > 1]


def differs(rows: Rows, name: str) -> bool:
    """Whether rows differ in a parameter; it is also a difference if it applies only to some of them."""
    return len({parameter_value(row[name]) for row in rows}) > 1


def effects_of(
    rows: Rows, importances: Mapping[str, Importance], objective: Objective = OBJECTIVES["accuracy"]
) -> tuple[Effect, ...]:
    """One Effect for each parameter that varied, most important first, or widest spread of medians first."""
    effects = [
        Effect(
            parameter=name,
            importance=importances.get(name),
            groups=tuple(
                _group(label, [rows[place] for place in places], objective) for label, places in partition(rows, name)
            ),
        )
        for name in varied_parameters(rows)
    ]
    return tuple(sorted(effects, key=_order))


def _order(effect: Effect) -> tuple[float, float]:
    return (-(effect.importance.share if effect.importance else 0.0), -_spread(effect))


def _spread(effect: Effect) -> float:
    # The median of a trial or two says little about the value.
    medians = [group.median for group in effect.groups if group.median is not None and group.trials >= _TRUSTED_TRIALS]
    return max(medians) - min(medians) if medians else 0.0


def parameter_value(value: Any) -> Any:
    """A parameter's value as one that can be compared: lists as tuples."""
    return tuple(value) if isinstance(value, list) else value


def is_number(value: Any) -> bool:
    """Whether a value can lie in a range."""
    return isinstance(value, (int, float))


def spread_out(numbers: Sequence[float]) -> bool:
    """Whether there are too many different numbers, or too few trials of each, to list them one by one."""
    distinct = len(set(numbers))
    return distinct > MAX_VALUES or (distinct >= _MIN_SPREAD and distinct > len(numbers) / 2)


def value_order(value: Any) -> tuple[int, Any]:
    """Sort key of a parameter's values: numbers by size, then words, lists by length."""
    if is_number(value):
        return (0, value)
    return (1, (len(value), value) if isinstance(value, tuple) else value)


def _values(rows: Rows, name: str) -> set[Any]:
    return {parameter_value(row[name]) for row in rows} - {None}


def partition(rows: Rows, name: str) -> list[tuple[str, list[int]]]:
    """The values of a parameter, or ranges of them, in words, each with the indices of its rows.

    Rows to which the parameter does not apply are left out.
    """
    found = [(parameter_value(row[name]), place) for place, row in enumerate(rows) if row[name] is not None]
    numbers = [value for value, _ in found if is_number(value)]
    ranges = _ranges(numbers) if spread_out(numbers) else []
    singles = sorted({value for value, _ in found if not (ranges and is_number(value))}, key=value_order)
    return [
        *(
            (
                f"{value_text(low, 3)} to {value_text(high, 3)}",
                [place for value, place in found if is_number(value) and low <= value <= high],
            )
            for low, high in ranges
        ),
        *((value_text(single), [place for value, place in found if value == single]) for single in singles),
    ]


def _ranges(values: Sequence[float]) -> list[tuple[float, float]]:
    """Ranges of about equally many values each; equal values are in one range."""
    ordered = sorted(values)
    count = min(_MAX_RANGES, max(2, len(ordered) // _TRIALS_PER_RANGE))
    starts = sorted({ordered[len(ordered) * i // count] for i in range(count)})
    bounds = [*starts, float("inf")]
    return [
        (start, max(value for value in ordered if value < end)) for start, end in zip(starts, bounds[1:], strict=True)
    ]


def _group(label: str, rows: Rows, objective: Objective) -> Group:
    results = [row[objective.column] for row in rows if row["state"] in RANKED_STATES]
    return Group(
        label=label,
        trials=len(results),
        diverged=sum(row["state"] == "diverged" for row in rows),
        best=max(results, key=objective.gain, default=None),
        median=statistics.median(results) if results else None,
    )
