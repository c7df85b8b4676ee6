"""A table of learning curves as something to search on: the nearest row, and what a search of it has to find."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from sklearn.ensemble import RandomForestRegressor

from fcsearch.config.objective import Objective
from fcsearch.space import SearchSpace
from fcsearch.space.parameters import Choices, Parameter, Range

Floats = npt.NDArray[np.float64]
# Every parameter weighs a little, and the epochs, on which the cost depends, a lot.
_LEAST, _EPOCHS = 0.02, 0.3


class CurveTable:
    """Configurations that were trained to their end.

    A search can only have what is in the table: a configuration that a sampler suggests is rounded to the nearest row
    that the search has not had. Nearness weighs each parameter by its importance to the final figure, as a random
    forest has it, so that rounding changes most what matters least.

    Args:
        path: What curves.py wrote.

    Attributes:
        space: What the rows were drawn from.
        configs: Of each row.
        values: Of each row, by parameter name, as `SearchSpace.suggest` gives them.
        curves: Of each row the validation figure by epoch.
        seconds: Of each row, for an epoch on one core.
    """

    def __init__(self, path: Path) -> None:
        table = pq.read_table(path)
        self.facts = json.loads(table.schema.metadata[b"curves"])
        self.space = SearchSpace.from_json(self.facts["space"])
        rows = table.to_pylist()
        # As they were before they became float32, and as replay.py keeps them.
        self.curves: list[list[float]] = [[round(value, 5) for value in row.pop("val")] for row in rows]
        self.seconds: list[float] = [row.pop("seconds") for row in rows]
        self.values = [self._values(row) for row in rows]
        self.configs = [self.space.trial_config(values, seed=0) for values in self.values]
        self._of_values = {_key(values): row for row, values in enumerate(self.values)}
        self._points = np.array([self._point(values) for values in self.values])

    def __len__(self) -> int:
        return len(self.curves)

    @property
    def objective(self) -> Objective:
        """What the figures are."""
        return self.space.known_objective

    def gain(self, row: int, epochs: int | None = None) -> float:
        """The best figure of the first so many epochs, as one of which more is better."""
        return max(map(self.objective.gain, self.curves[row][:epochs]), default=-math.inf)

    @functools.cached_property
    def best(self) -> float:
        """The best gain of all rows."""
        return max(map(self.gain, range(len(self))))

    def mean_seconds(self) -> float:
        """What a row takes to its end, on average."""
        return float(np.mean([len(curve) * seconds for curve, seconds in zip(self.curves, self.seconds, strict=True)]))

    def row(self, values: Mapping[str, Any]) -> int:
        """The row that has exactly these values."""
        return self._of_values[_key(values)]

    def nearest(self, values: Mapping[str, Any], used: npt.NDArray[np.bool_]) -> int:
        """The nearest row that is not among the used."""
        far = np.abs(self._points - self._point(values)) @ self._weights
        far[used] = math.inf
        return int(far.argmin())

    def _values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return self.space._fill(lambda parameter: row[parameter.name])

    @functools.cached_property
    def _weights(self) -> Floats:
        """The weight of each coordinate; those of one parameter share its importance."""
        finals = np.array([self.gain(row) for row in range(len(self))])
        # Ranks: a figure that ran away says no more than that it is the worst.
        ranks = finals.argsort().argsort() / len(finals)
        forest = RandomForestRegressor(200, min_samples_leaf=3, max_features=0.5, random_state=0)
        found: Floats = forest.fit(self._points, ranks).feature_importances_
        weights = np.zeros(len(found))
        for name in set(self._owners):
            mine = np.array(self._owners) == name
            weights[mine] = max(found[mine].sum(), _EPOCHS if name == "epochs" else _LEAST) / (
                2 if mine.sum() > 1 else 1
            )
        return weights

    @property
    def _owners(self) -> list[str]:
        """The parameter of each coordinate."""
        return [parameter.name for parameter in self._searched() for _ in _coordinates(parameter, None)]

    def _searched(self) -> list[Parameter]:
        return [parameter for parameter in self.space.parameters.values() if isinstance(parameter, (Range, Choices))]

    def _point(self, values: Mapping[str, Any]) -> list[float]:
        return [x for parameter in self._searched() for x in _coordinates(parameter, values.get(parameter.name))]


def _coordinates(parameter: Parameter, value: Any) -> list[float]:
    """A number in [0, 1] (-1 where it does not apply), or for words a coordinate each."""
    if isinstance(parameter, Range):
        if value is None:
            return [-1.0]
        low, high, x = (math.log(v) if parameter.log else float(v) for v in (parameter.low, parameter.high, value))
        return [(x - low) / (high - low)]
    assert isinstance(parameter, Choices)
    if isinstance(parameter.choices[0], str):
        return [float(choice == value) for choice in parameter.choices]
    if value is None:
        return [-1.0]
    return [parameter.choices.index(value) / max(1, len(parameter.choices) - 1)]


def _key(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(values.items()))
