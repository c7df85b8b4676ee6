"""The charts of a comparison: each run's best with its interval, and how it was come by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fcsearch.comparison.compare import Comparison
from fcsearch.comparison.section_tables import section_title
from fcsearch.comparison.standing import Section
from fcsearch.config.objective import OBJECTIVES
from fcsearch.report.page.charts.figure import Figure, Results, by_category
from fcsearch.report.page.charts.grammar import chart, inline, mark, nominal, quantity, tip, valid

# Times of work that span more than this many seconds are told in minutes.
_MINUTES = 180


def standing_chart(section: Section, found: Comparison, labels: Mapping[str, str]) -> Figure | None:
    """The runs of a section as points with their intervals."""
    known = [entry for entry in section.standings if entry.value is not None]
    if not known:
        return None
    results = _results(found)
    rows = [
        {"run": labels[entry.run], "value": entry.value, "low": entry.low, "high": entry.high, "trial": entry.trial_id}
        for entry in known
    ]
    names = [labels[run] for run in found.runs]
    ends = results.around([end for entry in known for end in (entry.low, entry.value, entry.high) if end is not None])
    x = results.axis(scale={"zero": False, "nice": False, "domain": list(ends)})
    color = {**by_category("run", names, dashes=False)["color"], "legend": None}
    figures = (tip(name, form=results.format) for name in ("value", "low", "high"))
    spec = chart(
        34 * len(rows),
        data=inline(rows),
        encoding={
            "y": nominal("run", sort=[row["run"] for row in rows], axis={"labelLimit": 170}),
            "color": color,
            "tooltip": [tip("run"), tip("trial"), *figures],
        },
        layer=[
            {
                "transform": [valid("low")],
                "mark": mark("rule", strokeWidth=3, opacity=0.5),
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {"mark": mark("point", filled=True, size=110, opacity=1), "encoding": {"x": x}},
        ],
    )
    what = "mean over the seeds" if section.basis == "seeds" else "best"
    text = f"The {what} of each run, with its 95% interval."
    return Figure(f"standing-{section.basis}", section_title(section, found, labels), text, spec, wide=True)


def course_charts(found: Comparison, labels: Mapping[str, str]) -> list[Figure]:
    """The best so far of each run, over trials and over time."""
    longest = max((step.seconds or 0.0 for course in found.courses for step in course.steps), default=0.0)
    unit, size = ("minutes", 60.0) if longest > _MINUTES else ("seconds", 1.0)
    rows: list[dict[str, Any]] = [
        {
            "run": labels[course.run],
            "trials": step.trials,
            "time": None if step.seconds is None else round(step.seconds / size, 3),
            "value": step.value,
        }
        for course in found.courses
        for step in course.steps
    ]
    charts = [_course("trials", "trials done", "By how many trials were done.", rows, found, labels)]
    if rows and all(row["time"] is not None for row in rows):
        charts.append(_course("time", f"{unit} of work", "By how long the run was at work.", rows, found, labels))
    return [chart for chart in charts if chart is not None]


def _course(
    by: str, title: str, text: str, rows: list[dict[str, Any]], found: Comparison, labels: Mapping[str, str]
) -> Figure | None:
    if not rows:
        return None
    results = _results(found)
    spec = chart(
        300,
        data=inline(rows),
        mark=mark("line", interpolate="step-after", strokeWidth=2.4, clip=True, point={"size": 24}),
        encoding={
            "x": quantity(by, title, axis={"grid": False}),
            "y": results.axis(),
            **by_category("run", [labels[run] for run in found.runs], dashes=True),
            "tooltip": [tip("run"), tip(by, title), tip("value", form=results.format)],
        },
    )
    return Figure(f"course-{by}", f"The best so far, by {by}", text, results.zoomed(spec, "point"))


def _results(found: Comparison) -> Results:
    """Of all runs: the worst last value must be seen."""
    objective = OBJECTIVES[found.objective]
    values = [step.value for course in found.courses for step in course.steps]
    ends = [course.steps[-1].value for course in found.courses if course.steps]
    return Results(objective, tuple(values), min(ends, key=objective.gain, default=None))
