"""Findings that do not contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fcsearch.report.judgement import Finding, Pull
from fcsearch.report.words import listing


@dataclass(frozen=True)
class Evidence:
    """One thing that a run showed, before it is compared with the others.

    Attributes:
        kind: As in `Finding`.
        fact: The fact, without a full stop.
        advice: What to do, a clause about `{parameters}`: those that nothing else pulls in the other direction.
        pulls: The changes that the advice, or the fact itself, suggests.
        holds: Changes that it does not suggest, but whose opposite it speaks against.
    """

    kind: str
    fact: str
    advice: str = ""
    pulls: tuple[Pull, ...] = ()
    holds: tuple[Pull, ...] = ()


# Facts that are of interest for their advice alone.
_ONLY_ADVICE = ("edge", "last_epoch", "early_epoch")


def torn_parameters(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """The parameters that evidence pulls both ways."""
    directions: dict[str, set[str]] = defaultdict(set)
    for piece in evidence:
        for pull in (*piece.pulls, *piece.holds):
            directions[pull.parameter].add(pull.direction)
    return tuple(name for name, found in directions.items() if len(found) > 1)


def resolve(evidence: Sequence[Evidence]) -> Iterator[Finding]:
    """Turn evidence into findings.

    There is no advice on a parameter that evidence pulls both ways. What would say nothing else is left out.
    """
    torn = torn_parameters(evidence)
    for piece in evidence:
        pulls = tuple(pull for pull in piece.pulls if pull.parameter not in torn)
        names = listing([pull.parameter for pull in pulls], last="or")
        if piece.kind in _ONLY_ADVICE and not pulls:
            continue
        advice = f": {piece.advice.format(parameters=names)}" if piece.advice and pulls else ""
        yield Finding(piece.kind, f"{piece.fact}{advice}.", pulls)
