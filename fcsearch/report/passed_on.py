"""The report as people pass it on: without the paths, machines, addresses and users of its run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fcsearch.privacy import Privacy
from fcsearch.report.model import Report
from fcsearch.results import Manifest, RunDirectory, remote

# What comes from the data: names of classes and columns are as they are there.
_OF_DATA = ("dataset", "features", "base_line", "validation")
# Of what was measured of a model, all but this is data, too.
_MODELS, _NOTE = ("test", "ensemble", "refit"), "note"
# Of the address of a run in a folder that is used as a bucket is.
_FILE = "file://"


def privacy_of(report: Report, run: RunDirectory, manifest: Manifest) -> Privacy:
    """What nobody is to learn of a run who is given its report."""
    # Tables of an earlier version have machines by name.
    nodes = [*manifest.machines, *(place.rpartition(" ")[0] for place in report.work.places)]
    places = [run.path.absolute()]
    if (address := str(remote.address(run.path))).startswith(_FILE):
        places.append(Path(address.removeprefix(_FILE)))
    folders = [folder for place in places for folder in (place, place.parent)]
    return Privacy(nodes, host=manifest.machine.get("host"), folders=folders)


def public_places(places: Mapping[str, int], privacy: Privacy) -> dict[str, int]:
    """Trials by machine and device, with machines by number."""
    named = [(place.rpartition(" "), count) for place, count in places.items()]
    return {f"{privacy.node(node)} {device}": count for (node, _, device), count in named}


def passed_on(report: Report, privacy: Privacy) -> dict[str, Any]:
    """The fields of the report."""
    work = dataclasses.replace(report.work, places=public_places(report.work.places, privacy))
    content = dataclasses.asdict(dataclasses.replace(report, work=work))
    rows = [content["best"] and content["best"]["row"], content["trust"]["smallest"], *content["top"]]
    for row in filter(None, rows):
        row["node"] = row["node"] and privacy.node(row["node"])
    models = {
        name: {**content[name], _NOTE: _hidden(content[name][_NOTE], privacy.of)} for name in _MODELS if content[name]
    }
    return {**_hidden(content, privacy.of), **{name: content[name] for name in _OF_DATA}, **models}


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    """A value of JSON with every text in it hidden."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {name: _hidden(item, hide) for name, item in value.items()}
    return [_hidden(item, hide) for item in value] if isinstance(value, list | tuple) else value
