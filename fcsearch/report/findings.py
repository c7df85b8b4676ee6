"""Findings that do not contradict each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fcsearch.report.model import Finding, Pull
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


def resolve(evidence: Iterable[Evidence]) -> Iterator[Finding]:
    """Turn evidence into findings.

    If evidence pulls a parameter both ways, there is no advice on it: the facts stay, and a last finding says so.
    """
    known = list(evidence)
    directions: dict[str, set[str]] = defaultdict(set)
    for piece in known:
        for pull in (*piece.pulls, *piece.holds):
            directions[pull.parameter].add(pull.direction)
    torn = [name for name, found in directions.items() if len(found) > 1]
    for piece in known:
        pulls = tuple(pull for pull in piece.pulls if pull.parameter not in torn)
        names = listing([pull.parameter for pull in pulls], last="or")
        advice = f": {piece.advice.format(parameters=names)}" if piece.advice and pulls else ""
        yield Finding(piece.kind, f"{piece.fact}{advice}.", pulls)
    if torn:
        sentence = f"The evidence on {listing(torn)} points both ways, so there is no advice on it."
        yield Finding("torn", sentence, torn=tuple(torn))
