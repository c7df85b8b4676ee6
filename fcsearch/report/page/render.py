"""Puts the page together."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from fcsearch.config.objective import OBJECTIVES
from fcsearch.report import words
from fcsearch.report.confirmed import confirmation_cells, confirmation_unit
from fcsearch.report.importance import METHOD
from fcsearch.report.model import Report
from fcsearch.report.page.charts import CONFIG
from fcsearch.report.page.charts.regression import Predicted
from fcsearch.report.page.contents import Contents, contents_of
from fcsearch.report.page.privacy import Privacy
from fcsearch.report.phrases import figure_lines, headline, importance_text, settings, top_remark
from fcsearch.results import Manifest, RunDirectory

_PAIRS = 10
_TOP = 10
# What a reader is advised; all else that was found says how sure the winner is.
_ADVICE = ("diverged", "failed", "smaller", "overfit", "last_epoch", "edge", "torn")
LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
_SCRIPT = "page.js"


def render_html(report: Report, run: RunDirectory, predicted: Predicted | None = None) -> str:
    """The report as a page.

    Args:
        report: What to say.
        run: Whose trials and epochs the charts are of; it is only read.
        predicted: What a regression's winner predicts, if that is known.
    """
    manifest = run.manifest()
    privacy = privacy_of(report, run, manifest)
    found = contents_of(report, run, manifest, privacy, predicted)
    told = replace(
        report,
        path=Path(report.path).name,
        work=replace(report.work, places=_places(report.work.places, privacy)),
    )
    measured = report.test.measurement or report.validation
    classes = measured.classification if measured else None
    scripts = [asset(f"vendor/{name}") for name in LIBRARIES] + [asset(_SCRIPT)]
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Nothing that is printed says where the run lies.
        finalize=lambda value: privacy.of(value) if type(value) is str else value,
    )
    environment.filters.update(percent=words.percent, value=words.value_text, importance=importance_text)
    return environment.from_string(asset("page.html.j2")).render(
        report=told,
        headline=headline(told),
        objective=OBJECTIVES[report.objective],
        lines=figure_lines(report, report.best) if report.best else (),
        settings=settings(report.best) if report.best else (),
        measured=measured,
        classes=classes,
        pairs=classes.most_confused(_PAIRS) if classes else (),
        confirmed=confirmation_cells(report.confirmation) if report.confirmation and report.confirmation.done else None,
        confirmed_unit=confirmation_unit(report.confirmation) if report.confirmation else None,
        sure=[finding.sentence for finding in report.trust.findings if finding.kind not in _ADVICE],
        advice=[finding.sentence for finding in report.trust.findings if finding.kind in _ADVICE],
        method=METHOD,
        top_remark=top_remark(OBJECTIVES[report.objective]),
        figures=found.figures,
        top=found.top(_TOP),
        trials=len(found.trials),
        commands=_commands(told, manifest),
        environment=_environment(manifest),
        style=Markup(asset("page.css")),
        scripts=[Markup(script) for script in scripts],
        policy=_policy(scripts),
        data=Markup(json_text(_data(found))),
    )


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


def json_text(value: Mapping[str, Any]) -> str:
    """JSON that can stand in an element: nothing in it ends that."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(scripts: list[str]) -> str:
    """What a browser may do for the page: run these scripts, and ask nobody for anything."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'"


@functools.cache
def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@functools.cache
def asset(name: str) -> str:
    """A file that is part of the page."""
    return resources.files("fcsearch.report.page").joinpath(name).read_text("utf-8")


def privacy_of(report: Report, run: RunDirectory, manifest: Manifest) -> Privacy:
    """What the page of a run must not say."""
    nodes = [place.rpartition(" ")[0] for place in report.work.places]
    place = run.path.absolute()
    return Privacy(nodes, host=manifest.machine.get("host"), folders=[place, place.parent])


def _places(places: Mapping[str, int], privacy: Privacy) -> dict[str, int]:
    named = [(place.rpartition(" "), count) for place, count in places.items()]
    return {f"{privacy.node(node)} {device}": count for (node, _, device), count in named}


def _commands(report: Report, manifest: Manifest) -> list[tuple[str, str]]:
    """What repeats the run, and what can be done with its winner; run where the runs are."""
    run = shlex.quote(report.path)
    commands = []
    if manifest.command:
        commands.append(("Search again", shlex.join(["fcsearch", *manifest.command[1:]])))
    if report.best:
        commands += [
            ("Train the winner again", f"fcsearch train --run {run} --trial {report.best.row['trial_id']}"),
            ("Use it", f"fcsearch predict {run} NEW_ROWS --out predictions.csv"),
            ("Export it", f"fcsearch export {run} --out model.onnx"),
        ]
    return [*commands, ("This report anew", f"fcsearch report {run}")]


def _environment(manifest: Manifest) -> list[tuple[str, str]]:
    machine = {name: value for name, value in manifest.machine.items() if name not in ("host", "byteorder")}
    known = {**manifest.versions, **machine, "workers": manifest.workers, "trials in a pack": manifest.pack_size}
    texts = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in known.items()}
    return [(name, str(text)) for name, text in texts.items() if text not in (None, "", {})]
