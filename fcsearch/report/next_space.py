"""What to try next, as a space file: the run's space with the advice of the report applied."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.errors import SpaceError
from fcsearch.report.judgement import Verdict
from fcsearch.report.model import Report
from fcsearch.report.moves import Change, add_regulariser, lower, lower_rates, move, narrow
from fcsearch.report.words import plural, value_text
from fcsearch.space import SearchSpace
from fcsearch.space.written import space_file

# The good trials: this fraction of those with a result, and at least this many.
_GOOD_SHARE = 0.25
_FEWEST_GOOD = 6
# And so many trials, to find a learning rate with which a network learns.
_FEWEST_RATES = 5
_RATE = "learning_rate"
NEXT_SPACE = "next_space.yaml"
# These samplers learn from earlier trials.
_LEARN_FROM_OTHERS = ("tpe", "gp")
_OBSERVED = ("With --from the sampler knows the trials of that run, as far as they lie inside this space.",)
_REGULARISERS = ("dropout", "reg")

Row = Mapping[str, Any]


def next_space(report: Report, space: SearchSpace, ranked: Sequence[Row]) -> str | None:
    """The text of a space file: the run's space with the report's advice applied, and a comment on each change.

    A parameter that a finding pulls is widened at that end, or narrowed to where the good trials lie on that side, and
    never moved the other way. One that the findings pull both ways is not changed. Any other is narrowed to where the
    good trials lie, if it is known to have mattered. The values of the best network, and of the smallest one that is
    about as good, stay inside.

    Args:
        report: The run's report.
        space: The run's space.
        ranked: The rows of the trials with a result, best first.

    Returns:
        None if nothing is advised: no trial has a result, or no change follows. Where nothing was learned, the space
        as it was with the first of the remedies.
    """
    if report.best is None:
        return None
    if (verdict := report.trust.verdict) is not None:
        return _remedied(report, verdict, space)
    changed, made = space, []
    for change in _changes(report, space, ranked):
        try:
            changed = changed.changed([f"parameters.{change.parameter}={change.override}"])
        except SpaceError:
            # Such as dropout for a network without a hidden layer.
            continue
        made.append(change)
    if not made:
        return None
    changed = replace(_whole(changed, space), tries=())
    comments = {change.parameter: change.why for change in made if change.parameter in changed.parameters}
    return space_file(changed, head=_head(report, tried=bool(space.tries)), comments=comments)


def lower_space(report: Report, space: SearchSpace) -> str | None:
    """The text of `with_lower_rates` for a run's space, with a comment that says why; None where there is none."""
    least = report.work.diverged_from
    changed = with_lower_rates(space, least)
    if changed is None:
        return None
    why = f"All {report.work.done:,} trials" if report.work.done > 1 else "The trial"
    why += f" diverged, with learning rates down to {value_text(least, 3)}."
    head = [
        f"What to try next: in the run {report.name} no trial has a result.",
        "The space as it was, with lower learning rates.",
        "",
        shlex.join(next_command(report)),
    ]
    return space_file(changed, head=head, comments={_RATE: why})


def with_lower_rates(space: SearchSpace, least: float | None) -> SearchSpace | None:
    """The space with lower learning rates than were tried.

    Args:
        space: The run's space.
        least: The least learning rate that was tried, if all trials diverged.

    Returns:
        None if not all diverged, lower rates hardly learn, or the space cannot have them, such as one with conditions
        on the learning rate.
    """
    rates = None if least is None else lower_rates(least)
    if rates is None:
        return None
    in_grid = space.sampler.name == "grid"
    entry = lower(space.parameters.get(_RATE), rates, in_grid=in_grid)
    try:
        changed = space.changed([f"parameters.{_RATE}={json.dumps(entry)}"])
    except SpaceError:
        return None
    changed = _whole(changed, space)
    # A single trial was enough where all was constant.
    fewest = min(_FEWEST_RATES, len(changed.grid())) if in_grid else _FEWEST_RATES
    return replace(changed, trials=max(changed.trials, fewest))


