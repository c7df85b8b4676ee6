"""How the intervals of a comparison were made, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fcsearch.comparison.contestant import Contestant
from fcsearch.comparison.intervals import RESAMPLES
from fcsearch.comparison.row_chance import RowChance
from fcsearch.comparison.standing import Section
from fcsearch.report.words import listing


def methods_of(sections: Sequence[Section], runs: Sequence[Contestant], chance: RowChance) -> Iterator[str]:
    """The methods of these sections, after they were made; each once."""
    bases = {section.basis: section for section in sections}
    if bases.keys() - {"seeds"}:
        yield (
            f"Intervals of the best: 95% of {RESAMPLES:,} resamplings of a run's trials. No resampling is better than "
            "the best trial that was seen, so the better end says little."
        )
    if "time" in bases and any(run.in_training(bases["time"].amount or 0.0) for run in runs):
        yield (
            "Of trials that were in training when the time was up, the best epochs by then count, but for those of a "
            "session that resumed the run."
        )
    if "seeds" in bases:
        yield from _over_seeds(bases["seeds"], [run for run in runs if run.confirmed])
    if sections:
        yield from chance.sentences()
    leads = [entry.lead for section in sections for entry in section.standings]
    if any(leads):
        yield "A tie: chance explains the difference."


def _over_seeds(section: Section, runs: Sequence[Contestant]) -> Iterator[str]:
    winners = [(run.label, run.confirmed) for run in runs if run.confirmed]
    if section.amount is None:
        yield "Intervals over seeds: 95% by Student's t. The winners do not have the same seeds."
    else:
        paired = any(entry.lead and entry.lead.paired for entry in section.standings)
        yield f"Intervals over seeds: 95% by Student's t{', differences taken seed by seed' if paired else ''}."
        shared = set.intersection(*(set(found.values) for _, found in winners))
        own = {run: [str(seed) for seed in sorted(set(found.values) - shared)] for run, found in winners}
        if left_out := [f"{listing(seeds)} of {run}" for run, seeds in own.items() if seeds]:
            yield f"Seeds that not every winner has are left out: {'; '.join(left_out)}."
    if lost := [f"{found.lost} of {run}" for run, found in winners if found.lost]:
        yield f"Trainings that diverged or failed are in no mean: {listing(lost)}."
