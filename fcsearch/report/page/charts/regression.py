"""The predictions of a regression's winner: against the true values, and the residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fcsearch.data import Dataset
from fcsearch.errors import DataError, RunError
from fcsearch.report.page.charts.figure import ACCENT, INK, Figure, number_axis
from fcsearch.report.page.charts.grammar import chart, inline, mark, tip
from fcsearch.report.words import plural
from fcsearch.results import RunDirectory

_MOST_ROWS = 1500


@dataclass(frozen=True)
class Predicted:
    """A trial's predictions for the validation rows.

    Attributes:
        trial_id: The trial.
        truth: (V,) the targets, in their own unit.
        predicted: (V,) the predictions, in the same unit.
    """

    trial_id: int
    truth: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]


def predicted_by(run: RunDirectory, trial_id: int, dataset: Dataset) -> Predicted | None:
    """What a regression's trial predicts; None if its network was not kept, or does not fit the dataset.

    With folds each row is predicted by the network that did not see it, where that was kept.
    """
    target = dataset.transform.target
    if target is None or not len(dataset.val):
        return None
    import torch

    from fcsearch.evaluation.measuring import require_fit
    from fcsearch.selection.validated import ValidationRows
    from fcsearch.training.judging import outputs

    try:
        rows = ValidationRows(dataset.folds)
        if dataset.others and run.predictions.rows(trial_id) == len(rows):
            values = rows.in_unit(run.predictions.load(trial_id))
            return Predicted(trial_id, rows.y.astype(np.float64), values)
        learned = dataset.in_form(run.models.input_form(trial_id))
        require_fit(learned, run.models.metadata(trial_id))
        found = outputs(run.models.load(trial_id), torch.from_numpy(learned.val.X))
    except (RunError, DataError):
        return None
    values = found[:, 0].double().numpy() * target.scale + target.offset
    return Predicted(trial_id, dataset.val.y.astype(np.float64), values)


def regression_charts(found: Predicted, label: str | None) -> list[Figure]:
    """Predicted against true, and the residuals."""
    step = -(-len(found.truth) // _MOST_ROWS) or 1
    pairs = zip(found.truth[::step].tolist(), found.predicted[::step].tolist(), strict=True)
    rows = [
        {"true": _short(true), "predicted": _short(guess), "residual": _short(guess - true)} for true, guess in pairs
    ]
    name = label or "the target"
    drawn = f"{plural(len(rows), 'row')} of {len(found.truth):,}" if step > 1 else plural(len(rows), "validation row")
    ends = [
        min(min(row["true"], row["predicted"]) for row in rows),
        max(max(row["true"], row["predicted"]) for row in rows),
    ]
    return [_against(rows, ends, name, drawn), _residuals(rows, name)]


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _against(rows: list[dict[str, Any]], ends: list[float], name: str, drawn: str) -> Figure:
    x = number_axis("true", f"{name}, true", ends, log=False)
    y = number_axis("predicted", f"{name}, predicted", ends, log=False)
    line = [{"true": end, "predicted": end} for end in ends]
    told = [tip(part, form=",.5~r") for part in ("true", "predicted", "residual")]
    spec = chart(
        320,
        layer=[
            {
                "data": inline(rows),
                "mark": mark("point", filled=True, size=18, opacity=0.4, color=ACCENT, aria=False),
                "encoding": {"x": x, "y": y, "tooltip": told},
            },
            {
                "data": inline(line),
                "mark": mark("line", color=INK, strokeWidth=1.2, strokeDash=[4, 4]),
                "encoding": {"x": x, "y": y},
            },
        ],
    )
    text = f"{drawn.capitalize()}. On the dashed line predictions are exact."
    return Figure("predicted", "Predicted against true", text, spec)


def _residuals(rows: list[dict[str, Any]], name: str) -> Figure:
    binned, count = {"field": "residual", "bin": {"maxbins": 40}}, {"aggregate": "count", "title": "rows"}
    spec = chart(
        320,
        data=inline({"residual": row["residual"]} for row in rows),
        mark=mark("bar", color=ACCENT, aria=False),
        encoding={
            "x": {**binned, "title": f"{name}, predicted less true", "axis": {"format": "~s", "grid": False}},
            "y": count,
            "tooltip": [{**binned, "title": "residual"}, count],
        },
    )
    text = "How many validation rows are predicted too high or too low, and by how much."
    return Figure("residuals", "Residuals", text, spec)
