"""Compares runs, from their directories alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcsearch.comparison.comparable import Check, checks_of
from fcsearch.comparison.contestant import Contestant, read_contestant
from fcsearch.comparison.standing import Section, by_seeds, by_trials
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
class Comparison:
    """Runs side by side.

    Attributes:
        runs: Their labels, as they were named.
        objective: What the first run's search went by: a key of OBJECTIVES.
        comparable: Whether their figures are of the same thing: the same rows, by the same objective.
        checks: What agrees and what differs.
        sections: The runs at equal trials, in equal time and over seeds, as far as they say. A run that goes by another
            objective than the first is in none.
        courses: Of the runs that go by the first one's objective.
    """

    runs: tuple[str, ...]
    objective: str
    comparable: bool
    checks: tuple[Check, ...]
    sections: tuple[Section, ...]
    courses: tuple[Course, ...]

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The runs that have no figure over several seeds."""
        confirmed = {entry.run for section in self.sections if section.basis == "seeds" for entry in section.standings}
        return tuple(run for run in self.runs if run not in confirmed)


def compare_runs(paths: Sequence[Path]) -> Comparison:
    """Compare runs.

    Args:
        paths: At least two run directories, each once.

    Raises:
        UsageError: one run, or one twice.
        RunError: one that is missing or damaged.
    """
    if len({path.resolve() for path in paths}) < max(2, len(paths)):
        named = ", ".join(map(str, paths))
        raise UsageError(f"a comparison needs at least two runs, each named once; found {named}")
    runs = [read_contestant(path) for path in paths]
    checks = checks_of(runs)
    comparable = all(check.same for check in checks if check.needed)
    alike = [run for run in runs if run.objective == runs[0].objective]
    return Comparison(
        runs=tuple(run.label for run in runs),
        objective=runs[0].objective.name,
        comparable=comparable,
        checks=checks,
        sections=tuple(_sections(alike, comparable=comparable)),
        courses=tuple(Course(run.label, tuple(_steps(run))) for run in alike),
    )


def _steps(run: Contestant) -> Iterator[Step]:
    best, seconds = -math.inf, 0.0
    for number, trial in enumerate(run.trials, start=1):
        seconds = max(seconds, trial.seconds or 0.0)
        if trial.gain > best or (number == len(run.trials) and best > -math.inf):
            best = max(best, trial.gain)
            yield Step(number, seconds if trial.seconds is not None else None, run.objective.gain(best))


def _sections(runs: Sequence[Contestant], *, comparable: bool) -> list[Section]:
    objective = runs[0].objective
    sections = []
    if count := min(len(run.trials) for run in runs):
        first = {run.label: run.trials[:count] for run in runs}
        rows = runs[0].rows if comparable else None
        sections.append(by_trials("trials", count, first, objective, comparable=comparable, rows=rows))
        times = [run.seconds for run in runs]
        if None not in times:
            least = min(seconds for seconds in times if seconds is not None)
            inside = {run.label: run.within(least) for run in runs}
            sections.append(by_trials("time", least, inside, objective, comparable=comparable, rows=rows))
    confirmed = by_seeds(runs, objective, comparable=comparable)
    return [*sections, *([confirmed] if confirmed else [])]
