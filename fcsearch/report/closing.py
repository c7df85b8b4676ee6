"""The last lines of a run: the winner, its figures, and the usual next commands."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from fcsearch.config.objective import OBJECTIVES
from fcsearch.config.states import STOPPED, UNFINISHED
from fcsearch.report.judgement import Verdict
from fcsearch.report.model import Best, Report
from fcsearch.report.next_space import NEXT_SPACE, next_command
from fcsearch.report.summary_lines import settings
from fcsearch.report.words import plural, value_text

_COMMANDS = 3


def winner_line(report: Report, best: Best) -> str:
    """The best network: its trial, and the parameters that varied."""
    varied = [effect.parameter for effect in report.effects if effect.parameter in best.parameters]
    shown = [(name, value_text(best.parameters[name])) for name in best.parameters if name in varied] or settings(best)
    row = best.row
    short = row["state"] in (STOPPED, UNFINISHED)
    left = f" (stopped after epoch {row['epochs_run']} of {row['epochs']})" if short else ""
    return f"trial {row['trial_id']}{left}: {', '.join(f'{name} {value}' for name, value in shown)}"


def figures_line(report: Report, best: Best) -> str:
    """Its figures, the one to quote last."""
    objective = OBJECTIVES[report.objective]
    found = [f"validation {objective.title} {objective.show(best.row[objective.column])}{_folds(report, best)}"]
    winner = report.confirmation.winner if report.confirmation else None
    if winner is not None:
        found.append(f"confirmed {objective.show(winner.mean)} over {plural(len(winner.values), 'other seed')}")
    if measured := report.test.measurement:
        test = OBJECTIVES[measured.objective]
        error = f"standard error {test.show_difference(measured.standard_error)}"
        beside = f"; baseline {test.show(measured.base_line.value)}" if measured.base_line else ""
        again = "; not the first look at these rows" if report.test.earlier else ""
        found.append(f"test {test.show(measured.value)} ({error}{beside}{again})")
    return ", ".join(found)


def _folds(report: Report, best: Best) -> str:
    """The number of folds that a value is the mean of, and its standard error; empty without folds."""
    error = best.row.get("val_standard_error")
    if report.dataset.folds is None or error is None:
        return ""
    shown = OBJECTIVES[report.objective].show_difference(error)
    return f" (mean of {report.dataset.folds} folds, standard error {shown})"


def next_commands(report: Report) -> list[str]:
    """The usual next commands, ready to be copied."""
    found = [shlex.join(command) for command in _commands(report)]
    # After a verdict each is a remedy that the report names.
    return found if report.trust.verdict else found[:_COMMANDS]


def more_trials(report: Report) -> list[str] | None:
    """The command that doubles the trials of a search that is complete; None if they would not help."""
    if report.ending != "complete" or report.sampler == "grid" or report.trust.verdict or not report.best:
        return None
    return ["fcsearch", "resume", report.path, "--trials", str(2 * max(report.work.done, report.work.planned or 0))]


def _after_a_verdict(report: Report, verdict: Verdict) -> Iterator[list[str]]:
    """What may still show a lead; else the run's own space again, with one remedy each time."""
    if verdict.so_far:
        yield ["fcsearch", "confirm" if report.state == "complete" else "resume", report.path]
        return
    for changes in report.trust.remedies:
        yield _search_again(report, changes)


def advised_command(report: Report) -> list[str] | None:
    """The search that the report advises before all else; None if it advises none, or after a verdict."""
    if report.trust.verdict or not report.trust.remedies:
        return None
    return _search_again(report, report.trust.remedies[0])


def _search_again(report: Report, changes: Sequence[str]) -> list[str]:
    sets = [word for change in changes for word in ("--set", change)]
    return ["fcsearch", "run", report.path, *sets, *report.run_options]


def _commands(report: Report) -> Iterator[list[str]]:
    path = report.path
    if (verdict := report.trust.verdict) is not None:
        yield from _after_a_verdict(report, verdict)
        return
    if report.ending != "complete":
        yield ["fcsearch", "resume", path]
    elif report.objective == "accuracy" and not (report.confirmation and report.confirmation.done):
        yield ["fcsearch", "confirm", path]
    again = train_again(report)
    yield again or ["fcsearch", "predict", path, *model_option(report), "NEW_ROWS.csv", "--out", "predictions.csv"]
    if advised := advised_command(report):
        yield advised
    elif (Path(path) / NEXT_SPACE).is_file():
        yield next_command(report)
    elif more := more_trials(report):
        yield more
    if again is None:
        yield ["fcsearch", "export", path, *model_option(report), "--out", exported_name()]


def model_option(report: Report) -> list[str]:
    """The option that names the model to use, where it is not the chosen network; else empty."""
    caution = report.trust.caution
    return ["--model", caution.model] if caution and caution.model else []


def train_again(report: Report) -> list[str] | None:
    """The command that trains the chosen network with a seed that learns, where its own did not; None otherwise.

    With folds it searches again: what is used then is the refit.
    """
    caution = report.trust.caution
    if caution is None or caution.seed is None or report.best is None:
        return None
    seed = ["--seed", str(caution.seed)]
    if report.dataset.folds:
        return ["fcsearch", "run", report.path, *seed, *report.run_options]
    which = ["--run", report.path, "--trial", str(report.best.row["trial_id"])]
    return ["fcsearch", "train", *which, *seed, "--save", "model.safetensors"]


def train_title(report: Report) -> str:
    """What `Best.train_command` does: with folds it is not the network that the report is about, the refit."""
    folds = report.dataset.folds
    return f"Train fold 1 of {folds} of the best trial again" if folds else "Train the best network again"


def dashboard(journal: str) -> tuple[str, str]:
    """How to look at a run's journal in Optuna's dashboard: in words, and the command."""
    return 'In Optuna\'s dashboard, after pip install "fcsearch[dashboard]"', shlex.join(["optuna-dashboard", journal])


def exported_name() -> str:
    """A file for an exported network, in a form that this environment can write: ONNX needs an extra."""
    has_onnx = all(importlib.util.find_spec(package) for package in ("onnx", "onnxruntime"))
    return "model.onnx" if has_onnx else "model.pt2"
