"""The parameters of a space: constants, ranges and choices, and the conditions under which they apply."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError


@dataclasses.dataclass(frozen=True)
class Condition:
    """Holds in a trial whose `parent` has one of `values`; a parent that does not apply counts with its default."""

    parent: str
    values: tuple[Any, ...]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds in a trial with `values` by parameter name."""
        return values.get(self.parent, HYPERPARAMETERS[self.parent].default) in self.values


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What all parameters have: a name, and conditions that must all hold for it to apply (none: it always applies)."""

    name: str
    when: tuple[Condition, ...] = dataclasses.field(default=(), kw_only=True)

    @property
    def kind(self) -> str:
        """`constant`, `choices`, `range` or `integer range`."""
        return type(self).__name__.lower()

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether it does something in a trial with `values` by parameter name."""
        return all(condition.holds(values) for condition in self.when)

    def distribution(self) -> BaseDistribution | None:
        """Optuna's distribution, None for a constant."""
        return None

    def finite_values(self) -> range | tuple[Any, ...] | None:
        """Every value that it can take, None for a continuous range."""
        raise NotImplementedError

    def contains(self, value: Any) -> bool:
        """Whether it can take this value."""
        return value in (self.finite_values() or ())

    def suggest(self, trial: optuna.trial.Trial) -> Any:
        """A value for `trial`."""
        raise NotImplementedError

    def encode(self, value: Any) -> CategoricalChoiceType:
        """`value` as Optuna stores it."""
        encoded: CategoricalChoiceType = value
        return encoded

    def decode(self, stored: Any) -> Any:
        """What Optuna stored, as the value it stands for."""
        return stored

    def describe(self) -> str:
        """What it can be, in words."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The parameter as a space file says it, in JSON types."""
        condition = {item.parent: [_json(value) for value in item.values] for item in self.when}
        return {**self._domain_json(), **({"when": condition} if condition else {})}

    def _domain_json(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Constant(Parameter):
    """A parameter with one value, which Optuna does not see."""

    value: Any

    def finite_values(self) -> tuple[Any, ...]:  # noqa: D102
        return (self.value,)

    def suggest(self, trial: optuna.trial.Trial) -> Any:  # noqa: ARG002, D102
        return self.value

    def describe(self) -> str:  # noqa: D102
        return show(self.value)

    def _domain_json(self) -> dict[str, Any]:
        return {"value": _json(self.value)}


@dataclasses.dataclass(frozen=True)
class Range(Parameter):
    """Numbers from `low` to `high`, both included; integers if both are.

    Attributes:
        log: Sampled uniformly in the logarithm.
        step: Distance of neighbouring values, counted from `low`; None for every float, or every integer.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def kind(self) -> str:  # noqa: D102
        return "integer range" if self.is_integer else "range"

    @property
    def is_integer(self) -> bool:
        """Whether its values are integers."""
        return isinstance(self.low, int)

    def distribution(self) -> IntDistribution | FloatDistribution:  # noqa: D102
        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def finite_values(self) -> range | tuple[Any, ...] | None:  # noqa: D102
        if isinstance(self.low, int) and isinstance(self.high, int):
            return range(self.low, self.high + 1, int(self.step or 1))
        if self.low == self.high:
            return (self.low,)
        if self.step is None:
            return None
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        count = int((Decimal(str(self.high)) - low) / step) + 1
        return tuple(float(low + step * i) for i in range(count))

    def contains(self, value: Any) -> bool:  # noqa: D102
        if isinstance(value, bool) or not isinstance(value, int if self.is_integer else (int, float)):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        # As Optuna has it: sums of steps are rounded.
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-8

    def suggest(self, trial: optuna.trial.Trial) -> Any:  # noqa: D102
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.name, self.low, self.high, log=self.log, step=int(self.step or 1))
        return trial.suggest_float(self.name, self.low, self.high, log=self.log, step=self.step)

    def describe(self) -> str:  # noqa: D102
        text = f"{show(self.low)} to {show(self.high)}"
        return text + (", log" if self.log else "") + (f", step {show(self.step)}" if self.step is not None else "")

    def _domain_json(self) -> dict[str, Any]:
        step = {} if self.step is None else {"step": self.step}
        return {"low": self.low, "high": self.high, "log": self.log, **step}


@dataclasses.dataclass(frozen=True)
class Choices(Parameter):
    """One of the listed values. Lists (`hidden_dims`) are stored in Optuna as text, such as `512-256`."""

    choices: tuple[Any, ...]

    def distribution(self) -> CategoricalDistribution:  # noqa: D102
        return CategoricalDistribution([self.encode(value) for value in self.choices])

    def finite_values(self) -> tuple[Any, ...]:  # noqa: D102
        return self.choices

    def suggest(self, trial: optuna.trial.Trial) -> Any:  # noqa: D102
        return self.decode(trial.suggest_categorical(self.name, [self.encode(value) for value in self.choices]))

    def encode(self, value: Any) -> CategoricalChoiceType:  # noqa: D102
        if isinstance(value, (list, tuple)):
            return "-".join(map(str, value)) or "none"
        encoded: CategoricalChoiceType = value
        return encoded

    def decode(self, stored: Any) -> Any:  # noqa: D102
        for value in self.choices:
            if self.encode(value) == stored:
                return value
        raise SpaceError(f"{self.name} must be one of {self.describe()}; found {stored!r}. Was the space changed?")

    def describe(self) -> str:  # noqa: D102
        return ", ".join(show(value) for value in self.choices)

    def _domain_json(self) -> dict[str, Any]:
        return {"choices": [_json(value) for value in self.choices]}


def show(value: Any) -> str:
    """A parameter's value as text."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(str, value))}]"
    return str(value).removesuffix(".0")


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
