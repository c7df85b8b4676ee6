"""A comparison as one HTML file that needs no other, in the looks of a run's report."""

from __future__ import annotations

from pathlib import Path

from fcsearch.comparison.charts import course_charts, standing_chart
from fcsearch.comparison.compare import Comparison
from fcsearch.comparison.section_tables import (
    difference_table,
    relabelled,
    section_columns,
    section_rows,
    section_title,
    short_labels,
)
from fcsearch.config.objective import OBJECTIVES
from fcsearch.privacy import Privacy
from fcsearch.report.page.assets import json_text, page_environment, page_frame, page_scripts
from fcsearch.report.page.charts import CONFIG
from fcsearch.report.page.charts.figure import Results


def comparison_page(found: Comparison) -> str:
    """The comparison as a page; it names runs by the ends of their paths, and no machine."""
    labels = short_labels(found.runs)
    objective = OBJECTIVES[found.objective]
    results = Results(objective, ())
    standings = [(section, standing_chart(section, found, labels)) for section in found.sections]
    courses = course_charts(found, labels)
    figures = [*courses, *(figure for _, figure in standings if figure)]
    scripts = page_scripts()
    privacy = Privacy([], folders=[Path(run).absolute().parent for run in found.runs])
    return (
        page_environment(privacy)
        .get_template("compare.html.j2")
        .render(
            found=found,
            objective=objective,
            labels=[labels[run] for run in found.runs],
            checks=[(check, relabelled(check.sentence, labels)) for check in found.checks],
            sections=[
                {
                    "title": section_title(section, found, labels),
                    "figure": figure,
                    "columns": section_columns(section, comparable=found.comparable),
                    "rows": section_rows(section, found, labels),
                }
                for section, figure in standings
            ],
            courses=courses,
            methods=[relabelled(method, labels) for method in found.methods],
            differences=difference_table(found, labels),
            unconfirmed=[labels[run] for run in found.unconfirmed],
            data=json_text(
                {
                    "format": results.format,
                    "title": results.title,
                    "charts": {figure.name: figure.to_json() for figure in figures},
                    "config": CONFIG,
                }
            ),
            **page_frame(scripts),
        )
    )
