"""Makes Optuna's samplers from a space's specification."""

from __future__ import annotations

import importlib.util
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from fcsearch.errors import UsageError
from fcsearch.search.planning.bounded_tpe import BoundedTPESampler
from fcsearch.search.planning.cmaes_sampler import CmaEsSampler
from fcsearch.space import SamplerSpec

# Samplers whose suggestions do not depend on results: their trials may be asked for long before they are trained.
_BLIND = ("random", "grid", "qmc")


def learns(spec: SamplerSpec) -> bool:
    """Whether the sampler's suggestions depend on results."""
    return spec.name not in _BLIND


def make_sampler(spec: SamplerSpec, *, seed: int, trials_so_far: int = 0) -> BaseSampler:
    """Build the sampler.

    Args:
        spec: Which, with which options.
        seed: The run's seed.
        trials_so_far: Trials that the study already has. A sampler that continues must not repeat its first draws.

    Raises:
        UsageError: the sampler needs a package that is not installed.
    """
    with warnings.catch_warnings():
        # Users who name an experimental sampler need no warning.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _MAKERS[spec.name](dict(spec.options), seed, trials_so_far)


def _later_seed(seed: int, trials_so_far: int) -> int:
    if trials_so_far == 0:
        return seed
    return int(np.random.SeedSequence([seed, trials_so_far]).generate_state(1)[0])


def _tpe(options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    # The constant liar keeps the members of a pack apart, which are all asked for before the first result.
    tpe = optuna.samplers.TPESampler(**{"constant_liar": True, **options}, seed=_later_seed(seed, trials_so_far))
    return BoundedTPESampler(tpe)


class KeyedRandomSampler(BaseSampler):
    """Draws each value from the run's seed, the trial's number and the parameter's name.

    So a trial is the same however often the run was interrupted before it.

    Args:
        seed: The run's seed.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sampler = optuna.samplers.RandomSampler(seed=seed)
        # Private to Optuna. A new sampler for each value would have the same seed, and takes thrice as long.
        self._rng = getattr(getattr(self._sampler, "_rng", None), "rng", None)

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """No parameter is drawn together with others."""
        return {}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """No parameter is drawn together with others."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """One value, uniform in the distribution."""
        key = np.random.SeedSequence([self._seed, trial.number, zlib.crc32(param_name.encode())])
        seed = int(key.generate_state(1)[0])
        if isinstance(self._rng, np.random.RandomState):
            self._rng.seed(seed)
        else:
            self._sampler = optuna.samplers.RandomSampler(seed=seed)
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)


def _random(_options: dict[str, Any], seed: int, _trials_so_far: int) -> BaseSampler:
    return KeyedRandomSampler(seed)


def _qmc(options: dict[str, Any], seed: int, _trials_so_far: int) -> BaseSampler:
    # The sequence's place is kept in the study, and its seed must stay the same; only the first trial is random.
    return optuna.samplers.QMCSampler(
        **{"scramble": True, **options},
        seed=seed,
        independent_sampler=KeyedRandomSampler(seed),
        warn_independent_sampling=False,
    )


def _cmaes(options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    if importlib.util.find_spec("cmaes") is None:
        raise UsageError("the sampler cmaes needs the package cmaes; found none; run `pip install cmaes`")
    if not hasattr(optuna.samplers.CmaEsSampler, "_restore_optimizer"):
        raise UsageError(
            "the sampler cmaes needs the Optuna of constraints.txt; found another, whose state may run code"
        )
    return CmaEsSampler(**options, seed=_later_seed(seed, trials_so_far), warn_independent_sampling=False)


def _gp(options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    return optuna.samplers.GPSampler(**options, seed=_later_seed(seed, trials_so_far), warn_independent_sampling=False)


_MAKERS: dict[str, Callable[[dict[str, Any], int, int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    # The ledger enqueues the grid's points one by one; the sampler has nothing to choose.
    "grid": _random,
    "qmc": _qmc,
    "cmaes": _cmaes,
    "gp": _gp,
}
