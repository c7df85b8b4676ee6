"""SMAC and DEHB, replayed on a table of learning curves: one training at a time on each worker.

Neither is among the packages that this project needs; whoever replays them installs `smac` and `dehb`.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol

import numpy as np
from curve_table import CurveTable
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from replayed_search import WORKERS, Course

_RUNGS = (3, 30)  # the least and the most epochs that they are told of


class Searcher(Protocol):
    """Suggests what to train, for how many epochs, and is told what came of it; less is better."""

    def ask(self) -> tuple[Any, Mapping[str, Any], float]:
        """What it calls the job, its values as Optuna stores them, and its epochs."""

    def tell(self, job: Any, cost: float) -> None:
        """A job came to its end."""


def replay_searcher(
    table: CurveTable, make: Callable[[Any, int, str], Searcher], *, seconds: float, seed: int
) -> Course:
    """Search the table for so many simulated seconds.

    What is suggested is rounded to a row that was not had; the same values mean the same row, which is trained on from
    where it was. Asking takes no simulated time.
    """
    used, rows, trained = np.zeros(len(table), dtype=bool), dict[Hashable, int](), dict[int, int]()
    times, gains = list[float](), list[float]()
    running: list[tuple[float, int, Any, int, int]] = []
    started = 0

    def start(now: float) -> None:
        nonlocal started
        job, values, epochs = searcher.ask()
        key = tuple(sorted(values.items()))
        if key not in rows:
            rows[key] = table.nearest(table.space.decode(values), used)
            used[rows[key]] = True
        row = rows[key]
        end = min(round(epochs), table.configs[row].epochs)
        more = max(1, end - trained.get(row, 0))
        heapq.heappush(running, (now + more * table.seconds[row], started, job, row, end))
        started += 1

    with tempfile.TemporaryDirectory() as folder:
        searcher = make(configuration_space(table.space.distributions()), seed, folder)
        for _ in range(WORKERS):
            start(0.0)
        while running:
            now, _, job, row, end = heapq.heappop(running)
            if now > seconds:
                break
            trained[row] = max(end, trained.get(row, 0))
            gain = table.gain(row, end)
            # One that diverged at once has no figure.
            searcher.tell(job, -gain if np.isfinite(gain) else 1e3)
            if not gains or gain > gains[-1]:
                times.append(now)
                gains.append(gain)
            if not used.all():
                start(now)
    return Course(tuple(times), tuple(gains), len(trained), 0.0)


def configuration_space(distributions: Mapping[str, BaseDistribution]) -> Any:
    """A ConfigSpace of Optuna's distributions; it leaves conditions out."""
    try:
        from ConfigSpace import ConfigurationSpace, Float, Integer, OrdinalHyperparameter
    except ModuleNotFoundError:
        raise SystemExit("SMAC and DEHB must be installed; found neither; run `pip install smac dehb`") from None

    space = ConfigurationSpace()
    for name, found in distributions.items():
        if isinstance(found, CategoricalDistribution):
            space.add(OrdinalHyperparameter(name, list(found.choices)))
        elif isinstance(found, IntDistribution):
            space.add(Integer(name, (found.low, found.high), log=found.log))
        elif isinstance(found, FloatDistribution):
            space.add(Float(name, (found.low, found.high), log=found.log))
    return space


class Smac:
    """SMAC's random forest over whole trainings, or with Hyperband over parts of them."""

    def __init__(self, space: Any, seed: int, folder: str, *, parts: bool) -> None:
        from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario

        facade = MultiFidelityFacade if parts else HyperparameterOptimizationFacade
        space.seed(seed)
        budgets = {"min_budget": _RUNGS[0], "max_budget": _RUNGS[1]} if parts else {}
        scenario = Scenario(space, deterministic=True, n_trials=10_000, seed=seed, output_directory=folder, **budgets)
        # It asks for what to call; it never calls it.
        self._smac = facade(
            scenario,
            lambda config, seed=0, budget=0: 0.0,  # noqa: ARG005
            initial_design=facade.get_initial_design(scenario, n_configs=10),
            logging_level=False,
            overwrite=True,
        )

    def ask(self) -> tuple[Any, Mapping[str, Any], float]:
        """See `Searcher`."""
        job = self._smac.ask()
        return job, _plain(job.config), job.budget or _RUNGS[1]

    def tell(self, job: Any, cost: float) -> None:
        """See `Searcher`."""
        from smac.runhistory.dataclasses import TrialValue

        self._smac.tell(job, TrialValue(cost))


class Dehb:
    """DEHB: differential evolution over Hyperband's brackets."""

    def __init__(self, space: Any, seed: int, folder: str) -> None:
        from dehb import DEHB

        low, high = _RUNGS
        self._dehb = DEHB(
            cs=space, min_fidelity=low, max_fidelity=high, eta=3, seed=seed, n_workers=1, output_path=folder,
            save_freq="end", log_level="ERROR",
        )  # fmt: skip

    def ask(self) -> tuple[Any, Mapping[str, Any], float]:
        """See `Searcher`."""
        job = self._dehb.ask()
        return job, _plain(job["config"]), job["fidelity"]

    def tell(self, job: Any, cost: float) -> None:
        """See `Searcher`."""
        self._dehb.tell(job, {"fitness": cost, "cost": job["fidelity"]})


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Values without NumPy's types."""
    return {name: getattr(value, "item", lambda value=value: value)() for name, value in dict(config).items()}
