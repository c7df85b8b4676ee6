"""Renders the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fcsearch.config.objective import OBJECTIVES
from fcsearch.report import words
from fcsearch.report.closing import (
    advised_command,
    dashboard,
    exported_name,
    model_option,
    more_trials,
    train_again,
    train_title,
)
from fcsearch.report.confirmed import confirmation_cells, confirmation_remark
from fcsearch.report.importance import METHOD
from fcsearch.report.model import Report
from fcsearch.report.next_space import NEXT_SPACE, next_command
from fcsearch.report.page.assets import json_text, page_environment, page_frame, page_scripts
from fcsearch.report.page.charts import CONFIG
from fcsearch.report.page.charts.regression import Predicted
from fcsearch.report.page.contents import Contents, contents_of
from fcsearch.report.page.progress import Progress, progress_of
from fcsearch.report.passed_on import privacy_of, public_places
from fcsearch.report.summary_lines import (
    best_title,
    figure_lines,
    headline,
    importance_text,
    main_lines,
    settings,
    shown_confirmation,
    top_remark,
    whole_name,
)
from fcsearch.results import Manifest, RunDirectory, read_status
from fcsearch.urls import is_url

_PAIRS = 10
_TOP = 10
# Findings that are advice; all others say how sure the winner is.
_ADVICE = (
    "nothing_learned",
    "diverged",
    "failed",
    "stopped_early",
    "linear",
    "smaller",
    "overfit",
    "last_epoch",
    "early_epoch",
    "edge",
    "outliers",
    "imbalance",
    "few_rows",
)
# Where the commands of the page work.
_STARTED, _HOLDING = "in the folder where the search was started", "in the folder that holds the run"
_SCRIPTS = ("trials.js",)
# For a page that is rewritten while the search is running.
_RELOAD = "reload.js"


def render_html(
    report: Report, run: RunDirectory, predicted: Predicted | None = None, *, every: float | None = None
) -> str:
    """The report as a page.

    Args:
        report: The report.
        run: The run whose trials and epochs the charts show; it is only read.
        predicted: Predictions of a regression's winner, if they are known.
        every: While the search is running: after how many seconds the page looks for a newer one.
    """
    manifest = run.manifest()
    privacy = privacy_of(report, run, manifest)
    found = contents_of(report, run, manifest, privacy, predicted)
    path, started = _where(report.path, manifest.command)
    told = replace(
        report,
        path=path,
        work=replace(report.work, places=public_places(report.work.places, privacy)),
    )
    confirmation = shown_confirmation(report)
    status = read_status(run.path) if report.state == "running" else None
    progress = progress_of(told, status, privacy, every)
    reloads = progress is not None and progress.every is not None
    measured = report.by_class
    classes = measured.classification if measured else None
    scripts = page_scripts(*_SCRIPTS, *([_RELOAD] if reloads else []))
    environment = page_environment(privacy)
    environment.filters.update(percent=words.percent, value=words.value_text, importance=importance_text)
    environment.filters["figure"] = lambda name: whole_name(name, OBJECTIVES[report.objective])
    return environment.get_template("page.html.j2").render(
        report=told,
        headline=headline(told),
        progress=progress,
        best_title=best_title(report, report.best) if report.best else (),
        started=started,
        advised=shlex.join(advised_command(told) or ()),
        next_space=None if report.state == "running" else _next_space(run),
        next_command=shlex.join(next_command(told)),
        more_trials=shlex.join(more_trials(told) or ()),
        objective=OBJECTIVES[report.objective],
        lines=main_lines(report, report.best) if report.best else (),
        all_lines=figure_lines(report, report.best) if report.best else (),
        settings=settings(report.best) if report.best else (),
        measured=measured,
        classes=classes,
        pairs=classes.most_confused(_PAIRS) if classes else (),
        confirmed=confirmation_cells(confirmation) if confirmation else None,
        confirmed_remark=confirmation_remark(confirmation) if confirmation else None,
        sure=[finding.sentence for finding in report.trust.findings if finding.kind not in _ADVICE],
        advice=[finding.sentence for finding in report.trust.findings if finding.kind in _ADVICE],
        method=METHOD,
        top_remark=top_remark(OBJECTIVES[report.objective]),
        figures=found.figures,
        top=found.top(_TOP),
        trials=len(found.trials),
        commands=_commands(told, manifest, started, journal=run.journal_path),
        environment=_environment(manifest),
        data=json_text({**_data(found), "reload": _reload(progress) if progress else None}),
        **page_frame(scripts),
    )


def _where(path: str, command: Sequence[str]) -> tuple[str, str]:
    """A run's path, and in words the folder that it is from: where the search was started, if that tells.

    The page names no absolute path, and a program's own folder is not known.
    """
    words = [word for given in command for word in (given.split("=", 1) if given.startswith("--out=") else [given])]
    folder = words[words.index("--out") + 1] if "--out" in words[:-1] else "runs"
    if len(command) < 2 or Path(folder).is_absolute() or is_url(folder):
        return Path(path).name, _HOLDING
    return str(Path(folder) / Path(path).name), _STARTED


def _data(found: Contents) -> Mapping[str, Any]:
    return {
        "columns": found.trials.columns,
        "parameters": found.trials.parameters,
        "format": found.results.format,
        "title": found.results.title,
        "curves": found.curves,
        "charts": {figure.name: figure.to_json() for figure in found.all_figures()},
        "curve": found.curve,
        "clock": found.trials.clock.title,
        "config": CONFIG,
    }


def _reload(progress: Progress) -> Mapping[str, float] | None:
    """For the script that reloads the page: after how many seconds, and when the page was written, in milliseconds."""
    return {"every": progress.every, "written": 1000 * progress.written.timestamp()} if progress.every else None


def _next_space(run: RunDirectory) -> str | None:
    """The text of next_space.yaml, if anything is advised."""
    try:
        return (run.path / NEXT_SPACE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _commands(report: Report, manifest: Manifest, started: str, *, journal: Path) -> list[tuple[str, str]]:
    """Commands that repeat the run or use its winner."""
    run = shlex.quote(report.path)
    commands = []
    if len(manifest.command) > 1:  # a program has no command
        where = "" if started == _STARTED else f", {_STARTED}"
        commands.append((f"Search again{where}", shlex.join(["fcsearch", *manifest.command[1:]])))
    option = model_option(report)
    if again := train_again(report):
        commands.append(("With another seed", shlex.join(again)))
    elif report.best and (report.trust.recommends or option):
        which, model = f"the {option[1]}" if option else "it", "".join(f" {word}" for word in option)
        if not option:
            train = f"fcsearch train --run {run} --trial {report.best.row['trial_id']}"
            commands.append((train_title(report), train))
        commands += [
            (f"Use {which}", f"fcsearch predict {run}{model} NEW_ROWS --out predictions.csv"),
            (f"Export {which}", f"fcsearch export {run}{model} --out {exported_name()}"),
        ]
    if journal.is_file():
        commands.append(dashboard(f"{report.path}/{journal.name}"))
    return [*commands, ("Update this report", f"fcsearch report {run}")]


def _environment(manifest: Manifest) -> list[tuple[str, str]]:
    machine = {name: value for name, value in manifest.machine.items() if name not in ("host", "byteorder")}
    known = {**manifest.versions, **machine, "workers": manifest.workers, "trials in a pack": manifest.pack_size}
    texts = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in known.items()}
    return [(name, str(text)) for name, text in texts.items() if text not in (None, "", {})]
