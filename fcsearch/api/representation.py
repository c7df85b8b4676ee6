"""How Python and notebooks show a run and its report."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fcsearch.config.objective import OBJECTIVES
from fcsearch.config.states import UNFINISHED
from fcsearch.errors import FcsearchError
from fcsearch.report import Report, render_text
from fcsearch.results import Run, objective_of, rank_trials, remote
from fcsearch.results.ending import ending


@dataclass(frozen=True, repr=False)
class ShownReport:
    """A run's report; as text it is what `fcsearch report` prints.

    Attributes:
        content: Its figures.
        path: The page, report.html; None where none could be written.
    """

    content: Report
    path: Path | None

    def __repr__(self) -> str:
        return render_text(self.content)


def facts_of(run: Run) -> dict[str, str]:
    """A run in a few words: how far it is, what it found, and where it is; errors, too, are words."""
    place = str(remote.address(run.path))
    try:
        rows, manifest = run.trials, run.manifest
        objective, planned = objective_of(rows), manifest.planned
        asked = "" if planned is None else f" of {planned:,}"
        left = rows["state"].to_pylist().count(UNFINISHED)
        done = len(rows) - left
        state = ending(run.directory.state(), manifest.ended_by, done=done, planned=planned)
        trials = f"{done:,}{asked} trials" + (f", {left:,} unfinished" if left else "")
        facts = {"state": state, "trials": trials}
        if len(rank_trials(rows)):
            best = run.best
            facts["best"] = f"trial {best['trial_id']}, {_figure(objective.name, best[objective.column])}"
        return {**facts, "path": place}
    except FcsearchError as error:
        return {"error": str(error), "path": place}


def text_of(run: Run, facts: Mapping[str, str]) -> str:
    """The run in a line."""
    shown = ", ".join(f"best {fact}" if name == "best" else fact for name, fact in facts.items())
    return f"<Run {run.path.name}: {shown}>"


def html_of(run: Run, facts: Mapping[str, str]) -> str:
    """The run as a small table."""
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(fact)}</td></tr>" for name, fact in facts.items())
    return f"<table><caption>{html.escape(run.path.name)}</caption>{rows}</table>"


def _figure(objective: str, value: float) -> str:
    found = OBJECTIVES[objective]
    return f"validation {found.title} {found.show(value)}"
