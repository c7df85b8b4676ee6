"""Changes of one parameter of a space: widened at an end, or narrowed to where the good trials lie."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from fcsearch.config import HYPERPARAMETERS
from fcsearch.report.effects import parameter_value
from fcsearch.report.words import listing, value_text
from fcsearch.space import Choices, Constant, Parameter, Range

# The least fraction of its length by which a range is narrowed; and the margin left on either side of good trials.
_WORTH_IT = 0.25
_MARGIN = 0.1
# A choice that was tried less often may look bad by chance.
_TRIED = 3
_MOST_DROPOUT = 0.5
_REG = (1e-5, 1e-4, 1e-3)
# Where all trials diverged, the next learning rates are this far below; with the lowest and the highest that networks
# are known to learn with, whatever was tried.
_LOWER = 3
_DECADES = 100
_LEARNING_RATES = (1e-5, 0.1)
# Below this rate there is too little room above the lowest of them.
_LOWEST_TRIED = 1e-4

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A parameter's new entry in a space file, and why."""

    parameter: str
    entry: Any
    why: str

    @property
    def override(self) -> str:
        """The entry as the value of an override."""
        return json.dumps(self.entry)


def move(
    parameter: Parameter, direction: str, good: Sequence[Any], *, kinds: Collection[str], why: str
) -> Change | None:
    """The parameter with larger values (`up`) or smaller ones (`down`); None if that changes nothing.

    Args:
        parameter: As it was searched.
        direction: `up` or `down`.
        good: Its values in the good trials, that of the best network first; None if it does not apply.
        kinds: Kinds of the findings that ask for it. `edge` and `last_epoch` widen the space at that end; others narrow
            it to where the good trials lie on that side.
        why: Their sentences.
    """
    numbers = [value for value in good if type(value) in (int, float)]
    if not numbers or numbers[0] != good[0]:
        return None
    widen = bool({"edge", "last_epoch"} & set(kinds))
    entry: Json | None = None
    if isinstance(parameter, Constant):
        entry = _opened(parameter, numbers[0], direction, widen=widen)
    elif isinstance(parameter, Range):
        entry = _widened(parameter, direction) if widen else _cut(parameter, direction, numbers)
    elif isinstance(parameter, Choices) and all(type(value) in (int, float) for value in parameter.choices):
        entry = _other_choices(parameter, direction, numbers, widen=widen)
    return None if entry is None else Change(parameter.name, _with_condition(parameter, entry), why)


def add_regulariser(name: str, value: Any, why: str) -> Change | None:
    """Dropout or L2, which the space did not search, starting from the best network's value."""
    if type(value) not in (int, float):
        return None
    constant = Constant(name, value)
    entry = _opened(constant, value, "up", widen=False)
    return None if entry is None else Change(name, entry, why)


def lower_rates(tried: float) -> tuple[float, float] | None:
    """The least and the largest learning rate to try where all trials diverged; None if lower ones hardly learn.

    That is so where a rate below 0.0001 was tried.

    Args:
        tried: The least that was tried, above 0.
    """
    if tried < _LOWEST_TRIED:
        return None
    least, most = _LEARNING_RATES
    high = min(tried / _LOWER, most)
    return _rounded(max(high / _DECADES, least)), _rounded(high)


def lower(parameter: Parameter | None, rates: tuple[float, float], *, in_grid: bool) -> Json:
    """The entry of a learning rate between these two, whether the space searched it or not.

    Args:
        parameter: As it was searched; None if the space did not name it.
        rates: The least and the largest.
        in_grid: Whether the space takes choices alone.
    """
    low, high = rates
    between = [low, _rounded(math.sqrt(low * high)), high]
    entry: Json = {"choices": between} if in_grid else {"low": low, "high": high, "log": True}
    return _with_condition(parameter, entry) if parameter else entry


def narrow(parameter: Parameter, good: Sequence[Any], tried: Sequence[Any]) -> Change | None:
    """The parameter narrowed to where the good trials lie; None if that is not worth it.

    Args:
        parameter: As it was searched.
        good: Its values in the good trials; None if it does not apply.
        tried: And in all trials with a result.
    """
    values = [parameter_value(value) for value in good if value is not None]
    if isinstance(parameter, Range) and values:
        low, high = _around(parameter, min(values), max(values))
        if _length(parameter, low, high) > (1 - _WORTH_IT) * _length(parameter, parameter.low, parameter.high):
            return None
        why = f"The best {len(values)} trials lie from {value_text(min(values), 3)} to {value_text(max(values), 3)}."
        return Change(parameter.name, _with_condition(parameter, _range(parameter, low, high)), why)
    if isinstance(parameter, Choices) and values:
        counts = Counter(parameter_value(value) for value in tried if value is not None)
        left_out = [value for value in parameter.choices if value not in values and counts[value] >= _TRIED]
        kept = [value for value in parameter.choices if value not in left_out]
        if not left_out:
            return None
        names = listing([value_text(value) for value in left_out])
        why = f"None of the best {len(values)} trials has {names}."
        return Change(parameter.name, _with_condition(parameter, {"choices": kept}), why)
    return None


