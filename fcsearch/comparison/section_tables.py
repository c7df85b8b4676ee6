"""Tables of a comparison, as text for a terminal or a page: titles, columns, cells, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fcsearch.comparison.compare import Comparison
from fcsearch.comparison.standing import Section, Standing
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.report.words import duration, plural


def section_title(section: Section) -> str:
    """What the runs are compared by."""
    if section.basis == "trials":
        return f"After {plural(int(section.amount or 0), 'trial')} each"
    if section.basis == "time":
        return f"After {duration(section.amount or 0.0)} each"
    seeds = "other seeds" if section.amount is None else f"the same {int(section.amount)} other seeds"
    return f"Winners over {seeds}"


def head_start_words(found: Comparison, labels: Mapping[str, str]) -> list[str]:
    """What to know of the tables of trials and time: which runs had more to learn from than is counted there."""
    return [
        f"{labels[start.run]} had a head start: its sampler was told {plural(start.told, 'trial')} of {start.of} "
        "(--from), which are not counted here."
        for start in found.head_starts
    ]


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
            cells += _lead_cells(entry, objective, leads=number == 0)
        rows.append(cells)
    return rows


def difference_table(found: Comparison, labels: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """The heads and the rows of a table of all that differs between the spaces; no rows if nothing does."""
    differences = [difference for check in found.checks for difference in check.differences]
    heads = ["space", *(labels[run] for run in found.runs)]
    return heads, [[difference.name, *difference.values] for difference in differences]


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


def _lead_cells(entry: Standing, objective: Objective, *, leads: bool) -> list[str]:
    lead = entry.lead
    if entry.value is None:
        return ["", "", "no result" if entry.trials else "no trial yet"]
    if lead is None:
        return ["", "", "leads" if leads else ""]
    shown = objective.show_difference(lead.difference)
    if lead.low is None or lead.high is None:
        return [shown, "", "too few to say"]
    low, high = (objective.show_bare(end) for end in (lead.low, lead.high))
    return [shown, f"{low} to {high}", "tie" if lead.explained_by_chance else "behind"]
