"""How far the best result of a search can be trusted, and what it suggests: the part of a report that judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fcsearch.report.words import capitalised
from fcsearch.results.arrow import Row


@dataclass(frozen=True)
class Pull:
    """A parameter that a finding suggests to make larger (`up`) or smaller (`down`)."""

    parameter: str
    direction: Literal["up", "down"]


@dataclass(frozen=True)
class Finding:
    """One thing that a run showed.

    Attributes:
        kind: Its kind, such as `edge` or `overfit`.
        sentence: The finding, and what to do about it, in words.
        pulls: The changes that it suggests. No two findings of a run pull one parameter in two directions.
    """

    kind: str
    sentence: str
    pulls: tuple[Pull, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """That chance explains the lead of a search's best network over the baseline in the objective.

    Attributes:
        claim: As in `verdict`: NOTHING, for any network, NOT_SHOWN, for the best of so many trials, or RANKING_ALONE.
        reason: A clause with the figures.
        so_far: Whether more trials, or the test rows, may still show a lead.
        by_objective: With RANKING_ALONE what is claimed by the objective; else None.
    """

    claim: str
    reason: str
    so_far: bool = False
    by_objective: str | None = None

    @property
    def words(self) -> str:
        """The claim as a clause."""
        return f"so far {self.claim}" if self.so_far else self.claim

    @property
    def beginning(self) -> str:
        """It as the beginning of a sentence, which the reason continues after a colon."""
        return capitalised(self.words)

    def __str__(self) -> str:
        return f"{self.beginning}: {self.reason}"


@dataclass(frozen=True)
class Caution:
    """What must be known of the chosen network, and what to use in its place.

    Attributes:
        sentence: It in words. It names no path, so that a model card can have it.
        forbids: Whether the network is not to be used.
        model: Then the model of the run to use: `ensemble` or `refit`; None if there is none.
        seed: Then, without such a model, the seed to train the network's configuration with.
    """

    sentence: str
    forbids: bool = False
    model: str | None = None
    seed: int | None = None

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Trust:
    """How far the best result can be trusted.

    Attributes:
        standard_error: That of the objective's best value, from the validation rows alone; with folds, over the folds.
        within: Trials whose value is within one standard error of the best, including the best.
        smallest: The row of the one of them with the fewest parameters.
        verdict: As in `Opening`, to be said first; None otherwise.
        findings: Everything else.
        caution: Without a verdict, what must be known first of the network; None if nothing is.
        winner_error: As `standard_error`, of the value of the network that the report is about.
        torn: Parameters that the evidence pulls both ways, so that there is no advice on them.
        remedies: What to change in the space before all else: one `KEY=VALUE` or more for each search to try.
    """

    standard_error: float | None
    within: int
    smallest: Row | None
    verdict: Verdict | None
    findings: tuple[Finding, ...]
    caution: Caution | None = None
    winner_error: float | None = None
    torn: tuple[str, ...] = ()
    remedies: tuple[tuple[str, ...], ...] = ()

    @property
    def recommends(self) -> bool:
        """Whether the chosen network may be called the winner: it shows a lead, as far as is known."""
        return self.verdict is None and not (self.caution and self.caution.forbids)

    @property
    def remarks(self) -> tuple[str, ...]:
        """The findings as sentences."""
        return tuple(finding.sentence for finding in self.findings)
