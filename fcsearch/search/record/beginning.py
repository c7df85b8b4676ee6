"""What a search starts with: trials of an earlier run for the sampler, and configurations that come first."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from fcsearch.config.states import UNFINISHED
from fcsearch.errors import UsageError
from fcsearch.results import RunDirectory, objective_of
from fcsearch.results.records import row_config
from fcsearch.search.options import SearchOptions
from fcsearch.space import SearchSpace, read_try_options

# These samplers learn from every trial of their study, also from trials that they did not suggest.
_SAMPLERS_THAT_READ = ("tpe", "gp")
# The user attribute by which a study's trials that are not trials of its run are known.
OBSERVATION = "fcsearch_observation"


@dataclass(frozen=True)
class Beginning:
    """What a study holds before the first trial is asked for.

    Attributes:
        observations: Trials of an earlier run.
        left_out: How many of its trials with a result lie outside the space.
        tries: Values of the configurations that come first; the sampler chooses what they do not name.
        tried: Those of the space's `tries` that an observation which is not unfinished has in full.
    """

    observations: tuple[FrozenTrial, ...] = ()
    left_out: int = 0
    tries: tuple[Mapping[str, Any], ...] = ()
    tried: tuple[Mapping[str, Any], ...] = ()

    def seed_after(self, seed: int) -> int:
        """The seed of a sampler that was told the observations, for a run of this seed: another one for others."""
        told = repr([sorted(trial.params.items()) for trial in self.observations])
        return int(np.random.SeedSequence([seed, zlib.crc32(told.encode())]).generate_state(1)[0])


def read_beginning(space: SearchSpace, options: SearchOptions, *, trials: int, fingerprint: str) -> Beginning:
    """Read what the options ask a search to begin with.

    Args:
        space: What is searched, for the task of its dataset.
        options: What the user asks for.
        trials: How many trials the run is to have.
        fingerprint: Of the dataset.

    Raises:
        UsageError: configurations outside the space, an earlier run on other rows or by another objective, or a sampler
            that has no use for it.
    """
    tries = check_beginning(space, options, trials=trials)
    if options.start_from is None:
        return Beginning(tries=tries)
    run = RunDirectory.open(Path(options.start_from))
    _require_alike(run, space, fingerprint)
    rows = [row for row in run.trials().to_pylist() if row["state"] != "failed"]
    last = _last_values(run, space.known_objective.column)
    kinds = space.distributions()
    located = [(row, values) for row in rows if (values := space.locate(row_config(row))) is not None]
    known = [_observation(row, values, run, space, kinds, last.get(row["trial_id"])) for row, values in located]
    ended = [values for row, values in located if row["state"] != UNFINISHED]
    tried = [one for one in space.tries if any(one.items() <= values.items() for values in ended)]
    return Beginning(tuple(known), len(rows) - len(known), tries, tuple(tried))


def check_beginning(space: SearchSpace, options: SearchOptions, *, trials: int) -> tuple[Mapping[str, Any], ...]:
    """The configurations that come first, after a check of what needs no data; errors as `read_beginning`."""
    sampler = space.sampler.name
    if options.start_from is not None and sampler not in _SAMPLERS_THAT_READ:
        raise UsageError(
            f"--from needs a sampler that learns from earlier trials, {' or '.join(_SAMPLERS_THAT_READ)}; found the "
            f"sampler {sampler}; choose one with --set sampler=tpe, or leave --from out"
        )
    if options.tries and sampler == "grid":
        raise UsageError("--try needs a sampler that takes other configurations; a grid has its own; leave one out")
    tries = read_try_options(options.tries, space.parameters)
    if len(tries) > trials:
        raise UsageError(f"--try must name at most as many configurations as there are trials, {trials}; found more")
    # Those for which there are no trials wait for a resume with more.
    return (*tries, *space.tries)


def _require_alike(run: RunDirectory, space: SearchSpace, fingerprint: str) -> None:
    described = run.manifest().dataset
    theirs = described.fingerprint if described else None
    if theirs != fingerprint:
        raise UsageError(
            f"--from must name a run on the same rows, with the same split: other figures are not comparable; found "
            f"{run.path}, on {theirs or 'unknown data'} and not {fingerprint}; leave --from out"
        )
    trials = run.trials()
    found, ours = objective_of(trials), space.known_objective
    if len(trials) and found != ours:
        raise UsageError(
            f"--from must name a run with the same objective, {ours.name}; found {run.path}, with {found.name}; leave "
            f"--from out, or add --set objective={found.name}"
        )


def _observation(
    row: Mapping[str, Any],
    values: Mapping[str, Any],
    run: RunDirectory,
    space: SearchSpace,
    kinds: Mapping[str, BaseDistribution],
    last: tuple[int, float] | None,
) -> FrozenTrial:
    """A trial, of these values, as Optuna was told of it in its own run."""
    params = space.encode(values)
    complete = row["state"] == "complete"
    return create_trial(
        state=TrialState.COMPLETE if complete else TrialState.PRUNED,
        # Of a trial that was stopped Optuna keeps the last value as its own.
        value=row[space.known_objective.column] if complete else last and last[1],
        params=params,
        distributions={name: kinds[name] for name in params},
        intermediate_values={last[0]: last[1]} if last and not complete else {},
        user_attrs={OBSERVATION: {"run": run.path.name, "trial_id": row["trial_id"]}},
    )


def _last_values(run: RunDirectory, column: str) -> dict[int, tuple[int, float]]:
    """Of each trial the last epoch with a figure, and that figure."""
    last: dict[int, tuple[int, float]] = {}
    # Sorted by trial and epoch.
    for row in run.epochs().select(["trial_id", "epoch", column]).to_pylist():
        if row[column] is not None:
            last[row["trial_id"]] = (row["epoch"], row[column])
    return last
