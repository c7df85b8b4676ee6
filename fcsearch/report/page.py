"""The report as one HTML file that needs no other: styles and drawings are inside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from fcsearch.config.objective import OBJECTIVES
from fcsearch.report import figures, words
from fcsearch.report.confirmed import confirmation_cells, confirmation_unit
from fcsearch.report.importance import METHOD
from fcsearch.report.model import Report
from fcsearch.report.phrases import figure_lines, headline, importance_text, settings, top_remark

_TEMPLATE = "page.html.j2"
_PAIRS = 10
_MAX_MATRIX = 30


def render_html(report: Report, *, trials: pa.Table, epochs: pa.Table) -> str:
    """The report as a page.

    Args:
        report: What to say.
        trials: The run's trials, for the drawings.
        epochs: The run's epochs, likewise.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.lstrip_blocks = True
    environment.filters.update(percent=words.percent, value=words.value_text)
    environment.filters["importance"] = importance_text
    template = environment.from_string(resources.files("fcsearch.report").joinpath(_TEMPLATE).read_text("utf-8"))
    rows = trials.to_pylist()
    measured, objective = report.test.measurement or report.validation, OBJECTIVES[report.objective]
    return template.render(
        report=report,
        headline=headline(report),
        objective=objective,
        top_remark=top_remark(objective),
        lines=figure_lines(report, report.best) if report.best else (),
        settings=settings(report.best) if report.best else (),
        measured=measured if measured and measured.classification else None,
        pairs=measured.classification.most_confused(_PAIRS) if measured and measured.classification else (),
        confirmed=confirmation_cells(report.confirmation) if report.confirmation and report.confirmation.done else None,
        confirmed_unit=confirmation_unit(report.confirmation) if report.confirmation else None,
        max_matrix=_MAX_MATRIX,
        method=METHOD,
        curves=_curves(report, epochs),
        history=Markup(figures.search_history(rows, objective)) if report.best else None,
        panels={
            effect.parameter: Markup(figures.parameter_panel(effect.parameter, rows, objective))
            for effect in report.effects
            if any(group.trials for group in effect.groups)
        },
    )


def _curves(report: Report, epochs: pa.Table) -> Markup | None:
    by_trial: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    top = [row["trial_id"] for row in report.top]
    for row in epochs.filter(pc.is_in(epochs["trial_id"], pa.array(top, pa.int64()))).to_pylist():
        by_trial[row["trial_id"]].append(row)
    best = report.best.row["trial_id"] if report.best else None
    # The drawing is made of numbers alone; nothing in it came from a user.
    return Markup(figures.learning_curves(by_trial, best, OBJECTIVES[report.objective])) if best in by_trial else None
