"""The contents of a run's page: its trials, their curves, and the charts by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.privacy import Privacy
from fcsearch.report.model import Report
from fcsearch.report.page.charts import (
    Figure,
    Spec,
    compared,
    course,
    learning,
    mattered,
    parallel,
    regression,
    sure,
    winner,
)
from fcsearch.report.page.charts.figure import Results
from fcsearch.report.page.trials import Clock, PageTrials, curves, page_trials
from fcsearch.results import Manifest, RunDirectory

# Curves beside the winner's.
_OTHERS = 9


@dataclass(frozen=True)
class Contents:
    """The contents of the page.

    Attributes:
        trials: All trials.
        results: The results of those that have one.
        curves: Learning curves, by trial.
        figures: The charts of each section: `winner`, `sure`, `mattered`, `slices`, `compared`, `course`.
        curve: The chart of a single trial's curve.
    """

    trials: PageTrials
    results: Results
    curves: dict[int, dict[str, list[Any]]]
    figures: dict[str, list[Figure]]
    curve: Spec

    def all_figures(self) -> Iterator[Figure]:
        """Every chart once."""
        for figures in self.figures.values():
            yield from figures

    def top(self, count: int) -> list[dict[str, Any]]:
        """The rows of the best trials."""
        return [row for _, row in zip(range(count), self.trials.rows(*self.trials.columns), strict=False)]


def contents_of(
    report: Report, run: RunDirectory, manifest: Manifest, privacy: Privacy, predicted: regression.Predicted | None
) -> Contents:
    """Collect the contents of the page."""
    objective = OBJECTIVES[report.objective]
    table = run.trials()
    trials = page_trials(table, manifest, objective, [effect.parameter for effect in report.effects], privacy)
    results = Results(objective, tuple(value for value in trials.columns["value"] if value is not None))
    chosen = report.best.row["trial_id"] if report.best else None
    first = [*([chosen] if chosen is not None else []), *compared.compared_trials(trials)]
    order = list(dict.fromkeys([*first[:1], *trials.columns["trial"]]))
    found = curves(run.epochs(), objective, list(dict.fromkeys([*first, *order])))
    space = manifest.space or {}
    sections: dict[str, Sequence[Figure | None]] = {
        "winner": _winner(report, results, found, order, predicted),
        "sure": [
            sure.confirmation_chart(report.confirmation, results) if report.confirmation else None,
            sure.size_chart(trials, results, chosen) if results.values else None,
        ],
        "mattered": [
            mattered.importance_chart(report.effects),
            mattered.map_chart(report.effects, trials, space, results),
            parallel.parallel_chart(report.effects, trials, space, results),
        ],
        "slices": [mattered.slice_chart(effect, trials, space, results) for effect in report.effects],
        "compared": compared.comparison_charts(trials, found, results),
        "course": [*course.best_so_far_charts(trials, results), _time_line(run, trials.clock, privacy)],
    }
    figures = {name: [figure for figure in charts if figure is not None] for name, charts in sections.items()}
    return Contents(trials, results, found, figures, learning.trial_chart(results))


def _winner(
    report: Report,
    results: Results,
    found: dict[int, dict[str, list[Any]]],
    order: list[int],
    predicted: regression.Predicted | None,
) -> list[Figure | None]:
    if report.best is None:
        return []
    chosen, epoch = report.best.row["trial_id"], report.best.row["best_epoch"]
    beside = {trial: found[trial] for trial in order[: _OTHERS + 1] if trial in found}
    measured = report.by_class
    charts = [winner.figures_chart(report, results)]
    if measured and measured.classification:
        charts.append(winner.confusion_chart(measured.classification, measured.place))
    if predicted is not None and predicted.trial_id == chosen:
        charts += regression.regression_charts(predicted, report.dataset.label)
    charts.append(learning.curves_chart(beside, chosen, epoch, results))
    if chosen in found:
        charts.append(learning.loss_chart(found[chosen], chosen, epoch))
    return charts


def _time_line(run: RunDirectory, clock: Clock, privacy: Privacy) -> Figure | None:
    tables = {"search": run.trials(), "confirmation": run.confirmations()}
    bars = [bar for kind, table in tables.items() for bar in course.bars_of(table, kind, privacy, clock)]
    return course.time_line_chart(bars, clock)
