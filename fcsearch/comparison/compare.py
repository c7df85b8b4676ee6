"""Compares runs, from their directories alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fcsearch.comparison.comparable import Check, checks_of
from fcsearch.comparison.contestant import Contestant, read_contestant
from fcsearch.comparison.standing import Section, by_seeds, by_trials
from fcsearch.errors import UsageError


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
    """

    runs: tuple[str, ...]
    objective: str
    comparable: bool
    checks: tuple[Check, ...]
    sections: tuple[Section, ...]

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
    return Comparison(
        runs=tuple(run.label for run in runs),
        objective=runs[0].objective.name,
        comparable=comparable,
        checks=checks,
        sections=tuple(_sections([run for run in runs if run.objective == runs[0].objective], comparable=comparable)),
    )


def _sections(runs: Sequence[Contestant], *, comparable: bool) -> list[Section]:
    objective = runs[0].objective
    sections = []
    if count := min(len(run.trials) for run in runs):
        first = {run.label: run.trials[:count] for run in runs}
        sections.append(by_trials("trials", count, first, objective, comparable=comparable))
        times = [run.seconds for run in runs]
        if None not in times:
            least = min(seconds for seconds in times if seconds is not None)
            inside = {run.label: run.within(least) for run in runs}
            sections.append(by_trials("time", least, inside, objective, comparable=comparable))
    confirmed = by_seeds(runs, objective, comparable=comparable)
    return [*sections, *([confirmed] if confirmed else [])]
