"""Optuna's samplers, made from what a space says."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from fcsearch.errors import UsageError
from fcsearch.space import SamplerSpec

# Samplers that suggest the same whatever the results are: their trials may be asked for long before they are trained.
_BLIND = ("random", "grid", "qmc")


def learns(spec: SamplerSpec) -> bool:
    """Whether the sampler's suggestions depend on results."""
    return spec.name not in _BLIND


def make_sampler(spec: SamplerSpec, *, seed: int, trials_so_far: int = 0) -> BaseSampler:
    """Build the sampler.

    Args:
        spec: Which, with which options.
        seed: The run's seed.
        trials_so_far: Trials that the study has already. A sampler that goes on must not draw the numbers of its start
            again.

    Raises:
        UsageError: the sampler needs a package that is not installed.
    """
    with warnings.catch_warnings():
        # Whoever asks for a sampler by name has made up his mind.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _MAKERS[spec.name](dict(spec.options), seed, trials_so_far)


def _later_seed(seed: int, trials_so_far: int) -> int:
    if trials_so_far == 0:
        return seed
    return int(np.random.SeedSequence([seed, trials_so_far]).generate_state(1)[0])


def _tpe(options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    # The liar keeps the members of a pack, which are all asked for before the first result, apart from each other.
    return optuna.samplers.TPESampler(**{"constant_liar": True, **options}, seed=_later_seed(seed, trials_so_far))


def _random(_options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    return optuna.samplers.RandomSampler(seed=_later_seed(seed, trials_so_far))


def _qmc(options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    # The sequence's place is kept in the study, and its seed must stay the same; only the first trial is random.
    independent = optuna.samplers.RandomSampler(seed=_later_seed(seed, trials_so_far))
    return optuna.samplers.QMCSampler(
        **{"scramble": True, **options}, seed=seed, independent_sampler=independent, warn_independent_sampling=False
    )


def _cmaes(options: dict[str, Any], seed: int, trials_so_far: int) -> BaseSampler:
    if importlib.util.find_spec("cmaes") is None:
        raise UsageError("the sampler cmaes needs the package cmaes; found none; run `pip install cmaes`")
    return optuna.samplers.CmaEsSampler(
        **options, seed=_later_seed(seed, trials_so_far), warn_independent_sampling=False
    )


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
