"""Parts of a report in words, the same on a terminal and on the page."""

from __future__ import annotations

from datetime import UTC, datetime

from fcsearch.evaluation import BaseLine, Measurement
from fcsearch.report.model import Best, Importance, Report
from fcsearch.report.words import duration, number, percent, plural, points, value_text

Line = tuple[str, str, str]


def headline(report: Report) -> list[str]:
    """What ran: on which data, how much, how fast, where."""
    data, work = report.dataset, report.work
    rows = [
        f"{count:,} {name}"
        for name, count in (("training", data.train_rows), ("validation", data.val_rows), ("test", data.test_rows))
        if count is not None
    ]
    lines = [f"{data.name}: {', '.join(rows)} rows, {plural(data.classes or 0, 'class')}" if rows else data.name]
    states = ", ".join(f"{count:,} {state}" for state, count in work.counts.items() if count)
    planned = f" of {work.planned:,}" if work.planned and work.planned != work.done else ""
    if work.done:
        lines.append(f"{work.done:,}{planned} trials in {plural(work.packs, 'pack')}: {states}")
    else:
        lines.append(f"no trial{planned} is done yet")
    if work.trials_per_minute:
        lines.append(
            f"{duration(work.elapsed_seconds)} in all, {number(work.trials_per_minute, 3)} trials a minute; "
            f"{duration(work.train_seconds)} of training"
        )
    if work.places:
        lines.append("trained on " + ", ".join(f"{place} ({count:,})" for place, count in work.places.items()))
    settings = [("sampler", report.sampler), ("seed", report.seed), ("started", _moment(report.created_at))]
    lines.append(", ".join(f"{name} {value}" for name, value in settings if value is not None))
    return [line for line in lines if line]


def _moment(time: str | None) -> str | None:
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else None


def settings(best: Best) -> list[tuple[str, str]]:
    """The best network's parameters as words, each fact once."""
    return [(name, value_text(value)) for name, value in best.parameters.items() if name != "hidden_dim"]


def accuracies(report: Report, best: Best) -> list[Line]:
    """The best network's accuracies and the base line: which, how much, and a remark."""
    row, error = best.row, report.trust.standard_error
    spread = f"standard error {points(error)}" if error is not None else ""
    return [
        ("validation", percent(row["val_accuracy"]), f"at epoch {row['best_epoch']}, the best; {spread}".rstrip("; ")),
        *_base_line(report.base_line, "validation, "),
        *_balanced(report.validation, "validation, "),
        ("validation, final", percent(row["final_val_accuracy"]), f"after {plural(row['epochs_run'] or 0, 'epoch')}"),
        ("training", percent(row["train_accuracy"]), "at the best epoch"),
        *_of_the_test(report),
    ]


def measured_lines(found: Measurement) -> list[Line]:
    """The figures of one measurement, in the form of `accuracies`."""
    figures = found.classification
    return [
        ("accuracy", percent(found.accuracy), f"standard error {points(found.standard_error)}"),
        *_base_line(figures.base_line if figures else None, ""),
        *_balanced(found, ""),
    ]


def importance_text(importance: Importance | None) -> str:
    """An importance and its interval: `58% (40-71)`."""
    if importance is None:
        return "-"
    return f"{100 * importance.share:.0f}% ({100 * importance.low:.0f}-{100 * importance.high:.0f})"


def _of_the_test(report: Report) -> list[Line]:
    measured = report.test.measurement
    if measured is None:
        return [("test", "-", f"not measured: {report.test.note}")]
    remark = f"standard error {points(measured.standard_error)}; measured once, on this network alone"
    return [("test", percent(measured.accuracy), remark), *_balanced(measured, "test, ")]


def _base_line(base: BaseLine | None, prefix: str) -> list[Line]:
    if base is None:
        return []
    return [(f"{prefix}base line", percent(base.value), f"always answering {base.answer!r}, the commonest class")]


def _balanced(found: Measurement | None, prefix: str) -> list[Line]:
    if found is None or (figures := found.classification) is None:
        return []
    remark = f"mean recall of the classes; standard error {points(figures.balanced_error)}"
    # On a narrow terminal two words must do.
    name = f"{prefix}balanced" if prefix else "balanced accuracy"
    return [(name, percent(figures.balanced_accuracy), remark)]