def _whole(changed: SearchSpace, space: SearchSpace) -> SearchSpace:
    """The changed space, with all of its grid where all of it was searched before."""
    if space.sampler.name == "grid" and space.trials == len(space.grid()):
        return replace(changed, trials=len(changed.grid()))
    return changed


def _remedied(report: Report, verdict: Verdict, space: SearchSpace) -> str | None:
    """The space as it was with the first of the remedies, all of which it accepts; None if there is none."""
    if not report.trust.remedies:
        return None
    changes = report.trust.remedies[0]
    head = [
        f"What to try next: in the run {report.name}, {verdict.claim}.",
        f"The space as it was, with {' and '.join(changes)}.",
        "",
        shlex.join(next_command(report)),
    ]
    return space_file(space.changed(changes), head=head, comments={})


def next_command(report: Report) -> list[str]:
    """The command that searches the next space of a run; samplers that learn are given its trials.

    Where nothing was learned that space has another objective or loss, by which no figure of the run is comparable.
    """
    learns = report.sampler in _LEARN_FROM_OTHERS and report.best is not None and report.trust.verdict is None
    earlier = ["--from", report.path] if learns else []
    return ["fcsearch", "run", str(Path(report.path) / NEXT_SPACE), *earlier, *report.run_options]


def _head(report: Report, *, tried: bool) -> list[str]:
    best, objective = report.best, OBJECTIVES[report.objective]
    assert best is not None
    value = objective.show(best.row[objective.column])
    return [
        f"What to try next, from {plural(report.work.done, 'trial')} of the run {report.name}.",
        f"Its best network, trial {best.row['trial_id']}, has a validation {objective.title} of {value}.",
        "",
        shlex.join(next_command(report)),
        "",
        *(_OBSERVED if report.sampler in _LEARN_FROM_OTHERS else ()),
        *(["The configurations that came first in that run are left out: they have been tried."] if tried else []),
        "Each change says why; parameters without a comment are as they were.",
    ]


def _changes(report: Report, space: SearchSpace, ranked: Sequence[Row]) -> Iterator[Change]:
    good = _good(report, ranked)
    best = good[0]
    pulled, torn = _pulls(report), report.trust.torn
    for name, (direction, kinds, why) in pulled.items():
        if name in space.parameters:
            change = move(space.parameters[name], direction, [row[name] for row in good], kinds=kinds, why=why)
        else:
            change = add_regulariser(name, best[name], why) if name in _REGULARISERS and direction == "up" else None
        if change is not None:
            yield change
    # With few trials, a narrow band of good ones may be chance.
    if len(good) < _FEWEST_GOOD:
        return
    importances = {effect.parameter: effect.importance for effect in report.effects}
    for name, parameter in space.parameters.items():
        importance = importances.get(name)
        if name not in pulled and name not in torn and importance is not None and importance.low > 0:
            change = narrow(parameter, [row[name] for row in good], [row[name] for row in ranked])
            if change is not None:
                yield change


def _good(report: Report, ranked: Sequence[Row]) -> list[Row]:
    """The network that the report is about, then the best trials and the smallest that is about as good."""
    assert report.best is not None
    count = round(_GOOD_SHARE * len(ranked))
    smallest = [report.trust.smallest] if report.trust.smallest else []
    found: dict[int, Row] = {}
    for row in (report.best.row, *ranked[:count], *smallest):
        found.setdefault(row["trial_id"], row)
    return list(found.values())


def _pulls(report: Report) -> dict[str, tuple[str, set[str], str]]:
    """Which way each parameter is pulled, by which kinds of findings, and why."""
    directions: dict[str, str] = {}
    kinds: dict[str, set[str]] = defaultdict(set)
    why: dict[str, list[str]] = defaultdict(list)
    for finding in report.trust.findings:
        for pull in finding.pulls:
            directions[pull.parameter] = pull.direction
            kinds[pull.parameter].add(finding.kind)
            why[pull.parameter].append(finding.sentence)
    return {name: (direction, kinds[name], " ".join(why[name])) for name, direction in directions.items()}