def _opened(parameter: Constant, value: float, direction: str, *, widen: bool) -> Json | None:
    """A range, or choices, that replace a constant and include it."""
    if direction == "up" and widen and isinstance(value, int):
        return {"low": value, "high": int(_inside(parameter.name, value, 2 * value))}
    if direction == "up" and parameter.name == "dropout" and value < _MOST_DROPOUT:
        return {"low": float(value), "high": _MOST_DROPOUT}
    if direction == "up" and parameter.name == "reg" and value < _REG[-1]:
        return {"choices": [value, *(strength for strength in _REG if strength > value)]}
    return None


def _widened(parameter: Range, direction: str) -> Json | None:
    low, high = parameter.low, parameter.high
    if parameter.log and low > 0:
        factor = max(2.0, (high / low) ** (1 / 3))
        further = high * factor if direction == "up" else low / factor
    else:
        step = parameter.step or (1 if parameter.is_integer else 0)
        length = max((high - low) / 2, step)
        length = math.ceil(length / step) * step if step else length
        further = high + length if direction == "up" else low - length
    end = _inside(parameter.name, high if direction == "up" else low, further)
    return _changed(parameter, high=end) if direction == "up" else _changed(parameter, low=end)


def _cut(parameter: Range, direction: str, good: Sequence[float]) -> Json | None:
    least = _MARGIN * _length(parameter, parameter.low, parameter.high)
    for margin in (0.0, _MARGIN):
        low, high = _around(parameter, min(good), max(good), margin=margin)
        low, high = (low, parameter.high) if direction == "up" else (parameter.low, high)
        # Without a margin there may be nothing left to search.
        if low < high and _length(parameter, low, high) >= least:
            break
    return _changed(parameter, low=low, high=high)


def _changed(parameter: Range, *, low: float | None = None, high: float | None = None) -> Json | None:
    """The range with a new end; None if it is the old one, or nothing would be left to search."""
    ends = (parameter.low if low is None else low, parameter.high if high is None else high)
    unchanged = ends == (parameter.low, parameter.high)
    return None if unchanged or ends[0] >= ends[1] else _range(parameter, *ends)


def _other_choices(parameter: Choices, direction: str, good: Sequence[float], *, widen: bool) -> Json | None:
    ordered = sorted(parameter.choices)
    if widen and len(ordered) > 1:
        end, beside = (ordered[-1], ordered[-2]) if direction == "up" else (ordered[0], ordered[1])
        further = end * end / beside if min(end, beside) > 0 else end + (end - beside)
        further = _inside(parameter.name, end, _rounded(further, whole=isinstance(end, int)))
        return None if further in ordered else {"choices": sorted([*ordered, further])}
    kept = [value for value in ordered if (value >= min(good) if direction == "up" else value <= max(good))]
    return {"choices": kept} if len(kept) < len(ordered) else None


def _around(parameter: Range, low: float, high: float, *, margin: float = _MARGIN) -> tuple[float, float]:
    """The ends of a part of a range that holds two values, with a margin on either side."""
    if parameter.step is not None or parameter.is_integer:
        # An integer more on either side is margin enough.
        step = parameter.step or 1
        spare = step if margin else 0
        return max(parameter.low, low - spare), min(parameter.high, high + spare)
    length = _length(parameter, parameter.low, parameter.high)
    if parameter.log:
        low, high = low / math.exp(margin * length), high * math.exp(margin * length)
    else:
        low, high = low - margin * length, high + margin * length
    return max(parameter.low, _rounded(low, up=False)), min(parameter.high, _rounded(high, up=True))


def _length(parameter: Range, low: float, high: float) -> float:
    return math.log(high / low) if parameter.log else high - low


def _inside(name: str, end: float, further: float) -> float:
    """`further`, or as far towards it as the parameter allows, to two digits."""
    known = HYPERPARAMETERS[name]
    further = _rounded(further, whole=isinstance(end, int))
    highest = known.space_high if known.space_high is not None else known.high
    if highest is not None and further >= highest:
        further = end + (highest - end) / 2 if known.high_open else highest
    if known.low is not None and further <= known.low:
        further = end / 2 if known.low_open else known.low
    return int(further) if isinstance(end, int) else float(further)


def _rounded(value: float, *, up: bool | None = None, whole: bool = False) -> float:
    """Two significant digits, to the nearest or towards one side."""
    if whole:
        return round(value)
    if not value:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    number = value / unit
    found = round(number) if up is None else math.ceil(number - 1e-9) if up else math.floor(number + 1e-9)
    return float(f"{found * unit:.2g}")


def _range(parameter: Range, low: float, high: float) -> Json:
    kind = int if parameter.is_integer else float
    entry: Json = {"low": kind(low), "high": kind(high)}
    if parameter.log:
        entry["log"] = True
    if parameter.step is not None:
        entry["step"] = parameter.step
    return entry


def _with_condition(parameter: Parameter, entry: Json) -> Json:
    written = parameter.to_json().get("when")
    return {**entry, "when": written} if written else entry
