"""The lines of a report that sum a run up, the same on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fcsearch.config.input_form import OWN_FORM
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.config.states import STOPPED, UNFINISHED
from fcsearch.evaluation import BaseLine, Measurement
from fcsearch.report.confirmed import alternative_lines, confirmed_line
from fcsearch.report.features import feature_lines
from fcsearch.report.model import Best, Dataset, Importance, Report, Work
from fcsearch.report.words import duration, percent, plural, points, rate, trial_list, value_text
from fcsearch.results.arrow import Row
from fcsearch.selection import Confirmation

Line = tuple[str, str, str]
_RANKINGS = ("roc_auc", "average_precision")


def headline(report: Report) -> list[str]:
    """What ran: the data, how much, how fast, where."""
    data, work = report.dataset, report.work
    known = [(name, count) for name, count in _rows(data) if count is not None]
    rows = ", ".join(f"{count:,} {name}" for name, count in known)
    noun = "row" if known and known[-1][1] == 1 else "rows"
    lines = [f"{data.name}: {rows} {noun}, {_labels(report)}" if known else data.name]
    lines += [f"split {data.split}"] if data.split else []
    lines += feature_lines(report.features)
    lines.append(_counts(work))
    if work.trials_per_minute:
        whole = (
            "from the start to the last training"
            if work.sessions == 1
            else f"in {work.sessions} sessions, without the pauses between them"
        )
        workers = work.workers or 1
        summed = f", summed over {workers} workers" if workers > 1 else ""
        lines.append(
            f"{duration(work.elapsed_seconds)} {whole}, {rate(work.trials_per_minute)} trials per minute; "
            f"{duration(work.train_seconds)} of training{summed}"
        )
    if work.places:
        lines.append("trained on " + "; ".join(_at(place, count) for place, count in work.places.items()))
    settings = [("sampler", report.sampler), ("seed", report.seed), ("started", _moment(report.created_at))]
    lines.append(", ".join(f"{name} {value}" for name, value in settings if value is not None))
    if report.tags:
        lines.append(f"tags: {', '.join(report.tags)}")
    if report.note:
        lines.append(f"note: {report.note}")
    return [line for line in lines if line]


def _at(place: str, count: int) -> str:
    """How many trials were trained in a place: `machine 1 (cpu): 60 trials`."""
    node, _, device = place.rpartition(" ")
    return f"{f'{node} ({device})' if node else place}: {plural(count, 'trial')}"


def _counts(work: Work) -> str:
    """How many trials there are, and how they ended."""
    planned = f" of {work.planned:,}" if work.planned and work.planned > work.done else ""
    packs = plural(work.packs, "pack")
    if not work.done:
        left = f"; {work.unfinished:,} in {packs} are unfinished" if work.unfinished else ""
        return f"no trial{planned} is done yet{left}"
    states = ", ".join(f"{count:,} {state}" for state, count in work.counts.items() if count)
    trials = f"{work.done:,}{planned} trials" if planned else plural(work.done, "trial")
    left = f", and {work.unfinished:,} unfinished," if work.unfinished else ""
    return f"{trials}{left} in {packs}: {states}"


def _rows(data: Dataset) -> list[tuple[str, int | None]]:
    """The names and sizes of the splits."""
    test = ("test", data.test_rows)
    if data.folds:
        return [(f"in {data.folds} folds", (data.train_rows or 0) + (data.val_rows or 0)), test]
    return [("training", data.train_rows), ("validation", data.val_rows), test]


def _labels(report: Report) -> str:
    """What is learned, in words."""
    data, objective = report.dataset, OBJECTIVES[report.objective]
    if objective.task == "regression":
        return f"{f'predicts {data.label}: ' if data.label else ''}a regression"
    return plural(data.classes or 0, "class")


def _moment(time: str | None) -> str | None:
    return f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else None


def settings(best: Best) -> list[tuple[str, str]]:
    """The best network's parameters in words, each fact once."""
    own_form = {"preprocessing": OWN_FORM.preprocessing}  # the dataset's option, which is no parameter of the trial
    return [
        (name, value_text(value))
        for name, value in best.parameters.items()
        if name != "hidden_dim" and own_form.get(name) != value
    ]


