"""Tables of a comparison, as text for a terminal or a page: titles, columns, cells, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fcsearch.comparison.compare import Comparison
from fcsearch.comparison.standing import Margin, Section
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.report.words import duration, plural


def section_title(section: Section) -> str:
    """What the runs are compared by."""
    if section.basis == "trials":
        return f"After {plural(int(section.amount or 0), 'trial')} each"
    if section.basis == "time":
        return f"After {duration(section.amount or 0.0)} each"
    return "Winners over other seeds"


def section_columns(section: Section, *, comparable: bool) -> list[str]:
    """The heads of a section's table."""
    over_seeds = section.basis == "seeds"
    counted, value = ("seeds", "mean") if over_seeds else ("trials", "best")
    return ["run", counted, "trial", value, "95% interval", *(["behind", "95%", ""] if comparable else [])]


def section_rows(section: Section, found: Comparison, labels: Mapping[str, str]) -> list[list[str]]:
    """The cells of a section's table, the best run first."""
    objective = OBJECTIVES[found.objective]
    rows = []
    for number, entry in enumerate(section.standings):
        cells = [labels[entry.run], f"{entry.trials:,}", "-" if entry.trial_id is None else str(entry.trial_id)]
        interval = "-" if entry.low is None else f"{objective.show(entry.low)} to {objective.show(entry.high)}"
        cells += [objective.show(entry.value), interval]
        if found.comparable:
            cells += _lead_cells(entry.lead, objective, leads=number == 0 and entry.value is not None)
        rows.append(cells)
    return rows


def relabelled(sentence: str, labels: Mapping[str, str]) -> str:
    """The sentence with the runs called by their labels."""
    for run in sorted(labels, key=len, reverse=True):
        sentence = sentence.replace(run, labels[run])
    return sentence


def short_labels(runs: Sequence[str]) -> dict[str, str]:
    """The runs by as much of the ends of their paths as tells them apart."""
    for parts in range(1, 1 + max(run.count("/") + 1 for run in runs)):
        found = {run: "/".join(run.split("/")[-parts:]) for run in runs}
        if len(set(found.values())) == len(runs):
            return found
    return {run: run for run in runs}


def _lead_cells(lead: Margin | None, objective: Objective, *, leads: bool) -> list[str]:
    if lead is None:
        return ["", "", "leads" if leads else "no result yet"]
    shown = objective.show_difference(lead.difference)
    if lead.low is None or lead.high is None:
        return [shown, "", "too few to say"]
    low, high = (objective.show_difference(end).removesuffix(" points") for end in (lead.low, lead.high))
    return [shown, f"{low} to {high}", "tie" if lead.explained_by_chance else "behind"]
