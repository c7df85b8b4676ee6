"""How sure the result is: the best over seeds, and the results of smaller networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fcsearch.config.objective import Objective
from fcsearch.report.page.charts.figure import ACCENT, INK, MUTED, SECOND, Figure, Results, number_axis, spans
from fcsearch.report.page.charts.grammar import OPENS, chart, either, inline, kinds, mark, nominal, tip, valid
from fcsearch.report.page.trials import PageTrials
from fcsearch.selection import Confirmation

_SEED, _MEAN, _OWN = "another seed", "mean of the seeds", "the search's own value"
_LOG_SPAN = 10
_NUMBER_WIDTH = 34
# Numbers closer than this fraction of the front's length in both directions would cover each other.
_NEAR = 0.07


def confirmation_chart(found: Confirmation, results: Results) -> Figure | None:
    """Each configuration's value with each seed, their mean, and the search's own value."""
    entries = [entry for entry in found.configurations if entry.values]
    if not entries:
        return None
    names = {}
    for place, entry in enumerate(found.configurations):
        standing = "fewer seeds" if entry.fewer_seeds else "tie" if entry.tied else "winner" if place == 0 else ""
        standing = standing if found.winner else ""
        names[entry.trial_id] = f"trial {entry.trial_id}{f' ({standing})' if standing else ''}"
    rows: list[dict[str, Any]] = []
    for entry in entries:
        of = {"trial": entry.trial_id, "name": names[entry.trial_id]}
        rows += [{**of, "what": _SEED, "seed": seed, "value": value} for seed, value in entry.values.items()]
        rows.append({**of, "what": _MEAN, "value": entry.mean})
        rows.append({**of, "what": _OWN, "value": entry.search_value})
    what, is_mean = (_SEED, _MEAN, _OWN), f"datum.what == '{_MEAN}'"
    spec = chart(
        32 * len(entries),
        data=inline(rows),
        mark=mark("point", size=90, strokeWidth=2.2, opacity=0.9),
        encoding={
            "y": nominal("name", sort=None, axis={"labelLimit": 150, "grid": True}),
            "x": results.axis(scale={"zero": False, "nice": False, "padding": 16}),
            "color": kinds("what", what, [MUTED, ACCENT, SECOND]),
            "shape": kinds("what", what, ["circle", "stroke", "diamond"]),
            "size": either(is_mean, 400, 80),
            # A mean is a line across: the shape `stroke` lies flat.
            "angle": either(is_mean, 90, 0),
            "tooltip": [tip("trial"), tip("what", "figure"), tip("seed"), tip("value", results.title, results.format)],
        },
    )
    text = "The best configurations, trained again. A search's own value better than those of the seeds was luck."
    return Figure("confirmation", "The best with other seeds", text, spec, wide=True)


def size_chart(trials: PageTrials, results: Results, winner: int | None) -> Figure | None:
    """Results by number of parameters, with the networks that no smaller one equals (the Pareto front)."""
    sizes = trials.values("size")
    if len(set(sizes)) < 2:
        return None
    front = pareto_front(trials, results.objective)
    x = number_axis("size", "weights and biases", sizes, log=spans(sizes, _LOG_SPAN))
    # The number of the largest network of the front stands right of it.
    x["scale"]["padding"] = _NUMBER_WIDTH
    y = results.axis()
    # The winner, which lies above the others.
    looks = {"color": (SECOND, ACCENT), "opacity": (1, 0.5), "size": (160, 40), "order": (1, 0)}
    marked = {channel: either(f"datum.trial == {winner}", *values) for channel, values in looks.items()}
    if winner is None:
        marked = {channel: {"value": other} for channel, (_, other) in looks.items()}
    spec = chart(
        320,
        layer=[
            {
                "data": {"name": "trials"},
                "transform": [valid("value", "size"), results.held()],
                "mark": mark("point", filled=True, clip=True, **OPENS),
                "encoding": {
                    "x": x,
                    "y": {**y, "field": "shown"},
                    "shape": results.shape(),
                    **marked,
                    "tooltip": [*results.tooltip(), tip("size", "weights and biases", ",d")],
                },
            },
            {
                "data": inline(front),
                "mark": mark("line", interpolate="step-after", color=INK, strokeWidth=1.4, clip=True),
                "encoding": {"x": x, "y": y, "order": {"field": "size", "type": "quantitative"}},
            },
            {
                "data": inline(apart(front)),
                "mark": mark("text", dx=9, dy=-6, align="left", fontSize=11, clip=True, aria=False),
                "encoding": {"x": x, "y": y, "text": {"field": "trial"}},
            },
        ],
    )
    text = "On the line, by number: the trials that no network of at most their size equals (the Pareto front)."
    fields = ("trial", "value", "state", "size")
    return Figure("size", "What a smaller network reaches", text, results.zoomed(spec), fields, wide=True)


def apart(front: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of the front that are far enough from each other for their numbers; the last one is among them."""
    values = [row["value"] for row in front]
    sizes = [math.log(row["size"]) for row in front]
    found: list[int] = []
    for place in reversed(range(len(front))):
        near = found and (
            abs(sizes[place] - sizes[found[-1]]) < _NEAR * (sizes[-1] - sizes[0])
            and abs(values[place] - values[found[-1]]) < _NEAR * abs(values[-1] - values[0])
        )
        if not near:
            found.append(place)
    return [front[place] for place in reversed(found)]


def pareto_front(trials: PageTrials, objective: Objective) -> list[Mapping[str, Any]]:
    """The trials that none of at most their size equals, smallest first."""
    known = [row for row in trials.rows("trial", "size", "value", ranked=True) if row["size"] is not None]
    known.sort(key=lambda row: (row["size"], -objective.gain(row["value"])))
    front: list[Mapping[str, Any]] = []
    for row in known:
        if not front or objective.gain(row["value"]) > objective.gain(front[-1]["value"]):
            front.append(row)
    return front