def figure_lines(report: Report, best: Best) -> list[Line]:
    """The best network's figures and the baseline: name, value and a remark.

    Names leave out `accuracy` if it is the run's objective, the usual case.
    """
    row, folds, objective = best.row, report.dataset.folds, OBJECTIVES[report.objective]
    error = report.trust.winner_error
    own = objective.own
    mean = f"mean of {folds} folds, " if folds else ""
    spread = f"{mean}standard error {objective.show_difference(error)}" if error is not None else ""
    # What was measured of the one network that is kept.
    of_first = folds and not (report.validation and report.validation.folds)
    validation = "first fold, " if of_first else "validation, "
    unlike = "" if objective is own else f"; no training {objective.title} is measured"
    training = (_name("training", own, objective), own.show(row[objective.train_column]))
    at_best = f"at epoch {row['best_epoch']}, the best{so_far(row)}; {spread}".rstrip("; ")
    return [
        *confirmed_line(report.confirmation, folds, praised=report.trust.recommends),
        (_name("validation", objective, objective), objective.show(row[objective.column]), at_best),
        *_out_of_fold("out of fold", report.validation),
        *_base_line(report.base_line, "validation, ", folds),
        *_others(report.validation, validation),
        *_final(best, objective),
        (*training, f"at the best epoch{_sample(report.dataset)}{unlike}"),
        *_of_the_test(report),
        *_out_of_fold("out of fold, ensemble", report.ensemble.validation if report.ensemble else None),
        *alternative_lines([report.ensemble, report.refit]),
    ]


def so_far(row: Row) -> str:
    """How far a trial was trained, where that was not to its end."""
    ended = {UNFINISHED: "so far", STOPPED: "until early stopping"}.get(row["state"])
    return f" of {row['epochs_run']} {ended}; {row['epochs']} were planned" if ended else ""


def _final(best: Best, objective: Objective) -> list[Line]:
    """The objective after the last epoch, where it is known."""
    if best.final is None:
        return []
    after = f"after {plural(best.row['epochs_run'] or 0, 'epoch')}"
    return [(_name("validation, final", objective, objective), objective.show(best.final), after)]


def whole_name(name: str, objective: Objective) -> str:
    """The name of a line with the word that it leaves out."""
    others = tuple(OBJECTIVES[other].title for other in _RANKINGS)
    return f"{name} accuracy" if objective.name == "accuracy" and not name.endswith(others) else name


def best_title(report: Report, best: Best) -> tuple[str, str]:
    """What the report calls the network that it is about, and which it is."""
    trial = best.row["trial_id"]
    return ("Best network", f"trial {trial}") if report.trust.recommends else ("Best trial", f"{trial}")


def shown_confirmation(report: Report) -> Confirmation | None:
    """The configurations over several seeds, as far as any is done; None after a verdict, where nobody wins or ties."""
    found = report.confirmation
    return found if found and found.done and not report.trust.verdict else None


def main_lines(report: Report, best: Best) -> list[Line]:
    """The lines of `figure_lines` that matter for a choice: one per model, and the baseline."""
    others = [*_others(report.validation, "validation, "), *_others(report.test.measurement, "test, ")]
    beside = ("validation, final", "training")
    lines = figure_lines(report, best)
    return [line for line in lines if line not in others and not line[0].startswith(beside)]


def top_remark(objective: Objective) -> str:
    """The figure that the best trials are ranked by, and the training figure shown with it."""
    beside = "" if objective is objective.own else f"; training: {objective.own.title}"
    return f"by validation {objective.title} at the best epoch{beside}"


def measured_lines(found: Measurement) -> list[Line]:
    """The figures of one measurement, in the form of `figure_lines`."""
    objective = OBJECTIVES[found.objective]
    error = f"standard error {objective.show_difference(found.standard_error)}"
    return [
        (objective.title, objective.show(found.value), error),
        *_base_line(found.base_line, ""),
        *_others(found, ""),
        *(_figures(found, ["log_loss"], "") if found.objective == "accuracy" else ()),
    ]


