"""The report's charts one by one, as notebooks show them."""

from __future__ import annotations

import functools
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcsearch.errors import UsageError
from fcsearch.report.alternatives import LoadDataset
from fcsearch.report.build import build_report
from fcsearch.report.known import known_measurements
from fcsearch.report.page.assets import LIBRARIES, asset, json_text
from fcsearch.report.page.charts import CONFIG, Figure, Spec
from fcsearch.report.page.contents import Contents, contents_of
from fcsearch.report.passed_on import privacy_of
from fcsearch.report.write import winner_predicted
from fcsearch.results import RunDirectory
from fcsearch.text import did_you_mean, nearest
from fcsearch.whole_file import whole_file

_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_WIDTH = 640
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
_HTML = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="{policy}">
<style>body {{ margin: 8px; background: #fff; color: #17202b; font: 14px system-ui, "DejaVu Sans", sans-serif }}
h1 {{ font-size: 16px; margin: 0 }} p {{ margin: 4px 0 12px; color: #556271 }}</style></head>
<body><h1>{title}</h1><p>{text}</p><div id="chart"></div>
{scripts}
<script>vegaEmbed("#chart", {spec}, {{ actions: false, ast: true, renderer: "svg" }})</script></body></html>
"""
_FRAME = '<iframe srcdoc="{page}" width="100%" height="{height}" style="border: 0; background: #fff"></iframe>'
# Pixels around the chart: its heading, axes and legend.
_AROUND = 190


@dataclass(frozen=True)
class Chart:
    """A chart of the report, which a notebook displays.

    Its colours are light, whatever the theme of the notebook. It contains the code that draws it (0.8 MB), and loads
    nothing from the network.

    Attributes:
        title: Its heading.
        text: What it shows.
        spec: A Vega-Lite specification with its data, for any program that reads it: Altair, vl-convert, an editor.
    """

    title: str
    text: str
    spec: Spec

    def to_html(self) -> str:
        """A page of its own."""
        scripts = "\n".join(f"<script>{asset(f'vendor/{name}')}</script>" for name in LIBRARIES)
        texts = {"policy": _POLICY, "title": html.escape(self.title), "text": html.escape(self.text)}
        return _HTML.format(**texts, scripts=scripts, spec=json_text(self.spec))

    def save(self, path: str | Path) -> None:
        """Write the chart: as a page to a file that ends in .html, as JSON to one that ends in .json.

        Raises:
            UsageError: another ending, or the file system refuses.
        """
        where = Path(path)
        if where.suffix not in (".html", ".json"):
            raise UsageError(
                f"a chart is saved as a page, .html, or as JSON, .json; found {where.name!r}. Choose such an ending"
            )
        text = self.to_html() if where.suffix == ".html" else json.dumps(self.spec, indent=2) + "\n"
        try:
            with whole_file(where) as stream:
                stream.write(text.encode())
        except OSError as error:
            raise UsageError(f"{where} must be a place to write; found: {error.strerror or error}") from error

    def __repr__(self) -> str:
        return f"<Chart: {self.title}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        height = self.spec.get("height", 0) or max((view["height"] for view in self.spec.get("hconcat", ())), default=0)
        frame = _FRAME.format(page=html.escape(self.to_html()), height=height + _AROUND)
        return {"text/html": frame, "text/plain": repr(self)}


class Charts:
    """The charts of a run, made from its directory when they are first asked for."""

    def __init__(self, run: RunDirectory, load: LoadDataset) -> None:
        self._run = run
        self._load = load

    def __getitem__(self, name: str) -> Chart:
        """The chart of that name; UsageError if the run has none."""
        figure = self._figures.get(name)
        if figure is None:
            hint = did_you_mean(nearest(name, self._figures)) or f"; there are {', '.join(self._figures) or 'none yet'}"
            raise UsageError(f"a chart must be one that the run has; found {name!r}{hint}")
        return Chart(figure.title, figure.text, self._spec(figure))

    def names(self) -> list[str]:
        """The charts that the run has."""
        return list(self._figures)

    @functools.cached_property
    def _figures(self) -> dict[str, Figure]:
        return {figure.name: figure for figure in self._contents.all_figures()}

    @functools.cached_property
    def _contents(self) -> Contents:
        report, manifest = build_report(self._run, **vars(known_measurements(self._run))), self._run.manifest()
        predicted = winner_predicted(self._run, report, self._load)
        return contents_of(report, self._run, manifest, privacy_of(report, self._run, manifest), predicted)

    def _spec(self, figure: Figure) -> Spec:
        spec: Spec = {"$schema": _SCHEMA, **figure.spec, "description": f"{figure.title}. {figure.text}"}
        spec["config"] = {**CONFIG, "background": "#ffffff", **figure.spec.get("config", {})}
        if spec.get("width") == "container":
            spec["width"] = _WIDTH
        if figure.fields:
            rows = self._contents.trials.rows(*figure.fields)
            kept = [{key: value for key, value in row.items() if value is not None} for row in rows]
            spec["datasets"] = {"trials": kept[: figure.most]}
        return _coloured(spec)


def _coloured(spec: Spec) -> Spec:
    """The chart with the names of colours replaced by the page's light colours."""
    text = re.sub(r"var\(--([\w-]+)\)", lambda match: _palette()[match[1]], json.dumps(spec))
    coloured: Spec = json.loads(text)
    return coloured


@functools.cache
def _palette() -> dict[str, str]:
    light = asset("page.css").partition("@media")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", light))
