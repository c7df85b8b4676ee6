"""Compares runs, from their directories alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from fcsearch.comparison.comparable import Check, checks_of
from fcsearch.comparison.contestant import Contestant, gains, read_contestant
from fcsearch.comparison.methods import methods_of
from fcsearch.comparison.rankings import by_seeds, by_trials
from fcsearch.comparison.row_chance import RowChance
from fcsearch.comparison.standing import Section
from fcsearch.errors import UsageError


@dataclass(frozen=True)
class Step:
    """A new best of a run, or its last trial.

    Attributes:
        trials: How many trials were done by then.
        seconds: Of the run's work; None if the run does not say.
        value: The best objective so far.
    """

    trials: int
    seconds: float | None
    value: float


@dataclass(frozen=True)
class Course:
    """How the best of a run rose, or fell where less is better, in the order in which its trials were asked for."""

    run: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class HeadStart:
    """What a run's sampler knew before its first trial, and another run's did not.

    Attributes:
        run: The label of the run.
        told: How many trials of an earlier run its sampler was told.
        of: The name of that run.
    """

    run: str
    told: int
    of: str


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        runs: Their labels, as they were named.
        objective: What their searches went by: a key of OBJECTIVES.
        comparable: Whether their figures are of the same rows.
        checks: What agrees and what differs.
        head_starts: Of the runs that did not start alike.
        sections: The runs at equal trials, in equal time and over seeds, as far as they say.
        courses: How each run came by its best.
        unconfirmed: The runs that have a result, and no figure over several seeds.
        methods: How the intervals were made, and what is not in them: a sentence or two each.
    """

    runs: tuple[str, ...]
    objective: str
    comparable: bool
    checks: tuple[Check, ...]
    head_starts: tuple[HeadStart, ...]
    sections: tuple[Section, ...]
    courses: tuple[Course, ...]
    unconfirmed: tuple[str, ...]
    methods: tuple[str, ...]


def compare_runs(paths: Sequence[Path]) -> Comparison:
    """Compare runs.

    Args:
        paths: At least two run directories, each once.

    Raises:
        UsageError: one run, or one twice; or runs that went by different objectives.
        RunError: one that is missing or damaged.
    """
    if len({path.resolve() for path in paths}) < max(2, len(paths)):
        named = ", ".join(map(str, paths))
        raise UsageError(f"a comparison needs at least two runs, each named once; found {named}")
    runs = [read_contestant(path) for path in paths]
    if len({run.objective for run in runs}) > 1:
        found = ", ".join(f"{run.objective.title} ({run.label})" for run in runs)
        raise UsageError(f"runs must have one objective to be compared; found {found}; name runs that share one")
    checks, chance = checks_of(runs), RowChance(runs)
    comparable = all(check.same for check in checks if check.needed)
    sections = _sections(runs, chance, comparable=comparable)
    return Comparison(
        runs=tuple(run.label for run in runs),
        objective=runs[0].objective.name,
        comparable=comparable,
        checks=checks,
        head_starts=tuple(_head_starts(runs, checks)),
        sections=tuple(sections),
        courses=tuple(Course(run.label, tuple(_steps(run))) for run in runs),
        unconfirmed=tuple(
            run.label for run in runs if run.confirmed is None and gains(run.trials).max(initial=-math.inf) > -math.inf
        ),
        methods=tuple(methods_of(sections, runs, chance)),
    )


def _head_starts(runs: Sequence[Contestant], checks: Sequence[Check]) -> Iterator[HeadStart]:
    if any(check.subject == "start" and not check.same for check in checks):
        for run in runs:
            if run.told:
                yield HeadStart(run.label, run.told.used, PurePath(run.told.run).name)


def _steps(run: Contestant) -> Iterator[Step]:
    best, seconds = -math.inf, 0.0
    for number, trial in enumerate(run.trials, start=1):
        seconds = max(seconds, trial.seconds or 0.0)
        if trial.gain > best or (number == len(run.trials) and best > -math.inf):
            best = max(best, trial.gain)
            yield Step(number, seconds if trial.seconds is not None else None, run.objective.gain(best))


def _sections(runs: Sequence[Contestant], chance: RowChance, *, comparable: bool) -> list[Section]:
    objective, found = runs[0].objective, []
    if count := min(len(run.trials) for run in runs):
        first = {run.label: run.trials[:count] for run in runs}
        found.append(by_trials("trials", count, first, objective, chance, comparable=comparable))
        times = [run.seconds for run in runs]
        if None not in times:
            least = min(seconds for seconds in times if seconds is not None)
            inside = {run.label: run.within(least) for run in runs}
            found.append(by_trials("time", least, inside, objective, chance, comparable=comparable))
    found.append(by_seeds(runs, objective, chance, comparable=comparable))
    return [section for section in found if section]