def importance_text(importance: Importance | None) -> str:
    """An importance and its interval: `58% (40-71)`."""
    if importance is None:
        return "-"
    return f"{100 * importance.share:.0f}% ({100 * importance.low:.0f}-{100 * importance.high:.0f})"


def _sample(data: Dataset) -> str:
    """The rows that the training figure is measured on, where they are not all."""
    count = data.training_sample
    if count is None or data.train_rows is None:
        return ""
    each = " in each fold" if data.folds else ""
    return f", on a sample of {plural(count, 'training row')}{each}" if count < data.train_rows else ""


def _name(place: str, figure: Objective, objective: Objective) -> str:
    return place if objective.name == "accuracy" else f"{place}, {figure.title}"


def _of_the_test(report: Report) -> list[Line]:
    measured, earlier = report.test.measurement, report.test.earlier
    before = f"; {trial_list(earlier)} measured on these rows before"
    if measured is None:
        return [("test", "-", f"not measured: {report.test.note}{before if earlier else ''}")]
    objective = OBJECTIVES[measured.objective]
    error = objective.show_difference(measured.standard_error)
    which = "on its refit to the rows of all folds" if report.test.refit else "on this network alone"
    looks = f"{which}{before}" if earlier else f"measured once, {which}"
    remark = f"standard error {error}; {looks}"
    name = _name("test", objective, objective)
    base = _base_line(measured.base_line, "test, ")
    return [(name, objective.show(measured.value), remark), *base, *_others(measured, "test, ")]


def _base_line(base: BaseLine | None, prefix: str, folds: int | None = None) -> list[Line]:
    if base is None:
        return []
    mean = f"; mean of {folds} folds" if folds else ""
    return [(f"{prefix}baseline", OBJECTIVES[base.objective].show(base.value), f"{base.method}{mean}")]


def _others(found: Measurement | None, prefix: str) -> list[Line]:
    """With accuracy, the balanced accuracy; with any other objective, every figure that was measured."""
    if found is None:
        return []
    if found.objective == "accuracy":
        # Of two classes they tell how well the rows are ranked, whatever the classes' shares.
        ranked = _RANKINGS if found.classification and len(found.classification.classes) == 2 else ()
        return [*_balanced(found, prefix), *_figures(found, ranked, prefix)]
    return _figures(found, [name for name in found.figures if name != found.objective], prefix)


def _figures(found: Measurement, names: Sequence[str], prefix: str) -> list[Line]:
    """Some of the figures of a measurement, each with its own baseline where that is known."""
    lines = []
    for objective in (OBJECTIVES[name] for name in names if name in found.figures):
        base = found.base_figures.get(objective.name)
        beside = "" if base is None else f"; baseline {objective.show(base)}"
        value = objective.show(found.figures[objective.name])
        lines.append((f"{prefix}{objective.title}", value, f"{_meaning(objective, found)}{beside}"))
    return lines


def _out_of_fold(name: str, found: Measurement | None) -> list[Line]:
    """The out-of-fold figure, with the standard error over its rows."""
    if found is None or found.folds is None:
        return []
    objective = OBJECTIVES[found.objective]
    who = "the network" if found.networks == 1 else "networks"
    remark = (
        f"mean of {found.folds} folds, standard error {objective.show_difference(found.standard_error)}; "
        f"{plural(found.rows, 'row')}, each by {who} that did not see it"
    )
    return [(name, objective.show(found.value), remark)]


def _meaning(objective: Objective, found: Measurement) -> str:
    if found.positive is not None and objective.name == "roc_auc":
        return f"area under the ROC curve of {found.positive!r}"
    if found.positive is not None and objective.name == "average_precision":
        return f"of {found.positive!r}: mean precision at each of its rows"
    return objective.meaning[0].lower() + objective.meaning[1:]


def _balanced(found: Measurement, prefix: str) -> list[Line]:
    if (figures := found.classification) is None:
        return []
    base = found.base_figures.get("balanced_accuracy")
    beside = "" if base is None else f"; baseline {percent(base)}"
    remark = f"mean recall of the classes; standard error {points(figures.balanced_error)}{beside}"
    # Two words at most, for narrow terminals.
    name = f"{prefix}balanced" if prefix else "balanced accuracy"
    return [(name, percent(figures.balanced_accuracy), remark)]
