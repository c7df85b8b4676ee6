"""Whether runs can be compared at all, and what differs between them beside their results."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from fcsearch.comparison.contestant import Contestant
from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError
from fcsearch.report.words import listing, plural
from fcsearch.space import Parameter, SearchSpace, describe_try, tries_in_short
from fcsearch.space.parameters import show
from fcsearch.space.tries import Try

_MACHINE = ("host", "processor", "cpus", "gpus")
_STATES = {"complete": "ended", "running": "still runs", "interrupted": "was interrupted", "failed": "failed"}
# Names of parameters in a sentence; the others are counted.
_MOST_NAMES = 5


@dataclass(frozen=True)
class Difference:
    """Something that the spaces of runs do not have in common.

    Attributes:
        name: A parameter, `sampler` or `early stopping`.
        values: What each run has, in words, as the runs were named.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One thing in which runs agree or differ.

    Attributes:
        subject: `data`, `state`, `start`, `space`, `seed` or `machine`.
        same: Whether they agree; None if some run does not say.
        needed: Whether runs that differ in it cannot be compared.
        sentence: It, for a person.
        differences: Of spaces, each by itself.
    """

    subject: str
    same: bool | None
    needed: bool
    sentence: str
    differences: tuple[Difference, ...] = ()


def checks_of(runs: Sequence[Contestant]) -> tuple[Check, ...]:
    """What agrees and what differs, the most important first; of states and starts only what is worth saying."""
    return (_data(runs), *_state(runs), *_start(runs), _space(runs), _seed(runs), _machine(runs))


def _data(runs: Sequence[Contestant]) -> Check:
    entries = {run.label: run.manifest.dataset for run in runs}
    prints = {label: entry.fingerprint if entry else None for label, entry in entries.items()}
    names = {label: (entry.name if entry else None) or "unknown" for label, entry in entries.items()}
    if unknown := [label for label, found in prints.items() if not found]:
        return Check("data", None, True, f"not known to be the same: {listing(unknown)} has no fingerprint of its data")
    if len(set(prints.values())) == 1:
        return Check("data", True, True, f"the same rows, split alike ({next(iter(names.values()))})")
    if len(set(names.values())) == 1:
        name = next(iter(names.values()))
        return Check("data", False, True, f"other rows of {name}, or split or prepared otherwise: {_each(prints)}")
    return Check("data", False, True, f"not the same: {_each(names)}")


def _state(runs: Sequence[Contestant]) -> Iterator[Check]:
    """Which runs are not complete: more trials may come, or never came, or were not trained to their end."""
    left = {run.label: sum(trial.unfinished for trial in run.trials) for run in runs}
    short = [
        f"{run.label} {_STATES[run.state]} after {len(run.trials) - left[run.label]} of "
        f"{run.manifest.planned or 'its'} trials{f', {left[run.label]} unfinished' if left[run.label] else ''}"
        for run in runs
        if run.state != "complete" or left[run.label]
    ]
    if short:
        yield Check("state", False, False, "; ".join(short))


def _start(runs: Sequence[Contestant]) -> Iterator[Check]:
    """Whether samplers were told of as many earlier trials: of those they learned before the first that counts."""
    told = {run.label: run.told for run in runs}
    if not any(told.values()):
        return
    known = [(found.run, found.used) if found else None for found in told.values()]
    if all(found == known[0] for found in known):
        yield Check("start", True, False, f"the same: their samplers were told {told_words(runs[0])}")
    else:
        words = [f"the sampler of {run.label} was told {told_words(run)}" for run in runs if run.told]
        yield Check("start", False, False, f"not the same: {'; '.join(words)}")


def told_words(run: Contestant) -> str:
    """Which earlier trials a run's sampler was told of."""
    if run.told is None:
        return "no earlier trials"
    return f"{plural(run.told.used, 'earlier trial')} of {PurePath(run.told.run).name}"


def _seed(runs: Sequence[Contestant]) -> Check:
    found = {run.label: run.manifest.seed for run in runs}
    if len(set(found.values())) == 1:
        same = f"the same ({next(iter(found.values()))}): equal networks start from equal weights"
        return Check("seed", True, False, same)
    return Check("seed", False, False, f"not the same: {_each(found)}")


