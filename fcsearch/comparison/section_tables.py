"""Tables of a comparison, as text for a terminal or a page: titles, columns, cells, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fcsearch.comparison.compare import Comparison
from fcsearch.comparison.standing import Margin, Section, Standing
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.report.words import duration, listing, plural

_TIE, _TOO_FEW = "tie", "too few to say"


def section_title(section: Section, found: Comparison, labels: Mapping[str, str]) -> str:
    """What the runs are compared by, and which of them had more to learn from than is counted here."""
    if section.basis == "seeds":
        if section.amount is None:
            return "Winners, each over seeds of its own"
        return f"Winners over {plural(int(section.amount), 'other seed')}, the same for all"
    size = section.amount or 0
    amount = plural(int(size), "trial") if section.basis == "trials" else duration(size)
    starts = [f"{labels[start.run]} was told {start.told} of {start.of} before" for start in found.head_starts]
    return f"After {amount} each{f' ({listing(starts)})' if starts else ''}"


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
            cells += ["", "", _first_words(section)] if number == 0 else _lead_cells(entry, objective)
        rows.append(cells)
    return rows


def difference_table(found: Comparison, labels: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """The heads and the rows of a table of all that differs between the spaces: who has which value.

    A name stands only in the first of its rows. There are no rows if nothing differs.
    """
    rows = []
    for difference in (difference for check in found.checks for difference in check.differences):
        of_value: dict[str, list[str]] = {}
        for run, value in zip(found.runs, difference.values, strict=True):
            of_value.setdefault(value, []).append(labels[run])
        names = [difference.name, *("" for _ in of_value)]
        rows += [[name, value, ", ".join(runs)] for name, (value, runs) in zip(names, of_value.items(), strict=False)]
    return ["parameter", "value", "runs"], rows


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


def _first_words(section: Section) -> str:
    """How the best run of a section stands: what is said of the others is said of it, too."""
    if section.standings[0].value is None:
        return _no_result(section.standings[0])
    others = [_lead_words(entry.lead) for entry in section.standings if entry.lead]
    if not others:
        return "the only result"
    return next((words for words in (_TIE, _TOO_FEW) if words in others), "leads")


def _lead_cells(entry: Standing, objective: Objective) -> list[str]:
    lead = entry.lead
    if lead is None:
        return ["", "", _no_result(entry)]
    shown, interval = objective.show_difference(lead.difference), ""
    if lead.low is not None and lead.high is not None:
        interval = f"{objective.show_bare(lead.low)} to {objective.show_bare(lead.high)}"
    return [shown, interval, _lead_words(lead)]


def _lead_words(lead: Margin) -> str:
    """How a run that is not the first stands."""
    if lead.low is None or lead.high is None:
        return _TOO_FEW
    return _TIE if lead.explained_by_chance else "behind"


def _no_result(entry: Standing) -> str:
    return "no result" if entry.trials else "no trial yet"
