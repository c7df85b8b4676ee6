"""Whether runs can be compared at all, and what differs between them beside their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fcsearch.comparison.contestant import Contestant
from fcsearch.config import HYPERPARAMETERS
from fcsearch.errors import SpaceError
from fcsearch.report.words import listing
from fcsearch.space import Parameter, SearchSpace
from fcsearch.space.parameters import show

_MACHINE = ("host", "processor", "cpus", "gpus")


@dataclass(frozen=True)
class Check:
    """One thing in which runs agree or differ.

    Attributes:
        subject: `data`, `objective`, `space`, `seed` or `machine`.
        same: Whether they agree; None if some run does not say.
        needed: Whether runs that differ in it cannot be compared.
        sentence: It, for a person.
    """

    subject: str
    same: bool | None
    needed: bool
    sentence: str


def checks_of(runs: Sequence[Contestant]) -> tuple[Check, ...]:
    """What agrees and what differs, the most important first."""
    return (_data(runs), _objective(runs), _space(runs), _seed(runs), _machine(runs))


def _data(runs: Sequence[Contestant]) -> Check:
    entries = {run.label: run.manifest.dataset for run in runs}
    prints = {label: entry.fingerprint if entry else None for label, entry in entries.items()}
    names = {label: (entry.name if entry else None) or "unknown" for label, entry in entries.items()}
    if unknown := [label for label, found in prints.items() if not found]:
        return Check("data", None, True, f"not known to be the same: {listing(unknown)} has no fingerprint of its data")
    if len(set(prints.values())) == 1:
        return Check("data", True, True, f"the same rows, split alike ({next(iter(names.values()))})")
    return Check("data", False, True, f"other rows, or other splits: {_each(names, prints)}")


def _objective(runs: Sequence[Contestant]) -> Check:
    found = {run.label: run.objective.title for run in runs}
    same = len(set(found.values())) == 1
    return Check("objective", same, True, next(iter(found.values())) if same else f"not the same: {_each(found)}")


def _seed(runs: Sequence[Contestant]) -> Check:
    found = {run.label: run.manifest.seed for run in runs}
    if len(set(found.values())) == 1:
        return Check("seed", True, False, f"the same ({next(iter(found.values()))}): initial weights have the same key")
    return Check("seed", False, False, f"not the same: {_each(found)}")


def _machine(runs: Sequence[Contestant]) -> Check:
    found = [[run.manifest.machine.get(key) for key in _MACHINE] + [run.manifest.workers] for run in runs]
    if any(entry != found[0] for entry in found):
        return Check("machine", False, False, "not the same, or other workers: equal time compares those too")
    if not any(found[0]):
        return Check("machine", None, False, "not known to be the same: equal time may compare those too")
    return Check("machine", True, False, "the same, with as many workers")


def _space(runs: Sequence[Contestant]) -> Check:
    found = {run.label: _described(run.manifest.space or {}) for run in runs}
    differences = list(_differences(found))
    if differences:
        return Check("space", False, False, f"not the same: {'; '.join(differences)}")
    return Check("space", True, False, "the same")


def _described(space: Mapping[str, Any]) -> dict[str, str]:
    """What a space searches, as words by name."""
    try:
        read = SearchSpace.from_json(space)
    except SpaceError:
        # Of an earlier version, which is compared as it is written.
        return {name: str(value) for name, value in (space.get("parameters") or {}).items()}
    early = read.early_stopping
    return {
        **{name: parameter.describe() + _when(parameter) for name, parameter in read.parameters.items()},
        "sampler": " ".join([read.sampler.name, *(f"{key}={value}" for key, value in read.sampler.options.items())]),
        "early stopping": f"from epoch {early.min_epochs}, 1 in {early.reduction_factor}" if early else "none",
    }


def _when(parameter: Parameter) -> str:
    conditions = [f"{item.parent} is {' or '.join(map(show, item.values))}" for item in parameter.when]
    return f" where {' and '.join(conditions)}" if conditions else ""


def _differences(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for name in dict.fromkeys(name for described in found.values() for name in described):
        values = {label: described.get(name) or _not_searched(name) for label, described in found.items()}
        if len(set(values.values())) > 1:
            yield f"{name} ({_each(values)})"


def _not_searched(name: str) -> str:
    """What a run had for a parameter that its space does not have: the default, unless layers are given another way."""
    if name not in HYPERPARAMETERS or name in ("hidden_dims", "depth", "hidden_dim"):
        return "not searched"
    return f"{show(HYPERPARAMETERS[name].default)}, not searched"


def _each(values: Mapping[str, object], more: Mapping[str, object] | None = None) -> str:
    return " / ".join(f"{label}: {value}{f' {more[label]}' if more else ''}" for label, value in values.items())