def _machine(runs: Sequence[Contestant]) -> Check:
    found = [[run.manifest.machine.get(key) for key in _MACHINE] + [run.manifest.workers] for run in runs]
    if any(entry != found[0] for entry in found):
        return Check("machine", False, False, "not the same, or other workers: equal time compares those too")
    if not any(found[0]):
        return Check("machine", None, False, "not known to be the same: equal time may compare those too")
    return Check("machine", True, False, "the same, with as many workers")


def _space(runs: Sequence[Contestant]) -> Check:
    described = [_described(run.manifest.space or {}) for run in runs]
    first = iter(_first_words([tries for _, tries in described if tries is not None]))
    found = [words if tries is None else {**words, "comes first": next(first)} for words, tries in described]
    differences = tuple(_differences(found))
    if not differences:
        return Check("space", True, False, "the same")
    return Check("space", False, False, f"not the same: {_names(differences)}", differences)


def _names(differences: Sequence[Difference]) -> str:
    names = [difference.name for difference in differences]
    more = len(names) - _MOST_NAMES
    return listing([*names[:_MOST_NAMES], f"{more} more"] if more > 0 else names)


def _described(space: Mapping[str, Any]) -> tuple[dict[str, str], Sequence[Try] | None]:
    """What a space searches, as words by name, and the configurations that come first; None: not known."""
    try:
        read = SearchSpace.from_json(space)
    except SpaceError:
        # Of an earlier version, which is compared as it is written.
        return {name: str(value) for name, value in (space.get("parameters") or {}).items()}, None
    early = read.early_stopping
    words = {
        **{name: parameter.describe() + _when(parameter) for name, parameter in read.parameters.items()},
        "sampler": " ".join([read.sampler.name, *(f"{key}={value}" for key, value in read.sampler.options.items())]),
        "early stopping": f"from epoch {early.min_epochs}, 1 in {early.reduction_factor}" if early else "none",
    }
    return words, read.tries


def _first_words(lists: Sequence[Sequence[Try]]) -> list[str]:
    """What comes first in each run, in short; where different lists would look the same, with a value that differs."""
    words = [tries_in_short([*map(describe_try, tries)]) if tries else "nothing" for tries in lists]
    values = [
        {(number, name): show(value) for number, one in enumerate(tries, 1) for name, value in one.items()}
        for tries in lists
    ]
    for place in dict.fromkeys(itertools.chain(*values)):
        said = [_at(place, found, tries) for found, tries in zip(values, lists, strict=True)]
        alike = Counter(text for text, _ in {*zip(words, said, strict=True)})
        words = [text if alike[text] == 1 else f"{text}; {more}" for text, more in zip(words, said, strict=True)]
    return words


def _at(place: tuple[int, str], values: Mapping[tuple[int, str], str], tries: Sequence[Try]) -> str:
    """What the configuration of this number has for the parameter of this name, in words."""
    number, name = place
    has = f"with {name}={values[place]}" if place in values else f"without {name}"
    return has if len(tries) == 1 else f"number {number} {has}"


def _when(parameter: Parameter) -> str:
    conditions = [f"{item.parent} is {' or '.join(map(show, item.values))}" for item in parameter.when]
    return f" where {' and '.join(conditions)}" if conditions else ""


def _differences(found: Sequence[Mapping[str, str]]) -> Iterator[Difference]:
    for name in dict.fromkeys(name for described in found for name in described):
        values = tuple(described.get(name) or _not_searched(name) for described in found)
        if len(set(values)) > 1:
            yield Difference(name, values)


def _not_searched(name: str) -> str:
    """What a run had for a parameter that its space does not have: the default, unless layers are given another way."""
    if name not in HYPERPARAMETERS or name in ("hidden_dims", "depth", "hidden_dim"):
        return "not searched"
    return f"{show(HYPERPARAMETERS[name].default)}, not searched"


def _each(values: Mapping[str, object]) -> str:
    return ", ".join(f"{label} {value}" for label, value in values.items())
